use std::sync::Arc;

use stdx::{Bitfield, BlockIndex, ConnId, PieceIndex, Rng};

use super::{Asker, Picker, PieceOrder, Priority, Received, Shape};

/// Pieces of equal size.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: u32,
    blocks: u32,
}

impl Shape for Pieces {
    fn pieces(&self) -> u32 {
        self.pieces
    }

    fn blocks(&self, _piece: PieceIndex) -> u32 {
        self.blocks
    }

    fn has_content(&self, _piece: PieceIndex, _block: BlockIndex) -> bool {
        true
    }
}

impl Pieces {
    pub(super) fn asker(have: &Bitfield) -> Asker<'_> {
        Asker {
            conn: ConnId(0),
            have,
            only: None,
            suggested: &[],
            whole_pieces: false,
            parole: false,
            snubbed: false,
            outstanding: 0,
            peers: 10,
        }
    }
}

pub(super) fn picker(pieces: u32, blocks: u32, seed: u64) -> Picker {
    Picker::new(Arc::new(Pieces { pieces, blocks }), Rng::new(seed))
}

impl Picker {
    pub(super) fn check(&self) {
        self.order.check();
        for (&piece, partial) in &self.partials {
            partial.check();
            assert_eq!(self.open.contains(&piece), partial.free > 0);
            assert!(!self.have.get(piece) && !self.order.is_listed(piece));
        }
        for piece in 0..self.have.len() {
            let fresh = !self.have.get(piece) && !self.partials.contains_key(&piece);
            let pickable = fresh && self.is_pickable(piece);
            assert_eq!(self.order.is_listed(piece), pickable, "piece {piece}");
        }
        assert!(self.open.iter().all(|piece| self.partials.contains_key(piece)));
    }
}

/// A picker past its random first pieces: 0 to 3 are here.
fn seasoned(pieces: u32, blocks: u32) -> Picker {
    let mut it = picker(pieces, blocks, 1);
    (0..4).for_each(|piece| it.verified(PieceIndex(piece)));
    it
}

fn bits(len: u32, ones: &[u32]) -> Bitfield {
    let mut it = Bitfield::new(len);
    for &one in ones {
        it.set(one);
    }
    it
}

fn pieces(picks: &[(PieceIndex, BlockIndex)]) -> Vec<u32> {
    let mut it: Vec<_> = picks.iter().map(|pick| pick.0.0).collect();
    it.dedup();
    it
}

#[test]
fn picks_the_rarest_first() {
    let mut it = seasoned(8, 1);
    let full = Bitfield::full(8);
    it.peer_joined(&full);
    it.peer_joined(&bits(8, &[4, 5, 6]));
    it.peer_joined(&bits(8, &[4, 5]));
    it.peer_joined(&bits(8, &[4]));
    assert_eq!(pieces(&it.pick(&Pieces::asker(&full), 9)), [7, 6, 5, 4]);
}

#[test]
fn snubbed_peers_get_the_most_common_first() {
    let mut it = seasoned(8, 1);
    let full = Bitfield::full(8);
    it.peer_joined(&bits(8, &[4, 5, 6]));
    it.peer_joined(&bits(8, &[4, 5]));
    it.peer_joined(&bits(8, &[4]));
    let asker = Asker { snubbed: true, ..Pieces::asker(&full) };
    assert_eq!(pieces(&it.pick(&asker, 9)), [4, 5, 6, 7]);
}

#[test]
fn bands_come_before_rarity_and_sequence_within_a_band() {
    let mut it = seasoned(10, 1);
    let full = Bitfield::full(10);
    it.peer_joined(&full);
    it.peer_joined(&bits(10, &[8]));
    let priorities = [(8, Priority::High), (4, Priority::Low), (5, Priority::Skip)];
    it.set_priorities(priorities.into_iter().map(|(piece, it)| (PieceIndex(piece), it)));
    it.set_order(PieceOrder::Sequential);
    assert_eq!(pieces(&it.pick(&Pieces::asker(&full), 9)), [8, 6, 7, 9, 4]);
}

#[test]
fn goes_on_with_a_partial_piece_that_is_as_rare_but_not_with_a_commoner_one() {
    let mut it = seasoned(8, 4);
    let full = Bitfield::full(8);
    it.peer_joined(&full);
    let started = it.pick(&Pieces::asker(&full), 1)[0].0;
    let other = Asker { conn: ConnId(1), ..Pieces::asker(&full) };
    assert_eq!(it.pick(&other, 1)[0].0, started);
    it.peer_joined(&bits(8, &[started.0]));
    assert_ne!(it.pick(&other, 1)[0].0, started);
}

