use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hash::Sha256Digest;
use stdx::{BlockIndex, PieceIndex};

use super::Suspect;
use crate::Identity;

/// Digests kept for one torrent: those of 512 MiB, in about 3 MB. The oldest piece goes first.
const DIGESTS_MAX: usize = 32_768;
/// Pieces that failed and are not settled; the oldest goes first.
const CASES_MAX: usize = 1_024;
/// Peers suspected of one bad piece. One more than these is not looked for.
const SUSPECTS_MAX: usize = 256;

/// A piece that failed and has not passed since.
#[derive(Clone, Debug, Default)]
struct Case {
    suspects: Vec<Suspect>,
    /// Who sent each block of the copy that failed last, while its digests are awaited.
    awaited: Vec<Option<u16>>,
    /// What each suspect sent for each block.
    sent: BTreeMap<(BlockIndex, u16), Sha256Digest>,
    /// What arrived since: if the piece passes, these are the right ones.
    arrived: BTreeMap<BlockIndex, Sha256Digest>,
}

impl Case {
    fn digests(&self) -> usize {
        self.sent.len() + self.arrived.len()
    }

    fn suspect(&mut self, peer: Suspect) -> Option<u16> {
        let identity = peer.identity();
        let known = self.suspects.iter().position(|it| it.identity() == identity);
        if known.is_none() && self.suspects.len() < SUSPECTS_MAX {
            self.suspects.push(peer);
        }
        let at = known.or(self.suspects.len().checked_sub(1))?;
        (self.suspects.get(at)?.identity() == identity).then_some(at as u16)
    }

    fn some(&self, which: &BTreeSet<u16>) -> Vec<Suspect> {
        which.iter().filter_map(|&at| self.suspects.get(usize::from(at)).copied()).collect()
    }
}

/// How a case ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// They sent blocks that were wrong.
    pub(crate) liars: Vec<Suspect>,
    /// They did not, and are not suspected of anything else.
    pub(crate) cleared: Vec<Identity>,
}

/// What was sent for pieces that failed, by block and sender.
///
/// Nothing is hashed for it while pieces are good. The digests of a bad copy come from the cache
/// (SHA-256: nobody finds two blocks that look the same); those of the next copy are taken as its
/// blocks arrive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    cases: BTreeMap<PieceIndex, Case>,
    order: VecDeque<PieceIndex>,
    digests: usize,
}

impl Evidence {
    /// Opens a case, or goes on with it: a piece failed. `senders` has one entry for each block,
    /// `None` where it is not known, or there was nothing to send.
    pub(crate) fn failed(&mut self, piece: PieceIndex, senders: &[Option<Suspect>]) {
        self.restarted(piece);
        if !self.cases.contains_key(&piece) {
            self.order.push_back(piece);
        }
        let case = self.cases.entry(piece).or_default();
        case.awaited = senders.iter().map(|&sender| case.suspect(sender?)).collect();
        self.trim();
    }

    /// Takes the digests of the blocks of the copy that failed last. Returns who is proven wrong
    /// by them: who sent two different copies of one block.
    pub(crate) fn examined(&mut self, piece: PieceIndex, digests: &[Sha256Digest]) -> Vec<Suspect> {
        let Some(case) = self.cases.get_mut(&piece) else {
            return Vec::new();
        };
        let before = case.digests();
        let mut liars = BTreeSet::new();
        let awaited = std::mem::take(&mut case.awaited);
        for (at, (sender, &digest)) in (0..).map(BlockIndex).zip(awaited.into_iter().zip(digests)) {
            let Some(sender) = sender else { continue };
            if *case.sent.entry((at, sender)).or_insert(digest) != digest {
                liars.insert(sender);
            }
        }
        let liars = case.some(&liars);
        self.digests = self.digests - before + case.digests();
        self.trim();
        liars
    }

    /// Whether blocks of the piece that arrive are to be told to [`Self::arrived`].
    pub(crate) fn wants(&self, piece: PieceIndex) -> bool {
        self.cases.contains_key(&piece)
    }

    pub(crate) fn arrived(&mut self, piece: PieceIndex, block: BlockIndex, digest: Sha256Digest) {
        if let Some(case) = self.cases.get_mut(&piece) {
            self.digests += usize::from(case.arrived.insert(block, digest).is_none());
            self.trim();
        }
    }

    /// What arrived of the piece is void: it is fetched anew. Digests that are still awaited, or
    /// never came because the disk failed, would be taken for those of the next copy.
    pub(crate) fn restarted(&mut self, piece: PieceIndex) {
        if let Some(case) = self.cases.get_mut(&piece) {
            self.digests -= case.arrived.len();
            case.arrived.clear();
            case.awaited.clear();
        }
    }

    /// Closes the case: the piece passed.
    pub(crate) fn passed(&mut self, piece: PieceIndex) -> Judgement {
        let Some(case) = self.remove(piece) else {
            return Judgement::default();
        };
        let wrong = |&(&(block, _), digest): &(&(BlockIndex, u16), &Sha256Digest)| {
            case.arrived.get(&block).is_some_and(|right| right != digest)
        };
        let liars: BTreeSet<u16> =
            case.sent.iter().filter(wrong).map(|(&(_, sender), _)| sender).collect();
        let elsewhere: BTreeSet<Identity> =
            self.cases.values().flat_map(|case| &case.suspects).map(Suspect::identity).collect();
        let honest = (0..).zip(&case.suspects).filter(|(at, _)| !liars.contains(at));
        let cleared = honest.map(|(_, peer)| peer.identity());
        Judgement {
            cleared: cleared.filter(|identity| !elsewhere.contains(identity)).collect(),
            liars: case.some(&liars),
        }
    }

    fn remove(&mut self, piece: PieceIndex) -> Option<Case> {
        let case = self.cases.remove(&piece)?;
        self.order.retain(|&it| it != piece);
        self.digests -= case.digests();
        Some(case)
    }

    fn trim(&mut self) {
        while self.digests > DIGESTS_MAX || self.cases.len() > CASES_MAX {
            let Some(&oldest) = self.order.front() else {
                return;
            };
            self.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests;
