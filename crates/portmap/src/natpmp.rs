//! Messages of NAT-PMP (RFC 6886 §3).

use std::net::Ipv4Addr;

use crate::mapping::{Mapping, Transport};

const VERSION: u8 = 0;
const RESPONSE: u8 = 128;

/// The question for the router's address outside (§3.2).
pub(crate) const ADDRESS_REQUEST: [u8; 2] = [VERSION, 0];

/// What a router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// 0 for success (§3.5).
    pub(crate) result: u16,
    /// Seconds since it started.
    pub(crate) epoch: u32,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Its address outside.
    Address(Ipv4Addr),
    /// A mapping: its port outside, and the seconds that it lasts.
    Mapping { mapping: Mapping, external: u16, lifetime: u32 },
    /// The refusal of something, known by its number alone.
    Refusal,
}

/// Asks for a mapping, or with a lifetime of 0 for its end (§3.3, §3.4).
pub(crate) fn map_request(mapping: Mapping, external: u16, lifetime: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[1] = match mapping.transport {
        Transport::Udp => 1,
        Transport::Tcp => 2,
    };
    bytes[4..6].copy_from_slice(&mapping.port.to_be_bytes());
    bytes[6..8].copy_from_slice(&external.to_be_bytes());
    bytes[8..].copy_from_slice(&lifetime.to_be_bytes());
    bytes
}

/// Reads what a router says; `None` when it is no response of this version.
pub(crate) fn parse(bytes: &[u8]) -> Option<Response> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let &[version, operation, high, low, e0, e1, e2, e3] = head;
    if version != VERSION || operation < RESPONSE {
        return None;
    }
    let result = u16::from_be_bytes([high, low]);
    let epoch = u32::from_be_bytes([e0, e1, e2, e3]);
    let transport = match operation - RESPONSE {
        1 => Some(Transport::Udp),
        2 => Some(Transport::Tcp),
        _ => None,
    };
    let body = match (operation - RESPONSE, transport) {
        (0, _) if result == 0 => Body::Address(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        (_, Some(transport)) if rest.len() >= 8 => Body::Mapping {
            mapping: Mapping { transport, port: u16::from_be_bytes([rest[0], rest[1]]) },
            external: u16::from_be_bytes([rest[2], rest[3]]),
            lifetime: u32::from_be_bytes([rest[4], rest[5], rest[6], rest[7]]),
        },
        _ if result != 0 => Body::Refusal,
        _ => return None,
    };
    Some(Response { result, epoch, body })
}
