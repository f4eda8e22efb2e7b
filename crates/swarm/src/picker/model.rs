//! The picker against a slow and obvious one.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stdx::{Bitfield, BlockIndex, ConnId, PieceIndex, Rng};

use super::tests::{Pieces, picker};
use super::{Asker, Picker, PieceOrder, Priority, Received};

const PIECES: u32 = 24;
const BLOCKS: u32 = 3;
const PEERS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Join(usize, u32),
    Leave(usize),
    Have(usize, u32),
    Lose(usize, u32),
    Pick { peer: usize, want: u32, style: u8 },
    Deliver { peer: usize, nth: usize },
    Release { peer: usize, nth: usize },
    Cancelled { peer: usize, nth: usize },
    Verdict { nth: usize, good: bool },
    Priority(u32, u8),
    Verifiable(u32, bool),
    Lost(u32),
    Reconsider(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..PEERS;
    let piece = 0..PIECES;
    let nth = 0..16usize;
    prop_oneof![
        2 => (peer.clone(), any::<u32>()).prop_map(|(peer, bits)| Step::Join(peer, bits)),
        1 => peer.clone().prop_map(Step::Leave),
        4 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Have(peer, piece)),
        1 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Lose(peer, piece)),
        10 => (peer.clone(), 1..9u32, 0..8u8)
            .prop_map(|(peer, want, style)| Step::Pick { peer, want, style }),
        10 => (peer.clone(), nth.clone()).prop_map(|(peer, nth)| Step::Deliver { peer, nth }),
        2 => (peer.clone(), nth.clone()).prop_map(|(peer, nth)| Step::Release { peer, nth }),
        1 => (peer, nth.clone()).prop_map(|(peer, nth)| Step::Cancelled { peer, nth }),
        4 => (nth, any::<bool>()).prop_map(|(nth, good)| Step::Verdict { nth, good }),
        1 => (piece.clone(), 0..8u8).prop_map(|(piece, level)| Step::Priority(piece, level)),
        1 => (piece.clone(), any::<bool>()).prop_map(|(piece, is)| Step::Verifiable(piece, is)),
        1 => piece.clone().prop_map(Step::Lost),
        1 => piece.prop_map(Step::Reconsider),
    ]
}

/// What is known without any cleverness.
struct Model {
    picker: Picker,
    peers: [Option<Bitfield>; PEERS],
    asked: [BTreeSet<(u32, u32)>; PEERS],
    got: BTreeSet<(u32, u32)>,
    have: BTreeSet<u32>,
    priority: Vec<Priority>,
    verifiable: Vec<bool>,
}

impl Model {
    fn new(seed: u64, sequential: bool) -> Self {
        let mut picker = picker(PIECES, BLOCKS, seed);
        picker.set_order(if sequential { PieceOrder::Sequential } else { PieceOrder::RarestFirst });
        Self {
            picker,
            peers: Default::default(),
            asked: Default::default(),
            got: BTreeSet::new(),
            have: BTreeSet::new(),
            priority: vec![Priority::Normal; PIECES as usize],
            verifiable: vec![true; PIECES as usize],
        }
    }

    fn copies(&self, piece: u32) -> u32 {
        let partial = self.peers.iter().flatten().filter(|have| !have.is_full());
        partial.filter(|have| have.get(piece)).count() as u32
    }

    fn is_pickable(&self, piece: u32) -> bool {
        let at = piece as usize;
        !self.have.contains(&piece) && self.priority[at] != Priority::Skip && self.verifiable[at]
    }

    fn is_asked(&self, block: (u32, u32)) -> bool {
        self.asked.iter().any(|asked| asked.contains(&block))
    }

    fn is_free(&self, block: (u32, u32)) -> bool {
        self.is_pickable(block.0) && !self.got.contains(&block) && !self.is_asked(block)
    }

