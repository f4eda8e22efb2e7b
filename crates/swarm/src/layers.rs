//! The v2 piece hashes: fetched from peers where a magnet link brought none, computed where the
//! pieces are here, served to others (BEP 52).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use hash::Sha256Digest;
use metainfo::merkle::HashRange;
use metainfo::{Info, LayerFetch, PieceLayer, PieceLayers};
use stdx::{ConnId, Duration, FileIndex, Instant, PieceIndex};
use wire::HashRequest;

/// Files whose hashes are being fetched at the same time.
const ACTIVE_MAX: usize = 16;
/// Requests outstanding at one peer.
const PER_PEER: usize = 4;
/// Requests outstanding.
const OUTSTANDING_MAX: usize = 64;
/// An answer is waited for this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who refused or did not answer is not asked for the same file's hashes for this long: a peer
/// that downloads may have them later.
const PAUSE: Duration = Duration::from_secs(20);
/// Pauses remembered.
const PAUSES_MAX: usize = 4_096;

/// An answer to a hash request did not prove itself, or was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unproven;

/// The piece hashes of the computed layer do not give the file's root although the pieces are
/// right in v1: the torrent contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

/// One torrent's v2 hashes, known and wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    complete: PieceLayers,
    files: BTreeMap<Sha256Digest, Vec<FileIndex>>,
    queue: VecDeque<Sha256Digest>,
    fetches: BTreeMap<Sha256Digest, LayerFetch>,
    /// By root and first index.
    asked: BTreeMap<(Sha256Digest, u32), (ConnId, Instant)>,
    /// Until when not to ask whom about which root.
    pauses: BTreeMap<(ConnId, Sha256Digest), Instant>,
    computed: BTreeMap<Sha256Digest, Vec<Option<Sha256Digest>>>,
    /// Hashes that peers gave and proved.
    received: u64,
}

impl Layers {
    /// `layers` are those that came with the metadata.
    pub(crate) fn new(info: &Info, layers: PieceLayers) -> Self {
        let mut it = Self { complete: layers, ..Self::default() };
        let layout = info.layout();
        for (index, file) in layout.files().iter().enumerate() {
            let Some(root) = file.root else { continue };
            let long = file.length > u64::from(layout.piece_length());
            let files = it.files.entry(root).or_default();
            files.push(FileIndex(index as u32));
            if files.len() == 1 && long && it.complete.get(&root).is_none() {
                it.queue.push_back(root);
            }
        }
        it
    }

    /// The layers that are complete.
    pub(crate) fn known(&self) -> &PieceLayers {
        &self.complete
    }

    /// How many hashes peers gave.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the layer below this root is complete.
    pub(crate) fn is_known(&self, root: &Sha256Digest) -> bool {
        self.complete.get(root).is_some()
    }

    /// Whether hashes are missing.
    pub(crate) fn is_fetching(&self) -> bool {
        !self.queue.is_empty() || !self.fetches.is_empty()
    }

    /// Has the layers below `roots` fetched before others; returns those that are to be fetched.
    pub(crate) fn prefer(&mut self, roots: &BTreeSet<Sha256Digest>) -> BTreeSet<Sha256Digest> {
        let others: Vec<_> =
            self.fetches.keys().filter(|root| !roots.contains(*root)).copied().collect();
        for root in others {
            self.fetches.remove(&root);
            self.asked.retain(|(asked, _), _| *asked != root);
            self.queue.push_back(root);
        }
        self.queue.make_contiguous().sort_by_key(|root| !roots.contains(root));
        let queued = self.queue.iter().filter(|root| roots.contains(*root));
        queued.chain(self.fetches.keys()).copied().collect()
    }

    /// The SHA-256 node that a piece must have, if it has one and it is known.
    pub(crate) fn piece_hash(&self, info: &Info, piece: PieceIndex) -> Option<Sha256Digest> {
        let place = info.layout().v2_piece(piece)?;
        let fetched = || self.fetches.get(&place.root)?.hash(place.index_in_file);
        self.complete.piece_hash(&place).or_else(fetched)
    }

    /// What to ask whom now. `peers` speak v2.
    pub(crate) fn requests(
        &mut self,
        now: Instant,
        info: &Info,
        peers: &[ConnId],
    ) -> Vec<(ConnId, HashRequest)> {
        self.give_up_late(now);
        self.activate(info);
        let mut load: BTreeMap<ConnId, usize> = peers.iter().map(|&conn| (conn, 0)).collect();
        for (conn, _) in self.asked.values() {
            load.entry(*conn).and_modify(|count| *count += 1);
        }
        let mut out = Vec::new();
        for (&root, fetch) in &self.fetches {
            for range in fetch.missing() {
                if self.asked.len() >= OUTSTANDING_MAX {
                    return out;
                }
                if self.asked.contains_key(&(root, range.index)) {
                    continue;
                }
                let willing = |(conn, count): &(&ConnId, &mut usize)| {
                    let paused = self.pauses.get(&(**conn, root)).is_some_and(|&end| now < end);
                    **count < PER_PEER && !paused
                };
                let idlest = load.iter_mut().filter(willing).min_by_key(|(_, count)| **count);
                let Some((&conn, count)) = idlest else { break };
                *count += 1;
                self.asked.insert((root, range.index), (conn, now));
                out.push((conn, request(root, range)));
            }
        }
        out
    }

