use std::io::IoSlice;

use peer::{Peer, PeerError};
use stdx::{Instant, Pool};

use crate::source::LIGHT_HEAD;

/// Zeros for whoever wants to see them.
const ZEROS: [u8; 1024] = [0; 1024];

/// Part of a stream of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// These.
    Bytes(Vec<u8>),
    /// So many zeros, of the payload of a light source.
    Zeros(u64),
}

impl Run {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(count) => *count,
        }
    }

    /// Takes so much off the front.
    pub(crate) fn split_to(&mut self, length: u64) -> Self {
        match self {
            Self::Bytes(bytes) => {
                let rest = bytes.split_off(length as usize);
                Self::Bytes(std::mem::replace(bytes, rest))
            }
            Self::Zeros(count) => {
                *count -= length;
                Self::Zeros(length)
            }
        }
    }

    /// Gives it to the peer that it is for.
    pub(crate) fn give(self, now: Instant, peer: &mut Peer, pool: &Pool) -> Result<(), PeerError> {
        let mut left = match self {
            Self::Bytes(bytes) => return peer.handle_received(now, &bytes, pool),
            Self::Zeros(count) => count as usize,
        };
        while left > 0 {
            let done = if let Some(room) = peer.direct() {
                // In a world with a light source, that is what buffers of the pool are filled with.
                let zeros = left.min(room.len());
                debug_assert!(room[..zeros].iter().all(|byte| *byte == 0), "zeros from the pool");
                peer.handle_direct(now, zeros)?;
                zeros
            } else {
                let zeros = left.min(ZEROS.len());
                peer.handle_received(now, &ZEROS[..zeros], pool)?;
                zeros
            };
            left -= done;
        }
        Ok(())
    }
}

/// The first `length` bytes of `slices`; of a light source, without writing out its zeros.
pub(crate) fn pack(slices: &[IoSlice<'_>], length: usize, light: bool) -> Vec<Run> {
    let mut runs = Vec::with_capacity(if light { 4 } else { 1 });
    let mut bytes = Vec::with_capacity(if light { 64 } else { length });
    let mut left = length;
    for slice in slices {
        let slice = &slice[..slice.len().min(left)];
        left -= slice.len();
        match slice.split_at_checked(LIGHT_HEAD) {
            Some((head, rest)) if light && !rest.is_empty() && is_zeros(rest) => {
                bytes.extend_from_slice(head);
                runs.push(Run::Bytes(std::mem::take(&mut bytes)));
                runs.push(Run::Zeros(rest.len() as u64));
            }
            _ => bytes.extend_from_slice(slice),
        }
    }
    if !bytes.is_empty() {
        runs.push(Run::Bytes(bytes));
    }
    runs
}

fn is_zeros(bytes: &[u8]) -> bool {
    let mut chunks = bytes.chunks_exact(64);
    chunks.all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
        && chunks.remainder().iter().all(|byte| *byte == 0)
}
