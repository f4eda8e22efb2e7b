//! The SHA instructions: rounds of two streams, turn by turn.

#![expect(clippy::many_single_char_names, reason = "the names of FIPS 180-4")]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha1msg1_epu32, _mm_sha1msg2_epu32, _mm_sha1nexte_epu32,
    _mm_sha1rnds4_epu32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_xor_si128,
};

use super::load_128;
use crate::Block;
use crate::constants::SHA256_K;

#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha1_two(states: &mut [[u32; 5]; 2], blocks: [&[Block]; 2]) {
    let (mut a, mut b) = (Sha1::new(&states[0]), Sha1::new(&states[1]));
    for (one, two) in blocks[0].iter().zip(blocks[1]) {
        let before = (a, b);
        for i in 0..5 {
            a.four_rounds::<0>(i, one);
            b.four_rounds::<0>(i, two);
        }
        for i in 5..10 {
            a.four_rounds::<1>(i, one);
            b.four_rounds::<1>(i, two);
        }
        for i in 10..15 {
            a.four_rounds::<2>(i, one);
            b.four_rounds::<2>(i, two);
        }
        for i in 15..20 {
            a.four_rounds::<3>(i, one);
            b.four_rounds::<3>(i, two);
        }
        a.end_block(&before.0);
        b.end_block(&before.1);
    }
    *states = [a.state(), b.state()];
}

#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha256_two(states: &mut [[u32; 8]; 2], blocks: [&[Block]; 2]) {
    let (mut a, mut b) = (Sha256::new(&states[0]), Sha256::new(&states[1]));
    for (one, two) in blocks[0].iter().zip(blocks[1]) {
        let before = (a, b);
        for i in 0..16 {
            a.four_rounds(i, one);
            b.four_rounds(i, two);
        }
        a.end_block(&before.0);
        b.end_block(&before.1);
    }
    *states = [a.state(), b.state()];
}

#[target_feature(enable = "sha,sse4.1")]
pub(super) fn both(sha1: &mut [u32; 5], sha256: &mut [u32; 8], blocks: &[Block]) {
    let (mut a, mut b) = (Sha1::new(sha1), Sha256::new(sha256));
    for block in blocks {
        let before = (a, b);
        // Sixteen steps of one are spread over twenty of the other.
        for i in 0..4 {
            a.four_rounds::<0>(i, block);
            b.four_rounds(i, block);
        }
        a.four_rounds::<0>(4, block);
        for i in 4..8 {
            a.four_rounds::<1>(i + 1, block);
            b.four_rounds(i, block);
        }
        a.four_rounds::<1>(9, block);
        for i in 8..12 {
            a.four_rounds::<2>(i + 2, block);
            b.four_rounds(i, block);
        }
        a.four_rounds::<2>(14, block);
        for i in 12..16 {
            a.four_rounds::<3>(i + 3, block);
            b.four_rounds(i, block);
        }
        a.four_rounds::<3>(19, block);
        a.end_block(&before.0);
        b.end_block(&before.1);
    }
    (*sha1, *sha256) = (a.state(), b.state());
}

/// A stream of SHA-1 in registers.
#[derive(Clone, Copy)]
struct Sha1 {
    /// A, B, C and D, from the highest word down.
    abcd: __m128i,
    /// Before a block E in the highest word; within it `abcd` as it was four rounds ago, from which
    /// the instructions take E.
    e: __m128i,
    /// The last sixteen words of the message schedule.
    schedule: [__m128i; 4],
}

impl Sha1 {
    #[target_feature(enable = "sha,sse4.1")]
    fn new(state: &[u32; 5]) -> Self {
        let [a, b, c, d, e] = state.map(u32::cast_signed);
        let schedule = [_mm_setzero_si128(); 4];
        Self { abcd: _mm_set_epi32(a, b, c, d), e: _mm_set_epi32(e, 0, 0, 0), schedule }
    }