    /// Takes an answer; returns the files that gained hashes, and the pieces of each that did,
    /// counted within the file. See [`Self::is_known`] for whether that was the last.
    ///
    /// # Errors
    /// When it was not asked for or its proof fails: the peer is to blame.
    pub(crate) fn answered(
        &mut self,
        conn: ConnId,
        request: &HashRequest,
        hashes: &[Sha256Digest],
    ) -> Result<Vec<(FileIndex, Range<u32>)>, Unproven> {
        let key = (request.root, request.index);
        // Late answers to what was asked again elsewhere are as good as any.
        let Some(fetch) = self.fetches.get_mut(&request.root) else {
            return Ok(Vec::new());
        };
        if !fetch.add(range_of(request), hashes) {
            return Err(Unproven);
        }
        self.received += u64::from(request.length);
        if self.asked.get(&key).is_some_and(|&(asked, _)| asked == conn) {
            self.asked.remove(&key);
        }
        if let Some(layer) = fetch.finish() {
            self.complete(layer);
        }
        let pieces = request.index..request.index.saturating_add(request.length);
        let files = self.files.get(&request.root).into_iter().flatten();
        Ok(files.map(|&file| (file, pieces.clone())).collect())
    }

    /// Notes that a peer would not answer.
    pub(crate) fn rejected(&mut self, now: Instant, conn: ConnId, request: &HashRequest) {
        let key = (request.root, request.index);
        if self.asked.get(&key).is_some_and(|&(asked, _)| asked == conn) {
            self.asked.remove(&key);
            self.pause(now, conn, request.root);
        }
    }

    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.asked.retain(|_, (asked, _)| *asked != conn);
        self.pauses.retain(|(paused, _), _| *paused != conn);
    }

    /// Notes the node of a piece that passed its check; returns whether this completed a layer.
    ///
    /// # Errors
    /// When the layer does not fit the file's root.
    pub(crate) fn computed(
        &mut self,
        info: &Info,
        piece: PieceIndex,
        node: Sha256Digest,
    ) -> Result<bool, Contradiction> {
        let Some(place) = info.layout().v2_piece(piece) else {
            return Ok(false);
        };
        if place.whole_file || self.complete.get(&place.root).is_some() {
            return Ok(false);
        }
        let pieces = info.layout().file_pieces(place.file);
        let nodes = self
            .computed
            .entry(place.root)
            .or_insert_with(|| vec![None; (pieces.end - pieces.start) as usize]);
        if let Some(slot) = nodes.get_mut(place.index_in_file as usize) {
            *slot = Some(node);
        }
        if nodes.contains(&None) {
            return Ok(false);
        }
        let nodes = nodes.iter().copied().flatten().collect();
        let length = info.layout().file(place.file).map_or(0, |file| file.length);
        let layer = PieceLayer::new(place.root, length, info.piece_length(), nodes);
        self.complete(layer.ok_or(Contradiction)?);
        Ok(true)
    }

    /// What answers a peer's hash request; `None`: reject it.
    pub(crate) fn serve(&self, request: &HashRequest) -> Option<Vec<Sha256Digest>> {
        self.complete.get(&request.root)?.answer(range_of(request))
    }

    fn give_up_late(&mut self, now: Instant) {
        let late = |(_, (_, since)): &(_, &(ConnId, Instant))| now.since(*since) >= PATIENCE;
        let late: Vec<_> = self.asked.iter().filter(late).map(|(key, it)| (*key, it.0)).collect();
        for (key, conn) in late {
            self.asked.remove(&key);
            self.pause(now, conn, key.0);
        }
    }

    fn pause(&mut self, now: Instant, conn: ConnId, root: Sha256Digest) {
        if self.pauses.len() >= PAUSES_MAX {
            self.pauses.retain(|_, end| now < *end);
        }
        if self.pauses.len() >= PAUSES_MAX {
            self.pauses.pop_first();
        }
        self.pauses.insert((conn, root), now + PAUSE);
    }

    fn activate(&mut self, info: &Info) {
        while self.fetches.len() < ACTIVE_MAX {
            let Some(root) = self.queue.pop_front() else {
                return;
            };
            let file = self.files.get(&root).and_then(|files| files.first());
            let length = file.and_then(|&file| info.layout().file(file)).map(|it| it.length);
            let fetch = length
                .filter(|_| self.complete.get(&root).is_none())
                .and_then(|length| LayerFetch::new(root, length, info.piece_length()));
            if let Some(fetch) = fetch {
                self.fetches.insert(root, fetch);
            }
        }
    }

    fn complete(&mut self, layer: PieceLayer) {
        let root = layer.root();
        self.complete.insert(layer);
        self.fetches.remove(&root);
        self.computed.remove(&root);
        self.asked.retain(|(asked, _), _| *asked != root);
    }
}

fn request(root: Sha256Digest, range: HashRange) -> HashRequest {
    HashRequest {
        root,
        base_layer: range.base_layer,
        index: range.index,
        length: range.length,
        proof_layers: range.proof_layers,
    }
}

fn range_of(request: &HashRequest) -> HashRange {
    HashRange {
        base_layer: request.base_layer,
        index: request.index,
        length: request.length,
        proof_layers: request.proof_layers,
    }
}

#[cfg(test)]
mod tests;
