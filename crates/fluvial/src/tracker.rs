//! `fluvial tracker`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use announce::StoreConfig;
use served::{TrackerBuilder, TrackerServer};

use crate::args::Tracker;
use crate::events::Event;
use crate::output::Output;
use crate::reach;
use crate::signals::Stop;

/// Where a tracker is expected when no address was named.
const DEFAULT_PORT: u16 = 6969;

/// Runs a tracker until it is told to end.
pub(crate) async fn run(args: &Tracker, output: &Output) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let server = start(args)?;
    let url = server.http_addresses().first().map(|_| url(server.http_addresses()));
    let udp = server.udp_addresses().first().map(ToString::to_string);
    output.event(&Event::TrackerReady { udp: udp.as_deref(), http: url.as_deref() });
    output.good("Tracker", "announce to");
    if let Some(url) = &url {
        output.line(format!("  {url}"));
    }
    for address in reach::addresses(server.udp_addresses()) {
        output.line(format!("  udp://{address}/announce"));
    }
    stop.wished().await;
    server.shutdown().await;
    output.event(&Event::Stopped);
    Ok(())
}

/// The announce URL of an HTTP tracker that listens on `addresses`.
pub(crate) fn url(addresses: &[SocketAddr]) -> String {
    let reachable = reach::addresses(addresses);
    let address = reachable.first().copied().unwrap_or(addresses[0]);
    format!("http://{address}/announce")
}

fn start(args: &Tracker) -> anyhow::Result<TrackerServer> {
    let store = StoreConfig {
        memory: args.memory.unwrap_or(StoreConfig::default().memory),
        ..StoreConfig::default()
    };
    let builder = |udp: &[SocketAddr], http: &[SocketAddr]| {
        let builder = TrackerServer::builder().store(store.clone());
        let builder = udp.iter().fold(builder, |builder, &address| builder.udp(address));
        http.iter().fold(builder, |builder: TrackerBuilder, &address| builder.http(address))
    };
    if args.udp.is_empty() && args.http.is_empty() {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT));
        // A host without IPv6 still serves IPv4.
        return match builder(&[v4, v6], &[v4, v6]).spawn() {
            Ok(server) => Ok(server),
            Err(_) => Ok(builder(&[v4], &[v4]).spawn()?),
        };
    }
    Ok(builder(&args.udp, &args.http).spawn()?)
}