    #[target_feature(enable = "sha,sse4.1")]
    fn state(&self) -> [u32; 5] {
        let [a, b, c, d] = words(self.abcd);
        let [e, ..] = words(self.e);
        [a, b, c, d, e]
    }

    /// Rounds `4 * i` to `4 * i + 3`, of the function and the constant numbered `F`.
    #[target_feature(enable = "sha,sse4.1")]
    #[inline]
    fn four_rounds<const F: i32>(&mut self, i: usize, block: &Block) {
        let w = &mut self.schedule;
        let now = if i < 4 {
            let backwards = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm_shuffle_epi8(load_128(&block.as_chunks().0[i]), backwards)
        } else {
            let early = _mm_sha1msg1_epu32(w[i % 4], w[(i + 1) % 4]);
            let middle = _mm_xor_si128(early, w[(i + 2) % 4]);
            _mm_sha1msg2_epu32(middle, w[(i + 3) % 4])
        };
        w[i % 4] = now;
        let e = if i == 0 { _mm_add_epi32(self.e, now) } else { _mm_sha1nexte_epu32(self.e, now) };
        self.e = self.abcd;
        self.abcd = _mm_sha1rnds4_epu32::<F>(self.abcd, e);
    }

    #[target_feature(enable = "sha,sse4.1")]
    fn end_block(&mut self, before: &Self) {
        self.e = _mm_sha1nexte_epu32(self.e, before.e);
        self.abcd = _mm_add_epi32(self.abcd, before.abcd);
    }
}

/// A stream of SHA-256 in registers.
#[derive(Clone, Copy)]
struct Sha256 {
    /// A, B, E and F, from the highest word down.
    abef: __m128i,
    /// C, D, G and H.
    cdgh: __m128i,
    /// The last sixteen words of the message schedule.
    schedule: [__m128i; 4],
}

impl Sha256 {
    #[target_feature(enable = "sha,sse4.1")]
    fn new(state: &[u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        let schedule = [_mm_setzero_si128(); 4];
        Self { abef: _mm_set_epi32(a, b, e, f), cdgh: _mm_set_epi32(c, d, g, h), schedule }
    }

    #[target_feature(enable = "sha,sse4.1")]
    fn state(&self) -> [u32; 8] {
        let [a, b, e, f] = words(self.abef);
        let [c, d, g, h] = words(self.cdgh);
        [a, b, c, d, e, f, g, h]
    }

    /// Rounds `4 * i` to `4 * i + 3`.
    #[target_feature(enable = "sha,sse4.1")]
    #[inline]
    fn four_rounds(&mut self, i: usize, block: &Block) {
        let w = &mut self.schedule;
        w[i % 4] = if i < 4 {
            let swapped = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            _mm_shuffle_epi8(load_128(&block.as_chunks().0[i]), swapped)
        } else {
            let early = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
            let seven_ago = _mm_alignr_epi8::<4>(w[(i + 3) % 4], w[(i + 2) % 4]);
            _mm_sha256msg2_epu32(_mm_add_epi32(early, seven_ago), w[(i + 3) % 4])
        };
        let [k0, k1, k2, k3] = SHA256_K.as_chunks().0[i].map(u32::cast_signed);
        let first = _mm_add_epi32(w[i % 4], _mm_set_epi32(k3, k2, k1, k0));
        let second = _mm_shuffle_epi32::<0b1110>(first);
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, first);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, second);
    }

    #[target_feature(enable = "sha,sse4.1")]
    fn end_block(&mut self, before: &Self) {
        self.abef = _mm_add_epi32(self.abef, before.abef);
        self.cdgh = _mm_add_epi32(self.cdgh, before.cdgh);
    }
}

/// From the highest word down.
#[target_feature(enable = "sha,sse4.1")]
fn words(register: __m128i) -> [u32; 4] {
    let words = [
        _mm_extract_epi32::<3>(register),
        _mm_extract_epi32::<2>(register),
        _mm_extract_epi32::<1>(register),
        _mm_extract_epi32::<0>(register),
    ];
    words.map(i32::cast_unsigned)
}
