//! Ids that follow from addresses (BEP 42).

use std::net::IpAddr;

use stdx::{Rng, is_local};

use crate::Id;

/// Bits of the hash that an id begins with.
const BITS: u32 = 21;
const MASK_V4: [u8; 4] = [0x03, 0x0f, 0x3f, 0xff];
const MASK_V6: [u8; 8] = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/// An id that is right for `ip` (BEP 42). `last` becomes its last byte, of which three bits tell
/// nodes of one address apart.
pub fn secure_id(ip: IpAddr, last: u8, rng: &mut Rng) -> Id {
    let mut id = Id::random(rng);
    let prefix = prefix(ip, last);
    id.0[0] = (prefix >> 24) as u8;
    id.0[1] = (prefix >> 16) as u8;
    id.0[2] = (prefix >> 8) as u8 & 0xf8 | id.0[2] & 0x07;
    id.0[19] = last;
    id
}

/// Whether an id may be that of a node at `ip` (BEP 42). On local networks any may.
pub fn is_secure(id: Id, ip: IpAddr) -> bool {
    is_local(ip) || prefix(ip, id.0[19]) >> (32 - BITS) == id.bits(0, BITS)
}

/// The hash of the masked address. BEP 42's text speaks of eight bytes for IPv4, too; its vectors
/// and every implementation hash four.
fn prefix(ip: IpAddr, last: u8) -> u32 {
    let r = (last & 0x07) << 5;
    match ip.to_canonical() {
        IpAddr::V4(ip) => crc32c(masked(ip.octets(), MASK_V4, r)),
        IpAddr::V6(ip) => {
            let mut high = [0; 8];
            high.copy_from_slice(&ip.octets()[..8]);
            crc32c(masked(high, MASK_V6, r))
        }
    }
}

fn masked<const N: usize>(mut ip: [u8; N], mask: [u8; N], r: u8) -> [u8; N] {
    ip.iter_mut().zip(mask).for_each(|(byte, mask)| *byte &= mask);
    ip[0] |= r;
    ip
}

/// CRC-32C (Castagnoli) of a few bytes: too few for a table to be worth its while.
fn crc32c<const N: usize>(bytes: [u8; N]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.into_iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests;
