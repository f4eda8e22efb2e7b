use sha1::block_api::Sha1Core;

use crate::lanes::{Lane, Processor};
use crate::state::State;
use crate::{Sha1Digest, Sha256Digest};

/// The bytes of a block that is not whole yet; both algorithms have blocks of one size, and pad
/// alike.
type Buffer = sha1::digest::block_api::Buffer<Sha1Core>;

/// A hash of bytes that come in pieces. The two algorithms differ in their state alone.
#[derive(Clone)]
struct Stream<S> {
    state: S,
    open: Buffer,
    /// Bytes so far.
    length: u64,
}

impl<S: State> Stream<S> {
    fn new() -> Self {
        Self { state: S::INITIAL, open: Buffer::default(), length: 0 }
    }

    /// Takes in all of `data` but its whole blocks, which are left to be taken in by the lane.
    fn split<'a>(&'a mut self, data: &'a [u8]) -> Lane<'a, S> {
        self.length += data.len() as u64;
        let missing = if self.open.get_pos() == 0 { 0 } else { self.open.remaining() };
        let (head, rest) = data.split_at(missing.min(data.len()));
        self.open.digest_blocks(head, |blocks| {
            for block in blocks {
                self.state.one(&[block.0]);
            }
        });
        // There is a rest only when the open block was completed.
        let (blocks, tail) = rest.as_chunks();
        self.open.digest_blocks(tail, |_| {});
        Lane { state: &mut self.state, blocks }
    }

    fn update(&mut self, data: &[u8]) {
        let lane = self.split(data);
        lane.state.one(lane.blocks);
    }

    fn finish(mut self) -> S {
        let bits = self.length * 8;
        self.open.len64_padding_be(bits, |block| self.state.one(&[block.0]));
        self.state
    }
}

macro_rules! hasher {
    ($(#[$doc:meta])* $name:ident, $state:ty, $digest:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Stream<$state>);

        impl $name {
            /// Nothing hashed yet.
            pub fn new() -> Self {
                Self(Stream::new())
            }

            /// Hashes `data` after everything before it.
            pub fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            /// As [`Self::update`] for each of several streams: in far less time than one after
            /// the other where there are [`crate::lanes`] of them, of about one length.
            pub fn update_many<'a>(
                streams: impl IntoIterator<Item = (&'a mut Self, &'a [u8])>,
            ) {
                let lanes = streams.into_iter().map(|(stream, data)| stream.0.split(data));
                Processor::detect().advance(lanes.collect());
            }

            /// The digest of all that was given.
            pub fn finish(self) -> $digest {
                let mut out = $digest::default();
                for (bytes, word) in out.0.as_chunks_mut().0.iter_mut().zip(self.0.finish()) {
                    *bytes = word.to_be_bytes();
                }
                out
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

hasher!(
    /// Incremental SHA-1.
    Sha1,
    [u32; 5],
    Sha1Digest
);
hasher!(
    /// Incremental SHA-256.
    Sha256,
    [u32; 8],
    Sha256Digest
);

/// How many streams keep one core busy: with so many at hand, [`Sha1::update_many`] and
/// [`Sha256::update_many`] are at their best. One where the processor has nothing for several.
pub fn lanes() -> usize {
    Processor::detect().lanes()
}

/// Hashes the same bytes both ways: in less time than one after the other, and with one stream
/// alone.
pub fn update_both(sha1: &mut Sha1, sha256: &mut Sha256, data: &[u8]) {
    let aligned = sha1.0.open.get_pos() == sha256.0.open.get_pos();
    let (one, two) = (sha1.0.split(data), sha256.0.split(data));
    match Processor::detect().sha {
        Some(sha) if aligned => sha.both(one.state, two.state, one.blocks),
        _ => {
            one.state.one(one.blocks);
            two.state.one(two.blocks);
        }
    }
}

/// SHA-1 of `data`.
pub fn sha1(data: &[u8]) -> Sha1Digest {
    let mut hasher = Sha1::new();
    hasher.update(data);
    hasher.finish()
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> Sha256Digest {
    let mut hasher = Sha256::new();
    hasher.update(data);
    hasher.finish()
}

/// SHA-256 of each of several messages, as [`Sha256::update_many`].
pub fn sha256_many(messages: &[&[u8]]) -> Vec<Sha256Digest> {
    let mut hashers = vec![Sha256::new(); messages.len()];
    Sha256::update_many(hashers.iter_mut().zip(messages.iter().copied()));
    hashers.into_iter().map(Sha256::finish).collect()
}

/// SHA-256 of two digests one after the other: a node of a v2 merkle tree (BEP 52).
pub fn sha256_pair(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&left.0);
    both[32..].copy_from_slice(&right.0);
    sha256(&both)
}
