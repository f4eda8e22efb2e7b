//! Compression functions that advance several streams at once with x86-64's vector instructions.
//!
//! One stream leaves most of a core idle, since every round waits for the one before. Other streams
//! fill the gaps. All `unsafe` of the crate is here: what proves that the instructions exist, and
//! how registers meet memory.
#![expect(unsafe_code, reason = "vector instructions need a processor that has them")]
#![expect(clippy::unused_self, reason = "a proof is asked for, not looked into")]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_loadu_si256, _mm256_storeu_si256,
};

use crate::Block;

mod eight;
mod sha;

/// Proof that the SHA instructions are there (SHA-NI).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sha(());

impl Sha {
    /// The proof, where it holds.
    pub(crate) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
        there.then_some(Self(()))
    }

    /// Two streams of SHA-1. The slices are of one length.
    pub(crate) fn sha1_two(self, states: &mut [[u32; 5]; 2], blocks: [&[Block]; 2]) {
        // SAFETY: `detect` saw the features, and without it there is no `Self`.
        unsafe { sha::sha1_two(states, blocks) }
    }

    /// Two streams of SHA-256. The slices are of one length.
    pub(crate) fn sha256_two(self, states: &mut [[u32; 8]; 2], blocks: [&[Block]; 2]) {
        // SAFETY: as in `sha1_two`.
        unsafe { sha::sha256_two(states, blocks) }
    }

    /// SHA-1 and SHA-256 of the same bytes.
    pub(crate) fn both(self, sha1: &mut [u32; 5], sha256: &mut [u32; 8], blocks: &[Block]) {
        // SAFETY: as in `sha1_two`.
        unsafe { sha::both(sha1, sha256, blocks) }
    }
}

/// Proof that AVX-512 works on registers of 256 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof, where it holds.
    pub(crate) fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        there.then_some(Self(()))
    }

    /// Eight streams of SHA-1. The slices are of one length.
    pub(crate) fn sha1_eight(self, states: &mut [[u32; 5]; 8], blocks: [&[Block]; 8]) {
        // SAFETY: `detect` saw the features, and without it there is no `Self`.
        unsafe { eight::sha1(states, blocks) }
    }

    /// Eight streams of SHA-256. The slices are of one length.
    pub(crate) fn sha256_eight(self, states: &mut [[u32; 8]; 8], blocks: [&[Block]; 8]) {
        // SAFETY: as in `sha1_eight`.
        unsafe { eight::sha256(states, blocks) }
    }
}

#[target_feature(enable = "sse2")]
fn load_128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: sixteen bytes are there to be read, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx")]
fn load_256(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: thirty-two bytes are there to be read, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx")]
fn words(register: __m256i) -> [u32; 8] {
    let mut out = [0; 8];
    // SAFETY: thirty-two bytes are there to be written, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), register) };
    out
}
