use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::WireError;

/// A message of the extension `ut_holepunch` (BEP 55): two peers that cannot reach each other meet
/// through a third, which is connected to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holepunch {
    /// To the third: bring us together with the peer there.
    Rendezvous(SocketAddr),
    /// From the third: connect to the peer there over uTP, now; it does the same.
    Connect(SocketAddr),
    /// From the third: the peer that was asked for there cannot be had.
    Error(SocketAddr, HolepunchError),
}

/// Why two peers are not brought together (BEP 55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolepunchError {
    /// There can be no peer at that address.
    NoSuchPeer,
    /// We are not connected to it.
    NotConnected,
    /// It does not speak the extension.
    NoSupport,
    /// It is ourselves.
    NoSelf,
    /// A number that the specification does not know.
    Other(u32),
}

impl Holepunch {
    /// Reads the payload of an extended message; `None` for a kind that is not known.
    ///
    /// # Errors
    /// When it is cut short, or of no known address family.
    pub fn decode(payload: &[u8]) -> Result<Option<Self>, WireError> {
        let malformed = WireError::Malformed { what: "ut_holepunch message" };
        let (&[kind, family], rest) = payload.split_first_chunk().ok_or(malformed)?;
        let (ip, rest): (IpAddr, _) = match family {
            0 => {
                let (ip, rest) = rest.split_first_chunk::<4>().ok_or(malformed)?;
                (Ipv4Addr::from(*ip).into(), rest)
            }
            1 => {
                let (ip, rest) = rest.split_first_chunk::<16>().ok_or(malformed)?;
                (Ipv6Addr::from(*ip).into(), rest)
            }
            _ => return Err(malformed),
        };
        let (port, rest) = rest.split_first_chunk::<2>().ok_or(malformed)?;
        let address = SocketAddr::new(ip, u16::from_be_bytes(*port));
        Ok(match kind {
            0 => Some(Self::Rendezvous(address)),
            1 => Some(Self::Connect(address)),
            2 => {
                let code = rest.first_chunk::<4>().ok_or(malformed)?;
                Some(Self::Error(address, HolepunchError::of(u32::from_be_bytes(*code))))
            }
            _ => None,
        })
    }

    /// Appends the payload of the extended message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, address, code) = match *self {
            Self::Rendezvous(address) => (0, address, 0),
            Self::Connect(address) => (1, address, 0),
            Self::Error(address, error) => (2, address, error.code()),
        };
        out.push(kind);
        out.push(u8::from(address.is_ipv6()));
        match address.ip() {
            IpAddr::V4(ip) => out.extend(ip.octets()),
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
        out.extend(address.port().to_be_bytes());
        out.extend(code.to_be_bytes());
    }
}

impl HolepunchError {
    const fn of(code: u32) -> Self {
        match code {
            1 => Self::NoSuchPeer,
            2 => Self::NotConnected,
            3 => Self::NoSupport,
            4 => Self::NoSelf,
            other => Self::Other(other),
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::NoSuchPeer => 1,
            Self::NotConnected => 2,
            Self::NoSupport => 3,
            Self::NoSelf => 4,
            Self::Other(other) => other,
        }
    }
}
