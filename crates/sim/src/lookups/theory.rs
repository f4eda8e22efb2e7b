//! What look-ups should take, by what others proved or measured. N is the number of nodes; as
//! everywhere here, the question to the node that is looked for does not count.

use crate::KEEPERS;

/// Nodes that a bucket of Kademlia holds (BEP 5).
const K: i32 = 8;

/// Messages from successor to successor: the key's owner is any of the N next nodes, and all that
/// come before it are asked; on average that is half of the ring.
pub fn successors(nodes: u32) -> f64 {
    (f64::from(nodes) - 1.0) / 2.0
}

/// Messages by shortcuts, ½·log2 N: the way to the key is a sum of powers of two, and each that is
/// in it, as half of them are, takes one message (I. Stoica et al., Chord, IEEE/ACM Transactions on
/// Networking, 2003, § V, figure 10).
pub fn shortcuts(nodes: u32) -> f64 {
    f64::from(nodes).log2() / 2.0
}

/// Nodes of Kademlia that must answer one after the other until one of the [`KEEPERS`] is known:
/// log2(N / 8) bits have to be put right, and each answer puts [`bits_by_hop`] of them right.
///
/// That is so on one path alone, and with eight nodes in every bucket. The table here goes on
/// several paths, and its first buckets are larger, so it should need fewer.
pub fn kademlia_hops(nodes: u32) -> f64 {
    (f64::from(nodes) / KEEPERS as f64).log2().max(0.0) / bits_by_hop(K)
}

/// Bits of the key that an answer of Kademlia puts right on average: the bucket that the key falls
/// in shares one more than the node that answers, and the best of the `k` random nodes in it has
/// as many more right as the longest of `k` runs of tossed heads (X. S. Cai and L. Devroye, The
/// Analysis of Kademlia for Random IDs, 2014: about c·log N steps, with c by `k` alone).
pub fn bits_by_hop(k: i32) -> f64 {
    // Of so many tosses more, the longest of a reasonable number of runs has nothing to say.
    const TOSSES: i32 = 64;
    (0..TOSSES).map(|bits| 1.0 - (1.0 - 0.5f64.powi(bits)).powi(k)).sum()
}
