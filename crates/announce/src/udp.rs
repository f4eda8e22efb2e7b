//! The UDP tracker protocol, both roles (BEP 15, BEP 41).

mod client;
mod connection_id;
mod request;
mod response;

use crate::Error;

// The public interface is:
pub use client::{UdpClient, UdpEvent, UdpOutcome};
pub use connection_id::ConnectionIds;
pub use request::UdpRequest;
pub(crate) use request::swarm_announced_to;
pub use response::UdpResponse;
pub(crate) use response::write_udp_announce;

/// What a connect request carries in place of a connection id.
const MAGIC: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;
/// Info-hashes that fit one scrape.
const MAX_SCRAPED: usize = 74;

/// Reads big-endian fields off the front of a datagram.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Error::BadDatagram("too short"))?;
        self.0 = tail;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.bytes().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.bytes().map(u64::from_be_bytes)
    }

    fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests;
