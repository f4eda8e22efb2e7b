//! Peers as runs of six or eighteen bytes (BEP 23, BEP 7).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of one IPv4 peer.
pub(crate) const V4: usize = 6;
/// Bytes of one IPv6 peer.
pub(crate) const V6: usize = 18;

/// Appends those of `peers` that are IPv4 (or IPv6) addresses.
pub(crate) fn write(peers: &[SocketAddr], ipv6: bool, out: &mut Vec<u8>) {
    for peer in peers {
        match peer {
            SocketAddr::V4(peer) if !ipv6 => out.extend_from_slice(&peer.ip().octets()),
            SocketAddr::V6(peer) if ipv6 => out.extend_from_slice(&peer.ip().octets()),
            _ => continue,
        }
        out.extend_from_slice(&peer.port().to_be_bytes());
    }
}

/// Reads up to `limit` peers. A partial one at the end and peers of port 0 are passed over.
pub(crate) fn read(bytes: &[u8], ipv6: bool, limit: usize, out: &mut Vec<SocketAddr>) {
    let read_v4 = |chunk: &[u8]| {
        let &[a, b, c, d, high, low] = chunk else {
            return None;
        };
        Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))))
    };
    let read_v6 = |chunk: &[u8]| {
        let (ip, port) = (chunk.first_chunk::<16>()?, chunk.last_chunk::<2>()?);
        Some(SocketAddr::from((Ipv6Addr::from(*ip), u16::from_be_bytes(*port))))
    };
    let peers = bytes
        .chunks_exact(if ipv6 { V6 } else { V4 })
        .filter_map(|chunk| if ipv6 { read_v6(chunk) } else { read_v4(chunk) })
        .filter(|peer| peer.port() != 0);
    out.extend(peers.take(limit));
}
