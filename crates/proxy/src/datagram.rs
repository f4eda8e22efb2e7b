//! Datagrams on their way to a SOCKS5 proxy and back (RFC 1928 §7).

use std::net::SocketAddr;

use crate::socks::{IPV4, IPV6, put_target, read_target};
use crate::target::Target;

/// The longest header of a datagram to an address, in bytes.
pub const HEADER_MAX: usize = 4 + 16 + 2;

/// A datagram for `to`, as the proxy is to be sent it.
pub fn wrap(to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_MAX + payload.len());
    out.extend([0, 0, 0]);
    put_target(&Target::Address(to), &mut out).expect("only names are too long");
    out.extend_from_slice(payload);
    out
}

/// Who sent a datagram that the proxy has passed on, and what; `None` when it is none, is only a
/// part of one, or comes from a name, which nothing here was sent to.
pub fn unwrap(datagram: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (&[0, 0, 0, kind], rest) = datagram.split_first_chunk()? else {
        return None;
    };
    let length = match kind {
        IPV4 => 4 + 2,
        IPV6 => 16 + 2,
        _ => return None,
    };
    let (from, payload) = rest.split_at_checked(length)?;
    let Target::Address(from) = read_target(kind, from)? else {
        return None;
    };
    Some((SocketAddr::new(from.ip().to_canonical(), from.port()), payload))
}
