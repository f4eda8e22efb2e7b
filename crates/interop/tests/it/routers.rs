//! Ports opened at a router that people have (miniupnpd), by each of the protocols.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use interop::{Client, Content, Fluvial, Format, Lab, Program, Router, Shape, Source};
use interop::{run, wait_until};

const SIZE: u64 = 4 << 20;
const LEASE: Duration = Duration::from_secs(8);

/// A seed behind a router, which lets in nobody by itself, is reached from outside; for longer than
/// its lease; and leaves nothing open.
fn opens(lab: &mut Lab, method: &str) -> Result<()> {
    let router = Router::start(lab)?;
    let lease = format!("{}s", LEASE.as_secs());
    let flags = ["--port-mapping", method, "--port-mapping-lease", &lease];
    let mut home = Fluvial::start_at(router.home(), &flags);
    let content = Content::publish(lab, (Shape::File, Format::V1), SIZE, "")?;
    ensure!(router.forwarded()?.is_empty(), "nothing is open at first");
    home.seed(&content)?;
    let is_open = || Ok(router.forwarded()?.len() == 2);
    wait_until("TCP and UDP to be forwarded", is_open)?;
    let port = router.forwarded()?[0];
    fetch(lab, &content, &format!("{}:{port}", router.outside()))?;
    println!("   {method}: port {port} is open, and a peer outside has fetched through it");
    sleep(LEASE * 3);
    wait_until("the ports to be forwarded still", is_open)?;
    fetch(lab, &content, &format!("{}:{port}", router.outside()))?;
    println!("   {method}: still so after three leases of {LEASE:?}");
    home.terminate(&content)?;
    home.finish(&content)?;
    let left = router.forwarded()?;
    ensure!(left.is_empty(), "left open: {left:?}");
    println!("   {method}: closed at the end");
    Ok(())
}

fn fetch(lab: &mut Lab, content: &Content, from: &str) -> Result<()> {
    let mut outside = Fluvial::start(lab, &["--peer", from])?;
    outside.get(content, Source::Torrent)?;
    outside.wait_complete(content)
}

#[test]
fn a_router_opens_ports_by_pcp() {
    run("routers::a_router_opens_ports_by_pcp", &[Program::Miniupnpd], |lab| opens(lab, "pcp"));
}

#[test]
fn a_router_opens_ports_by_natpmp() {
    run("routers::a_router_opens_ports_by_natpmp", &[Program::Miniupnpd], |lab| {
        opens(lab, "natpmp")
    });
}

#[test]
fn a_router_opens_ports_by_upnp() {
    run("routers::a_router_opens_ports_by_upnp", &[Program::Miniupnpd], |lab| opens(lab, "upnp"));
}
