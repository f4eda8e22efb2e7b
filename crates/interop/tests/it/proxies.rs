//! `--proxy`: all of it goes through a proxy that people run, and nothing goes anywhere else.

use anyhow::{Result, ensure};

use interop::{Capture, Client, Content, DhtNode, Fluvial, Format, Lab, Node, Program, ProxyNode};
use interop::{Shape, Source, TrackerNode, run, wait_until};

const SIZE: u64 = 4 << 20;

/// Fails when something passed between a machine and anybody but the proxy. What the systems
/// themselves have to say is left out.
fn ensure_none_strays(capture: &Capture, node: &Node, proxy: &ProxyNode) -> Result<()> {
    let (theirs, v4, v6) = (proxy.node().v4(), node.v4(), node.v6());
    let names = |line: &str, place: String| line.contains(&place);
    let mut seen = capture.seen()?;
    seen.retain(|line| names(line, format!(" {v4}.")) || names(line, format!(" {v6}.")));
    let all = seen.len();
    seen.retain(|line| !names(line, format!(" {theirs}.")));
    ensure!(seen.is_empty(), "went round the proxy: {seen:#?}");
    ensure!(all > 0, "the capture sees the proxy");
    Ok(())
}

/// Gets a content whose seed is found by a tracker over `scheme`; then once more, while the proxy
/// is gone.
fn get(lab: &mut Lab, mut proxy: ProxyNode, scheme: &str, transport: &str) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    // Names are for the proxy to look up; where it cannot be told one, there is an address.
    let announce = match scheme {
        "udp" => format!("udp://{}:6969/announce", tracker.v4()),
        scheme => tracker.url(scheme, false),
    };
    let mut seed = Fluvial::start(lab, &["--transport", transport])?;
    let content = Content::publish(lab, (Shape::File, Format::V1), SIZE, &announce)?;
    seed.seed(&content)?;
    tracker.wait_for_seeds(&content, 1)?;
    let getter = lab.node("getter")?;
    let capture = Capture::start(&getter, "eth0")?;
    let url = proxy.url().to_owned();
    let mut ours = Fluvial::start_at(&getter, &["--proxy", &url, "--transport", transport]);
    ours.get(&content, Source::Magnet)?;
    ours.wait_complete(&content)?;
    ours.finish(&content)?;
    ensure_none_strays(&capture, &getter, &proxy)?;
    println!("   {transport}, found by {scheme}: complete, all of it through {url}");

    proxy.stop();
    let getter = lab.node("late")?;
    let capture = Capture::start(&getter, "eth0")?;
    let peer = seed.address().to_string();
    let flags = ["--proxy", &url, "--peer", &peer, "--web-seed", "http://v4.tracker.test/"];
    let mut late = Fluvial::start_at(&getter, &flags);
    late.get(&content, Source::Torrent)?;
    // There is no log at first.
    let missed = || Ok(late.has_logged(&content, "cannot reach").unwrap_or_default());
    wait_until("the proxy to be missed", missed)?;
    ensure!(!late.is_complete(&content)?, "nothing comes without the proxy");
    ensure_none_strays(&capture, &getter, &proxy)?;
    println!("   with the proxy gone: nothing went anywhere");
    Ok(())
}

/// Gets a content whose seed is found by the DHT alone.
fn get_by_dht(lab: &mut Lab) -> Result<()> {
    let router = DhtNode::start(lab, None)?;
    let bootstrap = router.address().to_string();
    let mut seed = Fluvial::start_in_dht(lab, router.address())?;
    let content = Content::publish(lab, (Shape::File, Format::V1), SIZE, "")?;
    seed.seed(&content)?;
    wait_until("the seed to announce", || seed.has_logged(&content, "announced to the DHT"))?;
    let proxy = ProxyNode::dante(lab)?;
    let getter = lab.node("getter")?;
    let capture = Capture::start(&getter, "eth0")?;
    let flags = ["--proxy", proxy.url(), "--bootstrap", &bootstrap];
    let mut ours = Fluvial::discovering_on(getter.clone(), &flags);
    ours.get(&content, Source::Magnet)?;
    ours.wait_complete(&content)?;
    ours.finish(&content)?;
    ensure_none_strays(&capture, &getter, &proxy)?;
    println!("   found by the DHT: complete, all of it through {}", proxy.url());
    Ok(())
}

#[test]
fn tcp_goes_through_socks() {
    let programs = [Program::Tcpdump, Program::Dante];
    run("proxies::tcp_goes_through_socks", &programs, |lab| {
        let proxy = ProxyNode::dante(lab)?;
        get(lab, proxy, "http", "tcp")
    });
}

#[test]
fn utp_and_udp_trackers_go_through_socks() {
    let programs = [Program::Tcpdump, Program::Dante];
    run("proxies::utp_and_udp_trackers_go_through_socks", &programs, |lab| {
        let proxy = ProxyNode::dante(lab)?;
        get(lab, proxy, "udp", "utp")
    });
}

#[test]
fn the_dht_goes_through_socks() {
    let programs = [Program::Tcpdump, Program::Dante];
    run("proxies::the_dht_goes_through_socks", &programs, get_by_dht);
}

#[test]
fn socks_with_a_password_and_without_udp_will_do() {
    let programs = [Program::Tcpdump, Program::Microsocks];
    run("proxies::socks_with_a_password_and_without_udp_will_do", &programs, |lab| {
        let proxy = ProxyNode::microsocks(lab)?;
        get(lab, proxy, "http", "both")
    });
}

#[test]
fn http_will_do() {
    let programs = [Program::Tcpdump, Program::Tinyproxy];
    run("proxies::http_will_do", &programs, |lab| {
        let proxy = ProxyNode::tinyproxy(lab)?;
        get(lab, proxy, "http", "both")
    });
}
