use std::array::from_fn;

use crate::Block;
use crate::state::State;
use crate::vectors::{Avx512, Sha};

/// A stream that is to take in whole blocks.
#[derive(Debug)]
pub(crate) struct Lane<'a, S> {
    pub(crate) state: &'a mut S,
    pub(crate) blocks: &'a [Block],
}

/// What the processor has for several streams at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor {
    pub(crate) sha: Option<Sha>,
    pub(crate) avx512: Option<Avx512>,
}

impl Processor {
    /// What this one has; looked up once by the standard library.
    pub(crate) fn detect() -> Self {
        Self { sha: Sha::detect(), avx512: Avx512::detect() }
    }

    /// How many streams it takes to keep one core busy.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self { avx512: Some(_), .. } => 8,
            Self { sha: Some(_), .. } => 2,
            _ => 1,
        }
    }

    /// Runs all lanes to their ends. A lane that ends makes room for the next one.
    pub(crate) fn advance<S: State>(self, mut lanes: Vec<Lane<'_, S>>) {
        let eight_from = if self.sha.is_some() { S::EIGHT_FROM } else { 2 };
        loop {
            lanes.retain(|lane| !lane.blocks.is_empty());
            match self {
                _ if lanes.is_empty() => return,
                Self { avx512: Some(avx512), .. } if lanes.len() >= eight_from => {
                    step(&mut lanes, |states, blocks| S::eight(avx512, states, blocks));
                }
                Self { sha: Some(sha), .. } if lanes.len() >= 2 => {
                    step(&mut lanes, |states, blocks| S::two(sha, states, blocks));
                }
                _ => step(&mut lanes, |[state], [blocks]| state.one(blocks)),
            }
        }
    }
}

/// Runs the first `N` lanes as far as the shortest of them reaches. Where there are fewer, copies
/// of the last one's blocks keep the others busy.
fn step<S: State, const N: usize>(
    lanes: &mut [Lane<'_, S>],
    compress: impl FnOnce(&mut [S; N], [&[Block]; N]),
) {
    let last = lanes.len().min(N) - 1;
    let lanes = &mut lanes[..=last];
    let count = lanes.iter().map(|lane| lane.blocks.len()).min().unwrap_or(0);
    let mut states = from_fn(|at| *lanes[at.min(last)].state);
    compress(&mut states, from_fn(|at| &lanes[at.min(last)].blocks[..count]));
    for (lane, state) in lanes.iter_mut().zip(states) {
        *lane.state = state;
        lane.blocks = &lane.blocks[count..];
    }
}
