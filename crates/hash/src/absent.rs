//! In place of the instructions of processors that have none of use here: proofs that cannot be.

use crate::Block;

/// Stands for x86-64's SHA instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sha {}

impl Sha {
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn sha1_two(self, _: &mut [[u32; 5]; 2], _: [&[Block]; 2]) {
        match self {}
    }

    pub(crate) fn sha256_two(self, _: &mut [[u32; 8]; 2], _: [&[Block]; 2]) {
        match self {}
    }

    pub(crate) fn both(self, _: &mut [u32; 5], _: &mut [u32; 8], _: &[Block]) {
        match self {}
    }
}

/// Stands for AVX-512.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Avx512 {}

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn sha1_eight(self, _: &mut [[u32; 5]; 8], _: [&[Block]; 8]) {
        match self {}
    }

    pub(crate) fn sha256_eight(self, _: &mut [[u32; 8]; 8], _: [&[Block]; 8]) {
        match self {}
    }
}
