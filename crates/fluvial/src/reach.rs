//! Addresses under which others can reach this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use engine::Egress;

/// The addresses to tell others for a socket that listens on `listen`: itself, or for a wildcard
/// those of the default route. Never loopback, unless that is what was listened on, or there is
/// no other.
pub(crate) fn addresses(egress: &Egress, listen: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> =
        listen.iter().filter_map(|&address| reachable(egress, address)).collect();
    all.sort_by_key(SocketAddr::is_ipv6);
    all.dedup();
    if all.is_empty() {
        let alone = listen.iter().map(|a| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), a.port()));
        all.extend(alone.take(1));
    }
    all
}

fn reachable(egress: &Egress, address: SocketAddr) -> Option<SocketAddr> {
    if !address.ip().is_unspecified() {
        return Some(address);
    }
    let ip = match egress.interface() {
        Some(_) => egress.address(address.is_ipv6()),
        None => default_route(address.is_ipv6()),
    }?;
    Some(SocketAddr::new(ip, address.port()))
}

/// The address that packets to the world would carry. Nothing is sent: a datagram socket that is
/// "connected" has only its route looked up.
fn default_route(v6: bool) -> Option<IpAddr> {
    let (any, world): (IpAddr, IpAddr) = if v6 {
        // Documentation prefixes: routable in form, nobody's in fact (RFC 3849, RFC 5737).
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
    } else {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(203, 0, 113, 1).into())
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((world, 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}
