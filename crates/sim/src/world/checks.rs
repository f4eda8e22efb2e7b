use std::fmt::Write as _;
use std::net::SocketAddr;

use stdx::{Bitfield, Instant, PieceIndex};

use super::node::Node;
use super::{Leave, NodeIndex, PORT, Place, Start, World};

/// Why a run failed: what is wrong, when, and what to type to see it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {at:?}, seed {seed}, trace {trace:016x}: {what}")]
pub struct Failure {
    /// What is wrong.
    pub what: String,
    /// When it went wrong.
    pub at: Instant,
    /// The seed of the world.
    pub seed: u64,
    /// The hash over all that had happened.
    pub trace: u64,
    pub(super) timeout: bool,
}

impl Failure {
    pub(crate) fn new(what: String, at: Instant, seed: u64, trace: u64) -> Self {
        Self { what, at, seed, trace, timeout: false }
    }

    /// Nothing is wrong but that what was waited for has not come in time.
    pub fn is_timeout(&self) -> bool {
        self.timeout
    }
}

impl World {
    /// Keeps the first broken invariant; the run ends with it.
    pub(super) fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.failure.is_none() {
            self.failure = Some(self.failure(what()));
        }
    }

    pub(super) fn failure(&self, what: String) -> Failure {
        Failure::new(what, self.now, self.seed, self.trace())
    }

    /// A byte claimed to others is on disk.
    pub(super) fn check_claim(&mut self, node: NodeIndex, piece: PieceIndex) {
        let holds = self.nodes[node.get()].store.holds(piece);
        self.require(holds, || format!("{node} claims piece {piece}, which is not on its disk"));
    }

    pub(super) fn check_claims(&mut self, node: NodeIndex, have: &Bitfield) {
        let store = &self.nodes[node.get()].store;
        let wrong = have.iter_ones().map(PieceIndex).find(|&piece| !store.holds(piece));
        if let Some(piece) = wrong {
            self.check_claim(node, piece);
        }
    }

    /// Only who lies is banned.
    pub(super) fn banned(&mut self, by: NodeIndex, address: SocketAddr) {
        let node = match (self.config.place, self.ephemeral.get(&address.port())) {
            (Place::OneMachine, Some(&node)) => Some(node),
            (Place::OneMachine, None) => self.node_at(address),
            (Place::World, _) => self.node_at(SocketAddr::new(address.ip(), PORT)),
        };
        let liar = node.map(|node| &mut self.nodes[node.get()]).map(|node| {
            node.bans += 1;
            node.lied > 0
        });
        self.nodes[by.get()].banned += 1;
        self.require(liar == Some(true), || format!("{by} bans {address}, which is honest"));
    }

    /// What is said to be durable is recorded.
    pub(super) fn check_durable(&mut self, node: NodeIndex, pieces: &[PieceIndex]) {
        let record = self.nodes[node.get()].store.record();
        let wrong = pieces.iter().find(|piece| !record.have.get(piece.0)).copied();
        self.require(wrong.is_none(), || {
            format!("{node} calls piece {wrong:?} durable, which is not recorded")
        });
    }

    /// The session says that all is there.
    pub(super) fn completed(&mut self, node: NodeIndex) {
        let now = self.now;
        let state = &mut self.nodes[node.get()];
        let whole = state.store.is_whole();
        state.completed_at.get_or_insert(now);
        if let Some(mind) = &mut state.mind {
            mind.complete = true;
        }
        if let Leave::Complete(after) = state.spec.leaves
            && state.spec.start != Start::Seed
        {
            self.leave(node, after);
        }
        self.require(whole, || format!("{node} is complete, and its bytes are not"));
    }

    /// True when every node that is there, or will be, has all of the content.
    pub fn is_finished(&self) -> bool {
        self.nodes.iter().all(Node::is_settled)
    }

    /// As [`Self::is_finished`], whatever becomes of those who lie.
    pub fn is_served(&self) -> bool {
        self.nodes.iter().all(|node| node.spec.lies > 0.0 || node.is_settled())
    }

    /// True when some piece is nowhere, and nobody who might have it is to come back.
    pub fn is_dead(&self) -> bool {
        let to_come = |node: &Node| node.mind.is_none() && node.starts_left > 0;
        self.copies.rarest() == 0 && !self.nodes.iter().any(to_come)
    }

    /// At the end, who is complete has the right bytes, and nothing is outstanding: every block
    /// that was asked for came, or was accounted for.
    pub(crate) fn check_end(&mut self) -> Result<(), Failure> {
        for node in (0..self.nodes.len() as u32).map(NodeIndex) {
            let state = &self.nodes[node.get()];
            if !state.mind.as_ref().is_some_and(|mind| mind.complete) {
                continue;
            }
            let whole = state.store.is_whole();
            self.require(whole, || format!("{node} was complete, and its bytes are not"));
            let owed = self.peers(node).into_iter().find(|peer| peer.outstanding > 0);
            self.require(owed.is_none(), || format!("{node} waits for blocks: {owed:?}"));
        }
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Who is not complete, and how far.
    pub(super) fn stuck(&self, end: Instant) -> String {
        let mut text = format!("not complete by {end:?}:");
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(mind) = node.mind.as_ref().filter(|mind| !mind.complete) else {
                continue;
            };
            let status = mind.session.status(self.now, mind.torrent);
            let failed = &node.failed;
            let _ = write!(text, "\n  node {index}: {status:?} {failed:?}");
        }
        text
    }
}
