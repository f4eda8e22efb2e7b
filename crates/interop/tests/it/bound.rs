//! `--bind`: all of it takes one interface, and the other one sees nothing.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};

use interop::{Capture, Client, Content, Fluvial, Format, Lab, NameServer, Program, Shape, Source};
use interop::{TrackerNode, run};

const SIZE: u64 = 4 << 20;
/// The bridge, where the test itself runs.
const BRIDGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
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
        interop::wait_until("the capture to see peers", || Ok(!capture.seen()?.is_empty()))?;
        println!("   without --bind: the other interface saw packets");
    }
    Ok(())
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
