//! Eight streams, one in each 32-bit word of 256-bit registers. AVX-512 on such registers has what
//! hashing lives on: rotations, and any function of three words in one instruction.

#![expect(clippy::many_single_char_names, reason = "the names of FIPS 180-4")]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_permute2x128_si256, _mm256_rol_epi32, _mm256_ror_epi32,
    _mm256_set_epi32, _mm256_set1_epi32, _mm256_shuffle_epi8, _mm256_srli_epi32,
    _mm256_ternarylogic_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};
use std::array::from_fn;

use super::{load_256, words};
use crate::Block;
use crate::constants::{SHA1_K, SHA256_K};

/// Truth tables of three words for [`_mm256_ternarylogic_epi32`]: exclusive or, choice, majority.
const XOR: i32 = 0x96;
const CHOICE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

/// Writes a body out once for each number. The compiler does not do so by itself to loops of this
/// length, and as long as indices are not constants, arrays are not registers: half the speed.
macro_rules! unrolled {
    (for $i:ident in [$($at:literal)*] $body:block) => {
        $({
            let $i: usize = $at;
            $body
        })*
    };
}

#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn sha1(states: &mut [[u32; 5]; 8], blocks: [&[Block]; 8]) {
    let mut state = gather(states);
    for at in 0..blocks[0].len() {
        let before = state;
        let mut w = transpose(blocks.map(|stream| &stream[at]));
        state = sha1_rounds::<CHOICE, 0>(state, &mut w);
        state = sha1_rounds::<XOR, 1>(state, &mut w);
        state = sha1_rounds::<MAJORITY, 2>(state, &mut w);
        state = sha1_rounds::<XOR, 3>(state, &mut w);
        state = sum(before, state);
    }
    scatter(state, states);
}

#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn sha256(states: &mut [[u32; 8]; 8], blocks: [&[Block]; 8]) {
    let mut state = gather(states);
    for at in 0..blocks[0].len() {
        let before = state;
        let mut w = transpose(blocks.map(|stream| &stream[at]));
        state = sha256_rounds::<0>(state, &mut w);
        state = sha256_rounds::<1>(state, &mut w);
        state = sha256_rounds::<2>(state, &mut w);
        state = sha256_rounds::<3>(state, &mut w);
        state = sum(before, state);
    }
    scatter(state, states);
}

/// Twenty rounds of SHA-1 with one function and one constant. `w` holds the last sixteen words of
/// the message schedule.
#[target_feature(enable = "avx512f,avx512vl")]
#[inline]
fn sha1_rounds<const FUNCTION: i32, const TURN: usize>(
    [mut a, mut b, mut c, mut d, mut e]: [__m256i; 5],
    w: &mut [__m256i; 16],
) -> [__m256i; 5] {
    let k = _mm256_set1_epi32(SHA1_K[TURN].cast_signed());
    unrolled!(for at in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19] {
        let i = (20 * TURN + at) % 16;
        if 20 * TURN + at >= 16 {
            let three = _mm256_ternarylogic_epi32::<XOR>(
                w[(i + 13) % 16],
                w[(i + 8) % 16],
                w[(i + 2) % 16],
            );
            w[i] = _mm256_rol_epi32::<1>(_mm256_xor_si256(three, w[i]));
        }
        let mixed = _mm256_ternarylogic_epi32::<FUNCTION>(b, c, d);
        let next = _mm256_add_epi32(_mm256_add_epi32(e, k), _mm256_add_epi32(w[i], mixed));
        let next = _mm256_add_epi32(next, _mm256_rol_epi32::<5>(a));
        (a, b, c, d, e) = (next, a, _mm256_rol_epi32::<30>(b), c, d);
    });
    [a, b, c, d, e]
}