    fn is_untouched(&self, piece: u32) -> bool {
        (0..BLOCKS).all(|block| !self.got.contains(&(piece, block)))
            && (0..BLOCKS).all(|block| !self.is_asked((piece, block)))
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Join(peer, bits) => self.join(peer, bits),
            Step::Leave(peer) => self.leave(peer),
            Step::Have(peer, piece) => {
                let Some(have) = &mut self.peers[peer] else {
                    return;
                };
                if have.set(piece) {
                    self.picker.peer_gained(have, PieceIndex(piece));
                }
            }
            Step::Lose(peer, piece) => {
                let Some(have) = &mut self.peers[peer] else {
                    return;
                };
                if have.clear(piece) {
                    self.picker.peer_lost(have, PieceIndex(piece));
                }
            }
            Step::Pick { peer, want, style } => self.pick(peer, want, style),
            Step::Deliver { peer, nth } => self.deliver(peer, nth),
            Step::Release { peer, nth } => self.release(peer, nth),
            Step::Cancelled { peer, nth } => {
                self.release(peer, nth);
                self.picker.disown(conn(peer));
            }
            Step::Verdict { nth, good } => self.judge(nth, good),
            Step::Priority(piece, level) => {
                self.priority[piece as usize] = Priority::from_level(level);
                let change = (PieceIndex(piece), Priority::from_level(level));
                self.picker.set_priorities(std::iter::once(change));
            }
            Step::Verifiable(piece, is) => {
                self.verifiable[piece as usize] = is;
                self.picker.set_verifiable(PieceIndex(piece), is);
            }
            Step::Reconsider(piece) => {
                for (conn, block) in self.picker.reconsider(PieceIndex(piece)) {
                    assert!(self.asked[conn.0 as usize].remove(&(piece, block.0)));
                }
                let asked = (0..BLOCKS).any(|block| self.is_asked((piece, block)));
                assert!(!asked || (0..BLOCKS).any(|block| self.got.contains(&(piece, block))));
            }
            Step::Lost(piece) => {
                if self.have.remove(&piece) {
                    self.picker.forget(PieceIndex(piece));
                }
            }
        }
    }

    fn join(&mut self, peer: usize, bits: u32) {
        if self.peers[peer].is_some() {
            return;
        }
        let mut have = Bitfield::new(PIECES);
        for piece in 0..PIECES {
            // One in four is a seed.
            if bits.is_multiple_of(4) || bits >> (piece + 2) & 1 == 1 {
                have.set(piece);
            }
        }
        self.picker.peer_joined(&have);
        self.peers[peer] = Some(have);
    }

    fn leave(&mut self, peer: usize) {
        let Some(have) = self.peers[peer].take() else {
            return;
        };
        self.picker.disown(conn(peer));
        for (piece, block) in std::mem::take(&mut self.asked[peer]) {
            assert!(self.picker.release(conn(peer), PieceIndex(piece), BlockIndex(block)));
        }
        self.picker.peer_left(&have);
    }

    fn pick(&mut self, peer: usize, want: u32, style: u8) {
        let Some(have) = self.peers[peer].clone() else {
            return;
        };
        let only = [PieceIndex(3), PieceIndex(11)];
        let asker = Asker {
            conn: conn(peer),
            have: &have,
            only: (style == 7).then_some(&only[..]),
            suggested: &[PieceIndex(5), PieceIndex(9)],
            whole_pieces: style & 1 == 1,
            parole: style == 4,
            snubbed: style == 2,
            outstanding: self.asked[peer].len() as u32,
            peers: PEERS,
        };
        let open = self.picker.open.len();
        let picks = self.picker.pick(&asker, want);
        assert!(picks.len() <= want as usize);
        let mut seen = BTreeSet::new();
        let endgame =
            picks.first().is_some_and(|&(piece, block)| self.is_asked((piece.0, block.0)));
        for &(piece, block) in &picks {
            let at = (piece.0, block.0);
            assert!(have.get(piece.0), "not offered: {at:?}");
            assert!(self.is_pickable(piece.0) && !self.got.contains(&at), "not needed: {at:?}");
            assert!(!self.asked[peer].contains(&at) && seen.insert(at), "asked twice: {at:?}");
            assert!(endgame || !self.is_asked(at), "asked of another: {at:?}");
            assert!(asker.only.is_none_or(|only| only.contains(&piece)));
        }
        if endgame {
            self.check_endgame(&asker);
        }
        if asker.only.is_none() && !asker.parole && !endgame {
            self.check_order(&asker, &picks, open);
            self.check_all_given(&asker, &picks, want);
        }
        self.asked[peer].extend(seen);
    }

    /// Blocks are asked for twice only when no free one is left that anybody has.
    fn check_endgame(&self, asker: &Asker<'_>) {
        assert_eq!(asker.outstanding, 0);
        for piece in 0..PIECES {
            let offered = self.peers.iter().flatten().any(|have| have.get(piece));
            for block in (0..BLOCKS).filter(|_| offered) {
                assert!(!self.is_free((piece, block)), "{piece} {block} is free");
            }
        }
    }

    /// The first new piece is of the best band and, there, the rarest.
    fn check_order(&self, asker: &Asker<'_>, picks: &[(PieceIndex, BlockIndex)], open: usize) {
        let Some(&(first, _)) = picks.iter().find(|pick| self.is_untouched(pick.0.0)) else {
            return;
        };
        let rank =
            |piece: u32| match (self.picker.sequence == PieceOrder::Sequential, asker.snubbed) {
                (true, _) => piece,
                (false, false) => self.copies(piece),
                (false, true) => u32::MAX - self.copies(piece),
            };
        let untouched = |piece: &u32| {
            asker.have.get(*piece) && self.is_pickable(*piece) && self.is_untouched(*piece)
        };
        let early = self.picker.sequence != PieceOrder::Sequential && self.have.len() < 4;
        for piece in (0..PIECES).filter(untouched) {
            let (this, best) = (self.priority[piece as usize], self.priority[first.get()]);
            assert!(this <= best, "{piece} is in a better band than {first}");
            if this == best && !early {
                assert!(rank(first.0) <= rank(piece), "{piece} is better than {first}");
            }
        }
        // A partial piece that is rarer, and that the peer may join, comes before.
        let free = |piece: u32| (0..BLOCKS).any(|block| self.is_free((piece, block)));
        for (piece, _) in self.picker.partials() {
            let joinable = self.picker.partials[&piece.0].owner.is_none() && !asker.whole_pieces;
            let better = self.priority[piece.get()] == self.priority[first.get()]
                && rank(piece.0) < rank(first.0);
            let left = picks.iter().all(|pick| pick.0 != piece) && asker.have.get(piece.0);
            assert!(!(joinable && better && left && free(piece.0)) || open == 0);
        }
    }

    /// Nothing is held back: fewer blocks than wanted only when there are no more.
    fn check_all_given(&self, asker: &Asker<'_>, picks: &[(PieceIndex, BlockIndex)], want: u32) {
        if picks.len() == want as usize {
            return;
        }
        for piece in (0..PIECES).filter(|&piece| asker.have.get(piece)) {
            let owner = self.picker.partials.get(&piece).and_then(|it| it.owner);
            let reserved = owner.is_some_and(|owner| owner.strict && owner.conn != asker.conn);
            for block in (0..BLOCKS).filter(|_| !reserved) {
                let given = picks.contains(&(PieceIndex(piece), BlockIndex(block)));
                assert!(given || !self.is_free((piece, block)), "{piece} {block} was left out");
            }
        }
    }

    fn deliver(&mut self, peer: usize, nth: usize) {
        let Some(&(piece, block)) = self.asked[peer].iter().nth(nth) else {
            return;
        };
        self.asked[peer].remove(&(piece, block));
        match self.picker.received(conn(peer), PieceIndex(piece), BlockIndex(block)) {
            Received::Wasted => panic!("{piece} {block} was asked for and not here"),
            Received::Accepted { cancel, complete } => {
                self.got.insert((piece, block));
                let all = (0..BLOCKS).all(|block| self.got.contains(&(piece, block)));
                assert_eq!(complete, all);
                let mut others: Vec<_> = (0..PEERS).map(conn).collect();
                others.retain(|it| self.asked[it.0 as usize].contains(&(piece, block)));
                let mut told = cancel;
                told.sort_unstable();
                assert_eq!(told, others);
                for other in others {
                    self.asked[other.0 as usize].remove(&(piece, block));
                }
            }
        }
    }

    fn release(&mut self, peer: usize, nth: usize) {
        let Some(&(piece, block)) = self.asked[peer].iter().nth(nth) else {
            return;
        };
        self.asked[peer].remove(&(piece, block));
        assert!(self.picker.release(conn(peer), PieceIndex(piece), BlockIndex(block)));
        assert!(!self.picker.release(conn(peer), PieceIndex(piece), BlockIndex(block)));
    }

    fn judge(&mut self, nth: usize, good: bool) {
        let full = |piece: &u32| (0..BLOCKS).all(|block| self.got.contains(&(*piece, block)));
        let Some(piece) = (0..PIECES).filter(full).nth(nth) else {
            return;
        };
        assert!(self.picker.is_hashing(PieceIndex(piece)));
        assert!(!self.picker.contributors(PieceIndex(piece)).conns.is_empty());
        self.got.retain(|block| block.0 != piece);
        if good {
            self.have.insert(piece);
            self.picker.verified(PieceIndex(piece));
        } else {
            self.picker.forget(PieceIndex(piece));
        }
    }

    fn check(&self) {
        self.picker.check();
        assert_eq!(self.picker.have().iter_ones().collect::<BTreeSet<_>>(), self.have);
        for piece in 0..PIECES {
            assert_eq!(self.picker.copies_beside_seeds(PieceIndex(piece)), self.copies(piece));
        }
    }
}

