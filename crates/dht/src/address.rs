//! Addresses: the family, the compact forms (BEP 5, BEP 32), and who counts as one and the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use stdx::is_local;

use crate::Id;

/// One of the two tables that there are (BEP 32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address, which must not be an IPv4 address in IPv6 clothes.
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Bytes of a compact address: ip and port.
    pub(crate) const fn compact(self) -> usize {
        match self {
            Self::V4 => 6,
            Self::V6 => 18,
        }
    }
}

/// A node: who and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contact {
    /// Its id.
    pub id: Id,
    /// Its address.
    pub address: SocketAddr,
}

impl Contact {
    /// Appends the compact form: the id, the IP address and the port.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        write_address(self.address, out);
    }
}

/// Appends the compact form of an address.
pub(crate) fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    match address.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
    out.extend_from_slice(&address.port().to_be_bytes());
}

/// Reads a compact address of either family, by its length.
pub(crate) fn read_address(bytes: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
    let port = u16::from_be_bytes(port.try_into().ok()?);
    if let Ok(ip) = <[u8; 4]>::try_from(ip) {
        return Some((Ipv4Addr::from(ip), port).into());
    }
    Some((Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?), port).into())
}

/// Reads the compact nodes of one family, at most `limit`. A partial one at the end, and what is
/// no address of a node, are passed over.
pub(crate) fn read_contacts(bytes: &[u8], family: Family, limit: usize) -> Vec<Contact> {
    let contact = |chunk: &[u8]| {
        let (id, address) = chunk.split_at(20);
        let contact = Contact { id: Id::from_slice(id)?, address: read_address(address)? };
        is_usable(contact.address).then_some(contact)
    };
    bytes.chunks_exact(20 + family.compact()).filter_map(contact).take(limit).collect()
}

/// Whether a datagram may be sent there at all: not to port 0, no multicast or broadcast, and
/// IPv4 only as such.
pub(crate) fn is_usable(address: SocketAddr) -> bool {
    let ip = match address.ip() {
        IpAddr::V4(ip) => !ip.is_broadcast() && !ip.is_multicast() && ip.octets()[0] != 0,
        IpAddr::V6(ip) => {
            ip.to_ipv4_mapped().is_none() && !ip.is_multicast() && !ip.is_unspecified()
        }
    };
    ip && address.port() != 0
}

/// Who an address belongs to, as far as bounds for each go: the IPv4 address, the IPv6 /64, or on
/// local networks the address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holder(u128, u16);

impl Holder {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self::cut(address, 32, 64)
    }

    /// The network round it: /24 and /48.
    pub(crate) fn network(address: SocketAddr) -> Self {
        Self::cut(address, 24, 48)
    }

    /// As bytes, to be hashed.
    pub(crate) fn bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&self.0.to_be_bytes());
        bytes[16..].copy_from_slice(&self.1.to_be_bytes());
        bytes
    }

    fn cut(address: SocketAddr, v4: u32, v6: u32) -> Self {
        let local = is_local(address.ip());
        let port = if local { address.port() } else { 0 };
        let keep = |bits: u32, all: u32| {
            if local { u128::MAX } else { u128::MAX << (all - bits) }
        };
        match address.ip() {
            // Mapped, so that no IPv4 address is the same as one of IPv6.
            IpAddr::V4(ip) => {
                let ip = u128::from(u32::from(ip)) & keep(v4, 32);
                Self(ip | 0xffff << 32, port)
            }
            IpAddr::V6(ip) => Self(u128::from(ip) & keep(v6, 128), port),
        }
    }
}
