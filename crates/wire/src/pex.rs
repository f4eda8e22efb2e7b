use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bencode::{Dict, Limits, Mode};

use crate::WireError;

/// The most addresses taken from one list of a message; the rest is ignored. BEP 11 allows 50.
pub const PEX_MAX: usize = 200;

/// A message of the extension `ut_pex` (BEP 11).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pex {
    /// Peers that the sender connected to since its last message.
    pub added: Vec<PexPeer>,
    /// Peers that it is no longer connected to.
    pub dropped: Vec<SocketAddr>,
}

/// A peer that another one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PexPeer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What else is known of it: the constants of this type, together.
    pub flags: u8,
}

impl PexPeer {
    /// It prefers its connections to be encrypted.
    pub const ENCRYPTS: u8 = 0x01;
    /// It only uploads: it is a seed, or has all it wants.
    pub const UPLOADS: u8 = 0x02;
    /// It speaks uTP (BEP 29).
    pub const UTP: u8 = 0x04;
    /// It speaks `ut_holepunch` (BEP 55).
    pub const HOLEPUNCH: u8 = 0x08;
    /// It can be connected to: the sender did.
    pub const REACHABLE: u8 = 0x10;
}

impl Pex {
    /// Reads the payload of an extended message. Keys may be missing; a list whose length is no
    /// multiple of an address counts up to the last whole one.
    ///
    /// # Errors
    /// When it is not a dictionary.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let malformed = WireError::Malformed { what: "ut_pex message" };
        let value = bencode::decode(payload, Mode::Lenient, Limits::MESSAGE);
        let dict = value.ok().and_then(bencode::Value::as_dict).ok_or(malformed)?;
        let mut pex = Self::default();
        for (list, flags) in [("added", "added.f"), ("added6", "added6.f")] {
            let flags = dict.bytes(flags).unwrap_or_default();
            let peers = addresses(dict, list).enumerate();
            pex.added.extend(peers.map(|(at, address)| PexPeer {
                address,
                flags: flags.get(at).copied().unwrap_or(0),
            }));
        }
        for list in ["dropped", "dropped6"] {
            pex.dropped.extend(addresses(dict, list));
        }
        Ok(pex)
    }

    /// Appends the payload of the extended message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let side = |v6: bool| {
            let of_family = self.added.iter().filter(move |peer| peer.address.is_ipv6() == v6);
            let flags: Vec<u8> = of_family.clone().map(|peer| peer.flags).collect();
            (compact(of_family.map(|peer| peer.address)), flags)
        };
        let dropped = |v6| compact(self.dropped.iter().copied().filter(|a| a.is_ipv6() == v6));
        let ((v4, v4_flags), (v6, v6_flags)) = (side(false), side(true));
        bencode::Encoder::new(out).dict(|dict| {
            dict.bytes("added", v4);
            dict.bytes("added.f", v4_flags);
            dict.bytes("added6", v6);
            dict.bytes("added6.f", v6_flags);
            dict.bytes("dropped", dropped(false));
            dict.bytes("dropped6", dropped(true));
        });
    }
}

/// The compact addresses at `key`, of the family that the key's name tells (BEP 23, BEP 7).
fn addresses<'a>(dict: Dict<'a>, key: &str) -> impl Iterator<Item = SocketAddr> + 'a {
    let width = if key.ends_with('6') { 18 } else { 6 };
    let list = dict.bytes(key).unwrap_or_default();
    list.chunks_exact(width).take(PEX_MAX).filter_map(|entry| {
        let (ip, port) = entry.split_last_chunk::<2>()?;
        let ip: IpAddr = match <[u8; 4]>::try_from(ip) {
            Ok(v4) => Ipv4Addr::from(v4).into(),
            Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?).into(),
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
    })
}

fn compact(addresses: impl Iterator<Item = SocketAddr>) -> Vec<u8> {
    let mut out = Vec::new();
    for address in addresses {
        match address.ip() {
            IpAddr::V4(ip) => out.extend(ip.octets()),
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
        out.extend(address.port().to_be_bytes());
    }
    out
}