fn conn(peer: usize) -> ConnId {
    ConnId(peer as u64)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_the_obvious_picker(
        seed in any::<u64>(),
        sequential in prop::bool::weighted(0.2),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut model = Model::new(seed, sequential);
        for step in &steps {
            model.take(step);
            model.check();
        }
    }

    #[test]
    fn every_block_is_reached_in_the_end(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new(seed, false);
        for step in &steps {
            model.take(step);
            model.check();
        }
        // Everybody starts anew beside one seed that delivers whatever it is asked for.
        (0..PEERS).for_each(|peer| model.leave(peer));
        for piece in 0..PIECES {
            model.take(&Step::Verifiable(piece, true));
            model.take(&Step::Priority(piece, 4));
        }
        model.join(0, 0);
        for _ in 0..PIECES * BLOCKS {
            model.take(&Step::Pick { peer: 0, want: 5, style: 0 });
            while !model.asked[0].is_empty() {
                model.deliver(0, 0);
            }
            (0..PIECES as usize).for_each(|_| model.judge(0, true));
        }
        prop_assert!(model.picker.have().is_full());
    }
}

#[test]
fn the_same_seed_gives_the_same_picks() {
    let run = || {
        let mut model = Model::new(7, false);
        let mut rng = Rng::new(3);
        model.join(0, 0);
        model.join(1, rng.next_u64() as u32 | 1);
        (0..10)
            .map(|_| model.picker.pick(&Pieces::asker(&Bitfield::full(PIECES)), 4))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
