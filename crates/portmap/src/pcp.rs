//! Messages of PCP (RFC 6887 §7, §11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::mapping::{Mapping, Transport};

const VERSION: u8 = 2;
const MAP: u8 = 1;
const RESPONSE: u8 = 0x80;

/// Length of a MAP request and the least of its response: header and opcode.
const LENGTH: usize = 60;
/// No message is longer (§7).
const LENGTH_MAX: usize = 1_100;

/// What tells requests of one client from those of another (§11.1).
pub(crate) type Nonce = [u8; 12];

/// Asks for a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapRequest {
    /// The address that this is sent from.
    pub(crate) client: IpAddr,
    pub(crate) nonce: Nonce,
    pub(crate) mapping: Mapping,
    /// The wish for a port outside, and maybe an address; 0 where there is none.
    pub(crate) suggested: SocketAddr,
    /// Seconds; 0 asks for its end (§15).
    pub(crate) lifetime: u32,
}

/// What a router says of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapResponse {
    /// 0 for success (§7.4).
    pub(crate) result: u8,
    /// Seconds that the mapping, or the reason for an error, lasts.
    pub(crate) lifetime: u32,
    /// Seconds since the router started.
    pub(crate) epoch: u32,
    pub(crate) nonce: Nonce,
    pub(crate) mapping: Mapping,
    pub(crate) external: SocketAddr,
}

/// What comes from the port of a PCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Map(MapResponse),
    /// It speaks another version, or cannot do this at all (§9).
    Unsupported,
}

impl MapRequest {
    pub(crate) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        (bytes[0], bytes[1]) = (VERSION, MAP);
        bytes[4..8].copy_from_slice(&self.lifetime.to_be_bytes());
        bytes[8..24].copy_from_slice(&to_v6(self.client).octets());
        bytes[24..36].copy_from_slice(&self.nonce);
        bytes[36] = match self.mapping.transport {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        };
        bytes[40..42].copy_from_slice(&self.mapping.port.to_be_bytes());
        bytes[42..44].copy_from_slice(&self.suggested.port().to_be_bytes());
        bytes[44..].copy_from_slice(&to_v6(self.suggested.ip()).octets());
        bytes
    }
}

/// Reads what a router says; `None` when that is no response.
pub(crate) fn parse(bytes: &[u8]) -> Option<Response> {
    let (&version, &operation) = (bytes.first()?, bytes.get(1)?);
    if operation & RESPONSE == 0 || bytes.len() > LENGTH_MAX {
        return None;
    }
    // NAT-PMP's "unsupported version" has its result in two bytes, PCP's in one.
    if version != VERSION {
        return Some(Response::Unsupported);
    }
    let result = *bytes.get(3)?;
    if matches!(result, 1 | 4) {
        return Some(Response::Unsupported);
    }
    let bytes: &[u8; LENGTH] = bytes.first_chunk()?;
    let transport = match bytes[36] {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        _ => return None,
    };
    let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let long =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let external: [u8; 16] = *bytes[44..].first_chunk()?;
    (operation == RESPONSE | MAP).then_some(Response::Map(MapResponse {
        result,
        lifetime: long(4),
        epoch: long(8),
        nonce: *bytes[24..].first_chunk()?,
        mapping: Mapping { transport, port: short(40) },
        external: SocketAddr::new(Ipv6Addr::from(external).to_canonical(), short(42)),
    }))
}

/// No address of the family of another one.
pub(crate) fn none_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn to_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}