#[test]
fn too_many_partial_pieces_come_before_rarer_ones() {
    let mut it = seasoned(40, 4);
    let full = Bitfield::full(40);
    it.peer_joined(&full);
    for peer in 0..4 {
        let have = bits(40, &[4 + peer]);
        it.peer_joined(&have);
        it.pick(&Asker { conn: ConnId(peer.into()), ..Pieces::asker(&have) }, 1);
    }
    let roomy = Asker { conn: ConnId(9), peers: 3, ..Pieces::asker(&full) };
    assert!(pieces(&it.clone().pick(&roomy, 1))[0] >= 8);
    let crowded = Asker { peers: 2, ..roomy };
    assert!(pieces(&it.pick(&crowded, 1))[0] < 8);
}

#[test]
fn fast_peers_get_whole_pieces_and_others_leave_these_alone() {
    let mut it = seasoned(8, 4);
    let full = Bitfield::full(8);
    it.peer_joined(&full);
    let fast = Asker { whole_pieces: true, ..Pieces::asker(&full) };
    let slow = Asker { conn: ConnId(1), ..Pieces::asker(&full) };
    let own = it.pick(&fast, 1)[0].0;
    assert_eq!(it.pick(&fast, 1)[0].0, own);
    let shared = it.pick(&slow, 1)[0].0;
    assert_ne!(shared, own);
    let rest = it.pick(&fast, 20);
    assert_eq!(rest.len(), 4 * 4 - 3, "in the end nothing is left out");
    assert_eq!(rest[0].0, own);
    assert_eq!(rest.last().unwrap().0, shared);
}

#[test]
fn suggested_pieces_come_first_among_equally_rare_ones() {
    let mut it = seasoned(64, 1);
    let full = Bitfield::full(64);
    it.peer_joined(&full);
    it.peer_joined(&bits(64, &[20]));
    let suggested = [PieceIndex(20), PieceIndex(33), PieceIndex(7)];
    let asker = Asker { suggested: &suggested, ..Pieces::asker(&full) };
    assert_eq!(pieces(&it.pick(&asker, 2)), [33, 7]);
}

#[test]
fn the_first_pieces_are_random_and_suggestions_count_even_then() {
    let first = |seed| {
        let mut it = picker(64, 1, seed);
        let full = Bitfield::full(64);
        it.peer_joined(&full);
        pieces(&it.pick(&Pieces::asker(&full), 1))[0]
    };
    let different: std::collections::BTreeSet<_> = (0..20).map(first).collect();
    assert!(different.len() > 10);

    let mut it = picker(64, 1, 0);
    let full = Bitfield::full(64);
    let asker = Asker { suggested: &[PieceIndex(9)], ..Pieces::asker(&full) };
    assert_eq!(pieces(&it.pick(&asker, 1)), [9]);
}

#[test]
fn while_choked_only_allowed_pieces_are_picked() {
    let mut it = seasoned(8, 2);
    let full = Bitfield::full(8);
    it.peer_joined(&full);
    let only = [PieceIndex(0), PieceIndex(6)];
    let asker = Asker { only: Some(&only), ..Pieces::asker(&full) };
    assert_eq!(it.pick(&asker, 9).len(), 2);
    assert_eq!(it.pick(&asker, 9), []);
}

#[test]
fn endgame_asks_twice_at_most_thrice_and_cancels() {
    let mut it = seasoned(5, 2);
    let full = Bitfield::full(5);
    it.peer_joined(&full);
    let peer = |conn| Asker { conn: ConnId(conn), ..Pieces::asker(&full) };
    assert_eq!(it.pick(&peer(0), 2).len(), 2);
    assert_eq!(it.pick(&Asker { outstanding: 1, ..peer(1) }, 2), []);
    assert_eq!(it.pick(&peer(1), 2).len(), 2);
    assert_eq!(it.pick(&peer(1), 2), []);
    assert_eq!(it.pick(&peer(2), 9).len(), 2);
    assert_eq!(it.pick(&peer(3), 9), []);
    let received = it.received(ConnId(2), PieceIndex(4), BlockIndex(0));
    let cancel = vec![ConnId(0), ConnId(1)];
    assert_eq!(received, Received::Accepted { cancel, complete: false });
    assert_eq!(it.received(ConnId(0), PieceIndex(4), BlockIndex(0)), Received::Wasted);
    it.check();
}

