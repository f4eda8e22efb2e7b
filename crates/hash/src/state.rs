use crate::Block;
use crate::constants::{SHA1_INITIAL, SHA256_INITIAL};
use crate::vectors::{Avx512, Sha};

/// What one hash has of a stream between two blocks, and the ways to take in the next ones.
pub(crate) trait State: Copy {
    /// Before the first block.
    const INITIAL: Self;
    /// From so many streams on, eight at once (some of them idle) take less time than pairs of
    /// them with the SHA instructions; measured.
    const EIGHT_FROM: usize;

    /// Takes in `blocks`.
    fn one(&mut self, blocks: &[Block]);
    /// Two streams at once; the slices are of one length.
    fn two(sha: Sha, states: &mut [Self; 2], blocks: [&[Block]; 2]);
    /// Eight streams at once; the slices are of one length.
    fn eight(avx512: Avx512, states: &mut [Self; 8], blocks: [&[Block]; 8]);
}

/// SHA-1.
impl State for [u32; 5] {
    const INITIAL: Self = SHA1_INITIAL;
    const EIGHT_FROM: usize = 4;

    fn one(&mut self, blocks: &[Block]) {
        sha1::block_api::compress(self, blocks);
    }

    fn two(sha: Sha, states: &mut [Self; 2], blocks: [&[Block]; 2]) {
        sha.sha1_two(states, blocks);
    }

    fn eight(avx512: Avx512, states: &mut [Self; 8], blocks: [&[Block]; 8]) {
        avx512.sha1_eight(states, blocks);
    }
}

/// SHA-256.
impl State for [u32; 8] {
    const INITIAL: Self = SHA256_INITIAL;
    const EIGHT_FROM: usize = 7;

    fn one(&mut self, blocks: &[Block]) {
        sha2::block_api::compress256(self, blocks);
    }

    fn two(sha: Sha, states: &mut [Self; 2], blocks: [&[Block]; 2]) {
        sha.sha256_two(states, blocks);
    }

    fn eight(avx512: Avx512, states: &mut [Self; 8], blocks: [&[Block]; 8]) {
        avx512.sha256_eight(states, blocks);
    }
}
