use std::net::IpAddr;

use hash::{Sha1Digest, sha1};
use stdx::{PieceIndex, is_local};

/// The most pieces that are allowed fast.
const COUNT_MAX: u32 = 5;

/// What they may amount to. A new peer needs some blocks to trade with; whole large pieces would
/// be a gift at the expense of those that gave.
const BYTES_MAX: u32 = 1 << 20;

/// Digests tried before fewer pieces are allowed: chance fills a set of five within a few.
const ROUNDS_MAX: usize = 64;

/// How many pieces of `piece_length` bytes a new peer is allowed.
pub(crate) fn count(piece_length: u32) -> u32 {
    (BYTES_MAX / piece_length.max(1)).min(COUNT_MAX)
}

/// The pieces that a peer at `ip` may ask for while choked: the same for all of its network, so
/// that more addresses do not buy more pieces (BEP 6). Of an IPv6 address the network is the
/// first 64 bits. Nothing for local addresses, which would all get the same pieces.
pub(crate) fn pieces(ip: IpAddr, hash: &Sha1Digest, pieces: u32, count: u32) -> Vec<PieceIndex> {
    let mut out = Vec::new();
    let count = count.min(pieces);
    if is_local(ip) {
        return out;
    }
    let mut seed = match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            vec![a, b, c, 0]
        }
        IpAddr::V6(ip) => ip.octets()[..8].to_vec(),
    };
    seed.extend(hash.0);
    let mut digest = sha1(&seed);
    for _ in 0..ROUNDS_MAX {
        for word in digest.0.as_chunks::<4>().0 {
            if out.len() >= count as usize {
                return out;
            }
            let piece = PieceIndex(u32::from_be_bytes(*word) % pieces);
            if !out.contains(&piece) {
                out.push(piece);
            }
        }
        digest = sha1(&digest.0);
    }
    out
}

#[cfg(test)]
mod tests;
