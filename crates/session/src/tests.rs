use hash::Sha1Digest;
use peer::Report;
use stdx::PeerId;

mod connections;
mod crowds;
mod filtered;
mod finding;
mod harness;
mod outside;
mod sleeping;
mod trackers;
mod transfer;

/// What a peer greets with that is told apart by a number.
fn hello(info_hash: Sha1Digest, number: u8) -> Report {
    let peer_id = PeerId([number; 20]);
    Report::Handshake { info_hash, peer_id, fast: true, extended: true, v2: false }
}
