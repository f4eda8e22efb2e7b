use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use cache::{Fault, FaultKind, Outcome, SyncJob, Work, hash_blocks};
use metainfo::PieceHasher;
use sim::Source;
use stdx::{BLOCK_LENGTH, Bitfield, PieceIndex, TorrentId};

/// One torrent's place: its content on a disk, and its record of what is there. Both outlive the
/// torrent's stay in the session.
pub(super) struct Shelf {
    pub(super) source: &'static Source,
    /// Its name, while it is in the session.
    pub(super) id: Option<TorrentId>,
    pub(super) started: bool,
    pub(super) stopping: bool,
    /// Pieces that the resume store holds.
    pub(super) held: BTreeSet<PieceIndex>,
    partial: BTreeMap<PieceIndex, Bitfield>,
    bytes: BTreeMap<PieceIndex, Vec<u8>>,
}

impl Shelf {
    pub(super) fn new(source: &'static Source) -> Self {
        Self {
            source,
            id: None,
            started: false,
            stopping: false,
            held: BTreeSet::new(),
            partial: BTreeMap::new(),
            bytes: BTreeMap::new(),
        }
    }

    pub(super) fn pieces(&self) -> u32 {
        self.source.info().layout().pieces()
    }

    /// What a start is told: the pieces held, and blocks of others.
    pub(super) fn record(&self) -> (Bitfield, Vec<(PieceIndex, Bitfield)>) {
        let mut have = Bitfield::new(self.pieces());
        for piece in &self.held {
            have.set(piece.0);
        }
        (have, self.partial.iter().map(|(&piece, blocks)| (piece, blocks.clone())).collect())
    }

    /// Whether what is on the disk is the piece.
    pub(super) fn is_right(&self, piece: PieceIndex) -> bool {
        let right = self.source.read(piece, 0, u32::MAX);
        self.bytes.get(&piece).is_some_and(|bytes| bytes == right)
    }

    /// Does a piece of work, or a part of it.
    pub(super) fn execute(&mut self, work: Work, kind: Option<FaultKind>) -> Outcome {
        let layout = self.source.info().layout();
        let fault = kind.map(|kind| Fault { kind, message: "the model disk refuses".to_owned() });
        match (work, fault) {
            (Work::Hash(job), _) => Outcome::Hashed(job.run()),
            (Work::HashBlocks(job), _) => Outcome::Blocks(job.run()),
            (Work::Write(job), fault) => {
                let done = if fault.is_some() { job.parts.len() / 2 } else { job.parts.len() };
                for part in &job.parts[..done] {
                    let from = part.begin as usize;
                    let bytes = self.piece(job.piece);
                    bytes[from..from + part.data.len()].copy_from_slice(&part.data);
                }
                fault.map_or(Outcome::Written, Outcome::Failed)
            }
            (_, Some(fault)) => Outcome::Failed(fault),
            (Work::ReadHash(piece), None) => {
                let mut hasher = PieceHasher::new(layout, piece);
                hasher.update(self.piece(piece));
                Outcome::Read(hasher.finish().into())
            }
            (Work::ReadBlocks(piece), None) => {
                let bytes = self.piece(piece);
                let read = |begin: u32, out: &mut [u8]| {
                    out.copy_from_slice(&bytes[begin as usize..][..out.len()]);
                    Ok::<(), Infallible>(())
                };
                let Ok(digests) = hash_blocks(layout, piece, read);
                Outcome::Blocks(digests)
            }
            (Work::Sync(job), None) => {
                self.sync(job);
                Outcome::Synced
            }
        }
    }

    fn piece(&mut self, piece: PieceIndex) -> &mut Vec<u8> {
        let size = self.source.info().layout().piece_size(piece) as usize;
        self.bytes.entry(piece).or_insert_with(|| vec![0; size])
    }

    fn sync(&mut self, job: SyncJob) {
        for piece in job.forget {
            self.held.remove(&piece);
            self.partial.remove(&piece);
        }
        for (piece, blocks) in &job.partial {
            let size = self.source.info().layout().piece_size(*piece);
            assert_eq!(blocks.len(), size.div_ceil(BLOCK_LENGTH), "{piece}");
        }
        self.partial.extend(job.partial);
        for piece in job.pieces {
            assert!(self.is_right(piece), "{piece} is recorded and not there");
            self.partial.remove(&piece);
            self.held.insert(piece);
        }
    }
}