/// Sixteen rounds of SHA-256; `w` as in [`sha1_rounds`].
#[target_feature(enable = "avx512f,avx512vl")]
#[inline]
fn sha256_rounds<const TURN: usize>(
    [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h]: [__m256i; 8],
    w: &mut [__m256i; 16],
) -> [__m256i; 8] {
    unrolled!(for i in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] {
        if TURN > 0 {
            let (x, y) = (w[(i + 1) % 16], w[(i + 14) % 16]);
            let fifteen_ago = _mm256_ternarylogic_epi32::<XOR>(
                _mm256_ror_epi32::<7>(x),
                _mm256_ror_epi32::<18>(x),
                _mm256_srli_epi32::<3>(x),
            );
            let two_ago = _mm256_ternarylogic_epi32::<XOR>(
                _mm256_ror_epi32::<17>(y),
                _mm256_ror_epi32::<19>(y),
                _mm256_srli_epi32::<10>(y),
            );
            let plain = _mm256_add_epi32(w[i], w[(i + 9) % 16]);
            w[i] = _mm256_add_epi32(plain, _mm256_add_epi32(fifteen_ago, two_ago));
        }
        let k = _mm256_set1_epi32(SHA256_K[16 * TURN + i].cast_signed());
        let sum_e = _mm256_ternarylogic_epi32::<XOR>(
            _mm256_ror_epi32::<6>(e),
            _mm256_ror_epi32::<11>(e),
            _mm256_ror_epi32::<25>(e),
        );
        let sum_a = _mm256_ternarylogic_epi32::<XOR>(
            _mm256_ror_epi32::<2>(a),
            _mm256_ror_epi32::<13>(a),
            _mm256_ror_epi32::<22>(a),
        );
        let choice = _mm256_ternarylogic_epi32::<CHOICE>(e, f, g);
        let majority = _mm256_ternarylogic_epi32::<MAJORITY>(a, b, c);
        let first = _mm256_add_epi32(_mm256_add_epi32(h, _mm256_add_epi32(w[i], k)), choice);
        let first = _mm256_add_epi32(first, sum_e);
        let second = _mm256_add_epi32(sum_a, majority);
        (h, g, f, e) = (g, f, e, _mm256_add_epi32(d, first));
        (d, c, b, a) = (c, b, a, _mm256_add_epi32(first, second));
    });
    [a, b, c, d, e, f, g, h]
}

/// Word for word.
#[target_feature(enable = "avx512f,avx512vl")]
fn sum<const W: usize>(one: [__m256i; W], two: [__m256i; W]) -> [__m256i; W] {
    from_fn(|word| _mm256_add_epi32(one[word], two[word]))
}

/// Each word of all states in one register.
#[target_feature(enable = "avx512f,avx512vl")]
fn gather<const W: usize>(states: &[[u32; W]; 8]) -> [__m256i; W] {
    from_fn(|word| {
        let [a, b, c, d, e, f, g, h] = from_fn(|stream| states[stream][word].cast_signed());
        _mm256_set_epi32(h, g, f, e, d, c, b, a)
    })
}

/// The reverse of [`gather`].
#[target_feature(enable = "avx512f,avx512vl")]
fn scatter<const W: usize>(state: [__m256i; W], states: &mut [[u32; W]; 8]) {
    for (word, register) in state.into_iter().enumerate() {
        for (stream, value) in words(register).into_iter().enumerate() {
            states[stream][word] = value;
        }
    }
}

/// The sixteen words of eight blocks, each in one register.
#[target_feature(enable = "avx512f,avx512vl")]
fn transpose(blocks: [&Block; 8]) -> [__m256i; 16] {
    let half = |half: usize| transpose_half(blocks.map(|block| &block.as_chunks().0[half]));
    let (low, high) = (half(0), half(1));
    from_fn(|word| if word < 8 { low[word] } else { high[word - 8] })
}

/// An eight by eight transposition by pairs, fours and halves; the words are big-endian in memory.
#[target_feature(enable = "avx512f,avx512vl")]
fn transpose_half(rows: [&[u8; 32]; 8]) -> [__m256i; 8] {
    let swapped = [0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203];
    let [d, c, b, a] = swapped;
    let swapped = _mm256_set_epi32(d, c, b, a, d, c, b, a);
    let rows = rows.map(|row| _mm256_shuffle_epi8(load_256(row), swapped));
    let pairs: [__m256i; 8] = from_fn(|i| {
        let (one, two) = (rows[i & !1], rows[i | 1]);
        if i % 2 == 0 { _mm256_unpacklo_epi32(one, two) } else { _mm256_unpackhi_epi32(one, two) }
    });
    // Of rows 0 to 3, then of rows 4 to 7: words 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    let fours: [__m256i; 8] = from_fn(|i| {
        let from = (i & 4) + (i % 4) / 2;
        let (one, two) = (pairs[from], pairs[from + 2]);
        if i % 2 == 0 { _mm256_unpacklo_epi64(one, two) } else { _mm256_unpackhi_epi64(one, two) }
    });
    from_fn(|word| {
        let (one, two) = (fours[word % 4], fours[word % 4 + 4]);
        if word < 4 {
            _mm256_permute2x128_si256::<0x20>(one, two)
        } else {
            _mm256_permute2x128_si256::<0x31>(one, two)
        }
    })
}
