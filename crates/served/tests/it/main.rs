//! The tracker over real loopback sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod http;
mod operate;
mod udp;

use std::net::SocketAddr;

use announce::{AnnounceRequest, Event, announce_url};
use hash::Sha1Digest;
use served::TrackerServer;

/// A tracker on all loopback addresses that this machine has: IPv4, then IPv6.
fn tracker() -> TrackerServer {
    let builder = TrackerServer::builder().udp(v4()).udp(v6()).http(v4()).http(v6());
    builder.spawn().expect("loopback of both families is there")
}

fn v4() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn v6() -> SocketAddr {
    "[::1]:0".parse().unwrap()
}

fn request(port: u16, left: u64) -> AnnounceRequest {
    AnnounceRequest {
        info_hash: Sha1Digest([7; 20]),
        port,
        left,
        event: Event::Started,
        ..AnnounceRequest::default()
    }
}

fn target(request: &AnnounceRequest) -> String {
    announce_url("/announce", request)
}

#[tokio::test]
async fn busy_port_is_named() {
    let first = TrackerServer::builder().http(v4()).udp(v4()).spawn().unwrap();
    let busy = first.http_addresses()[0];
    let error = TrackerServer::builder().http(busy).spawn().unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on TCP {busy}: ")), "{error}");
    let busy = first.udp_addresses()[0];
    let error = TrackerServer::builder().udp(busy).spawn().unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on UDP {busy}: ")), "{error}");
}
