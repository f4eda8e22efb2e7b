use std::sync::Arc;

use hash::{Sha1, Sha1Digest, Sha256Digest, sha256, sha256_many};
use metainfo::{Layout, PieceHashes, merkle};
use stdx::{BLOCK_LENGTH, BlockIndex, Buf, PieceIndex};

/// What a piece's bytes hash to, in the versions that the torrent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PieceDigests {
    /// v1 and hybrid: SHA-1 of the piece, padding included as zeros (BEP 3).
    pub sha1: Option<Sha1Digest>,
    /// v2 and hybrid: the piece's node above its 16 KiB leaves (BEP 52); `None` for padding alone.
    pub root: Option<Sha256Digest>,
}

const ZEROS: [u8; BLOCK_LENGTH as usize] = [0; BLOCK_LENGTH as usize];

impl From<PieceHashes> for PieceDigests {
    fn from(hashes: PieceHashes) -> Self {
        Self { sha1: hashes.v1, root: hashes.v2 }
    }
}

/// A piece's hashes so far; travels with the job and comes back with the answer.
#[derive(Clone, Debug, Default)]
pub struct HashState {
    sha1: Option<Sha1>,
    /// One for each block with content; zero until hashed.
    leaves: Vec<Sha256Digest>,
    width: u32,
}

impl HashState {
    /// Nothing hashed yet.
    pub(crate) fn new(layout: &Layout, piece: PieceIndex) -> Self {
        let v2 = layout.v2_piece(piece);
        Self {
            sha1: layout.version().has_v1().then(Sha1::new),
            leaves: vec![Sha256Digest::default(); v2.map_or(0, |v2| v2.blocks as usize)],
            width: v2.map_or(0, |v2| v2.leaves),
        }
    }
}

/// One block to hash.
#[derive(Clone, Debug)]
pub struct HashBlock {
    /// Its number in the piece.
    pub index: u32,
    /// Its bytes; `None` for a block of padding alone.
    pub data: Option<Arc<Buf>>,
    /// Zeros that follow: padding.
    pub zeros: u32,
}

/// Blocks of one piece to hash, ascending. With SHA-1, they continue the contiguous prefix.
#[derive(Debug)]
pub struct HashJob {
    /// The piece.
    pub piece: PieceIndex,
    /// The hashes so far.
    pub state: HashState,
    /// What to hash now.
    pub blocks: Vec<HashBlock>,
    /// True when nothing is left after these blocks, so that digests are due.
    pub last: bool,
}

/// The answer to a [`HashJob`].
#[derive(Debug)]
pub struct Hashed {
    /// The hashes so far.
    pub state: HashState,
    /// The digests, after the last job of a piece.
    pub digests: Option<PieceDigests>,
}

impl HashBlock {
    fn bytes(&self) -> &[u8] {
        self.data.as_deref().map_or(&[], |buf| buf)
    }
}

impl HashJob {
    /// [`Self::run_all`] of one.
    pub fn run(self) -> Hashed {
        Self::run_all(vec![self]).pop().expect("an answer for each job")
    }

    /// Does the work of several jobs: the only place where arriving blocks are hashed, in drivers
    /// and simulations alike. Drops the buffers. Several take less time together than one by one
    /// ([`hash::lanes`] of them are best).
    pub fn run_all(mut jobs: Vec<Self>) -> Vec<Hashed> {
        let blocks = jobs.iter().map(|job| job.blocks.len()).max().unwrap_or(0);
        // So that both hashes of a block find it in the processor's cache.
        let stride = (hash::lanes() / jobs.len().max(1)).max(1);
        for from in (0..blocks).step_by(stride) {
            for at in from..from + stride {
                extend(&mut jobs, at);
            }
            hash_leaves(&mut jobs, from, stride);
        }
        jobs.into_iter().map(Self::finish).collect()
    }

    /// Whether it gains by [`Self::run_all`] with others: where there is but one stream in it.
    pub fn is_one_stream(&self) -> bool {
        self.state.sha1.is_some()
    }

    fn finish(self) -> Hashed {
        let state = self.state;
        let digests = self.last.then(|| PieceDigests {
            sha1: state.sha1.clone().map(Sha1::finish),
            root: (state.width > 0).then(|| merkle::piece_root(&state.leaves, state.width)),
        });
        Hashed { state, digests }
    }
}

/// SHA-1 of the block at this place of each job.
fn extend(jobs: &mut [HashJob], at: usize) {
    let streams = jobs.iter_mut().filter_map(|job| stream(job, at));
    Sha1::update_many(streams.map(|(sha1, block)| (sha1, block.bytes())));
    for (sha1, block) in jobs.iter_mut().filter_map(|job| stream(job, at)) {
        sha1.update(&ZEROS[..block.zeros as usize]);
    }
}

fn stream(job: &mut HashJob, at: usize) -> Option<(&mut Sha1, &HashBlock)> {
    Some((job.state.sha1.as_mut()?, job.blocks.get(at)?))
}

/// SHA-256 of some blocks of each job.
fn hash_leaves(jobs: &mut [HashJob], from: usize, count: usize) {
    let some = |job: &HashJob| from.min(job.blocks.len())..(from + count).min(job.blocks.len());
    let has_leaves = |job: &&HashJob| job.state.width > 0;
    let blocks = jobs.iter().filter(has_leaves).flat_map(|job| &job.blocks[some(job)]);
    let bytes: Vec<&[u8]> = blocks.map(HashBlock::bytes).collect();
    let mut digests = sha256_many(&bytes).into_iter();
    for job in jobs.iter_mut().filter(|job| job.state.width > 0) {
        for block in &job.blocks[some(job)] {
            let (leaf, digest) = (job.state.leaves.get_mut(block.index as usize), digests.next());
            if let (Some(leaf), Some(digest)) = (leaf, digest) {
                *leaf = digest;
            }
        }
    }
}

/// The blocks of a bad piece, to be hashed one by one.
#[derive(Debug)]
pub struct BlocksJob {
    /// The piece.
    pub piece: PieceIndex,
    /// The bytes of each; `None` for a block of padding alone.
    pub blocks: Vec<Option<Arc<Buf>>>,
}

impl BlocksJob {
    /// SHA-256 of each block. Drops the buffers.
    pub fn run(self) -> Vec<Sha256Digest> {
        let digest = |block: Option<Arc<Buf>>| sha256(block.as_deref().map_or(&[][..], |buf| buf));
        self.blocks.into_iter().map(digest).collect()
    }
}

/// SHA-256 of each block of a piece, without padding, in order. `read` fills a slice with what
/// is on disk from an offset in the piece on.
///
/// # Errors
/// What `read` returns.
pub fn hash_blocks<E>(
    layout: &Layout,
    piece: PieceIndex,
    mut read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
) -> Result<Vec<Sha256Digest>, E> {
    let mut buffer = [0; BLOCK_LENGTH as usize];
    let blocks = (0..layout.block_count(piece)).map(BlockIndex);
    let digest = |block| {
        let range = layout.request(piece, block);
        let (begin, length) = range.map_or((0, 0), |range| (range.begin, range.length));
        let bytes = &mut buffer[..length as usize];
        if length > 0 {
            read(begin, bytes)?;
        }
        Ok(sha256(bytes))
    };
    blocks.map(digest).collect()
}
