//! `--bind`: all of it takes one interface, and the other one sees nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use interop::{Capture, Client, Content, DhtNode, Fluvial, Format, Lab, NameServer, Program};
use interop::{Shape, Source, TrackerNode, run, wait_until};

const SIZE: u64 = 4 << 20;
/// The bridge, where the test itself runs.
const BRIDGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Where it listens.
const PORT: u16 = 7001;
/// In no file of hosts.
const NAME: &str = "tracker.example:6969/announce";

/// The routes of a machine lead over its second interface. With `bind`, everything that gets a
/// content takes the first: names, trackers over HTTP and UDP, peers, the question for open ports.
fn get(lab: &mut Lab, transport: &str, bind: bool) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let names = NameServer::start(BRIDGE, tracker.v4())?;
    let mut seed = Fluvial::start(lab, &["--transport", transport])?;
    let content =
        Content::publish(lab, (Shape::File, Format::V1), SIZE, &tracker.url("http", false))?;
    seed.seed(&content)?;
    tracker.wait_for_seeds(&content, 1)?;
    let getter = lab.node("getter")?;
    let other = lab.add_uplink(&getter)?;
    let (http, udp) = (format!("http://{NAME}"), format!("udp://{NAME}"));
    let mut flags = vec!["--transport", transport, "--tracker", &http, "--tracker", &udp];
    flags.extend(["--port-mapping", "pcp"]);
    let peer = format!("{}:7001", seed.node().v4());
    let dns = BRIDGE.to_string();
    if bind {
        flags.extend(["--bind", "eth0", "--dns", &dns]);
    } else {
        flags.extend(["--peer", &peer]);
    }
    let capture = Capture::start(&getter, &other)?;
    let mut ours = Fluvial::start_at(&getter, &flags);
    ours.get(&content, Source::Magnet)?;
    if bind {
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let seen = capture.seen()?;
        ensure!(seen.is_empty(), "seen on the other interface: {seen:#?}");
        ensure!(names.asked() > 0, "no name was looked up");
        println!("   --bind over {transport}: complete; the other interface saw nothing");
    } else {
        wait_until("the capture to see peers", || Ok(!capture.seen()?.is_empty()))?;
        println!("   without --bind: the other interface saw packets");
    }
    Ok(())
}

/// The interface goes away in the midst of it all, and comes back with another address. Meanwhile
/// nothing takes the other way; afterwards everything works again, in both directions.
fn get_after_a_break(lab: &mut Lab, transport: &str) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let _names = NameServer::start(BRIDGE, tracker.v4())?;
    let router = DhtNode::start(lab, None)?;
    let bootstrap = router.address().to_string();
    let mut seed = Fluvial::start(lab, &["--transport", transport, "--up-limit", "1MB/s"])?;
    let content =
        Content::publish(lab, (Shape::File, Format::V1), 6 * SIZE, &tracker.url("http", false))?;
    seed.seed(&content)?;
    tracker.wait_for_seeds(&content, 1)?;
    let getter = lab.node("getter")?;
    let other = lab.add_uplink(&getter)?;
    let (http, dns) = (format!("http://{NAME}"), BRIDGE.to_string());
    let ways = ["--bind", "eth0", "--dns", &dns, "--tracker", &http, "--bootstrap", &bootstrap];
    let manner = ["--transport", transport, "--no-lsd", "--no-port-mapping", "--seed", "forever"];
    let capture = Capture::start(&getter, &other)?;
    let mut ours = Fluvial::discovering_on(getter.clone(), &[&ways[..], &manner].concat());
    ours.listen_everywhere();
    ours.get(&content, Source::Torrent)?;
    let here = |ours: &mut Fluvial| -> Result<u64> {
        let done = ours.events(&content)?.iter().filter_map(|event| event["done"].as_u64());
        Ok(done.max().unwrap_or(0))
    };
    wait_until("it to be under way", || Ok(here(&mut ours)? > SIZE / 2))?;
    getter.set_link("eth0", false)?;
    std::thread::sleep(Duration::from_secs(10));
    let before = here(&mut ours)?;
    ensure!(before < content.length(), "the link went down too late");
    let [net, subnet, ..] = getter.v4().octets();
    let moved = Ipv4Addr::new(net, subnet, 255, 9);
    getter.move_to("eth0", moved)?;
    getter.set_link("eth0", true)?;
    let since = Instant::now();
    wait_until("it to go on", || Ok(here(&mut ours)? > before))?;
    println!("   {transport}: it goes on {:.0} s after the link", since.elapsed().as_secs_f64());
    ours.wait_complete(&content)?;

    let place = SocketAddr::from((moved, PORT));
    wait_until("the node of the DHT to answer", || router.finds(&content, place))?;
    println!("   {transport}: its node of the DHT answers");
    // What comes now can come from nobody else.
    seed.kill(&content);
    let peer = place.to_string();
    let mut late = Fluvial::start(lab, &["--transport", transport, "--peer", &peer])?;
    late.get(&content, Source::Torrent)?;
    late.wait_complete(&content)?;
    println!("   {transport}: it can be connected to");
    let seen = capture.seen()?;
    ensure!(seen.is_empty(), "seen on the other interface: {seen:#?}");
    Ok(())
}

#[test]
fn an_interface_may_go_and_come_back_with_tcp() {
    let name = "bound::an_interface_may_go_and_come_back_with_tcp";
    run(name, &[Program::Tcpdump], |lab| get_after_a_break(lab, "tcp"));
}

#[test]
fn an_interface_may_go_and_come_back_with_utp() {
    let name = "bound::an_interface_may_go_and_come_back_with_utp";
    run(name, &[Program::Tcpdump], |lab| get_after_a_break(lab, "utp"));
}

#[test]
fn tcp_takes_no_other_interface() {
    let programs = [Program::Tcpdump];
    run("bound::tcp_takes_no_other_interface", &programs, |lab| get(lab, "tcp", true));
}

#[test]
fn utp_takes_no_other_interface() {
    let programs = [Program::Tcpdump];
    run("bound::utp_takes_no_other_interface", &programs, |lab| get(lab, "utp", true));
}

#[test]
fn without_it_routes_are_followed() {
    let programs = [Program::Tcpdump];
    run("bound::without_it_routes_are_followed", &programs, |lab| get(lab, "tcp", false));
}