#[test]
fn unavailable_pieces_do_not_hold_up_endgame() {
    let mut it = seasoned(6, 1);
    let have = bits(6, &[4]);
    it.peer_joined(&have);
    it.peer_joined(&have);
    assert_eq!(it.pick(&Pieces::asker(&have), 1).len(), 1);
    assert_eq!(it.pick(&Asker { conn: ConnId(1), ..Pieces::asker(&have) }, 1).len(), 1);
}

#[test]
fn a_peer_on_parole_gets_pieces_for_itself() {
    let mut it = seasoned(8, 2);
    let full = Bitfield::full(8);
    it.peer_joined(&full);
    let started = it.pick(&Pieces::asker(&full), 1)[0].0;
    let parole = Asker { conn: ConnId(1), parole: true, ..Pieces::asker(&full) };
    let own = it.pick(&parole, 1)[0].0;
    assert_ne!(own, started);
    let rest = it.pick(&Asker { conn: ConnId(2), ..Pieces::asker(&full) }, 99);
    assert!(rest.iter().all(|pick| pick.0 != own));
    assert_eq!(it.pick(&parole, 9), [(own, BlockIndex(1))]);
    for block in 0..2 {
        let wasted = it.received(ConnId(0), own, BlockIndex(block));
        assert_eq!(wasted, Received::Wasted, "from somebody else");
        it.received(ConnId(1), own, BlockIndex(block));
    }
    assert_eq!(it.contributors(own).single(), Some(ConnId(1)));
}

#[test]
fn blocks_from_disk_are_not_asked_for_and_hide_the_culprit() {
    let mut it = seasoned(6, 3);
    assert!(!it.restore(PieceIndex(4), &bits(3, &[0, 2])));
    let have = bits(6, &[4]);
    it.peer_joined(&have);
    assert_eq!(it.pick(&Pieces::asker(&have), 9), [(PieceIndex(4), BlockIndex(1))]);
    it.received(ConnId(0), PieceIndex(4), BlockIndex(1));
    assert_eq!(it.contributors(PieceIndex(4)).single(), None);
    assert!(it.restore(PieceIndex(5), &bits(3, &[0, 1, 2])));
    it.check();
}

const MILLION: u32 = 1_000_000;
const CROWD: u64 = 500;

/// A million pieces; 500 peers with a sprinkle of pieces each, and a seed.
fn crowd() -> (Picker, Vec<Bitfield>) {
    let mut it = picker(MILLION, 64, 3);
    (0..4).for_each(|piece| it.verified(PieceIndex(piece)));
    it.peer_joined(&Bitfield::full(MILLION));
    let mut rng = Rng::new(5);
    let mut peers = Vec::new();
    for _ in 0..CROWD {
        let mut have = Bitfield::new(MILLION);
        (0..1_000).for_each(|_| {
            have.set(rng.index(MILLION as usize) as u32);
        });
        it.peer_joined(&have);
        peers.push(have);
    }
    (it, peers)
}

#[test]
fn costs_stay_small_with_a_million_pieces_and_500_peers() {
    let (mut it, mut peers) = crowd();
    let full = Bitfield::full(MILLION);
    it.pick(&Pieces::asker(&full), 64);
    let cost = |it: &mut Picker, work: &mut dyn FnMut(&mut Picker)| {
        let before = it.steps();
        work(it);
        it.steps() - before
    };

    let haves = cost(&mut it, &mut |it| {
        for (at, have) in peers.iter_mut().enumerate() {
            let piece = at as u32 * 1_999;
            if have.set(piece) {
                it.peer_gained(have, PieceIndex(piece));
            }
        }
    });
    assert!(haves <= CROWD, "{haves} steps for {CROWD} have messages");

    let picks = cost(&mut it, &mut |it| {
        for _ in 0..100 {
            assert_eq!(it.pick(&Pieces::asker(&full), 64).len(), 64);
        }
    });
    assert!(picks <= 100 * 64, "{picks} steps for 100 batches from a seed");

    // Peers with one piece in a thousand, all of which stand at the far end of the order.
    let sparse = cost(&mut it, &mut |it| {
        for (at, have) in peers.iter().enumerate().take(100) {
            let asker = Asker { conn: ConnId(at as u64 + 1), ..Pieces::asker(have) };
            assert_eq!(it.pick(&asker, 64).len(), 64);
        }
    });
    assert!(sparse <= 100 * 150_000, "{sparse} steps for 100 batches from sparse peers");
}
