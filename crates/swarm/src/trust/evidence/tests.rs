use std::net::SocketAddr;

use hash::{Sha256Digest, sha256};
use stdx::{BlockIndex, PieceIndex};

use super::{CASES_MAX, DIGESTS_MAX, Evidence, Judgement, SUSPECTS_MAX};
use crate::Identity;
use crate::trust::Suspect;

const PIECE: PieceIndex = PieceIndex(7);

fn addr(peer: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, peer], 6881))
}

fn suspect(peer: u8) -> Suspect {
    Suspect { addr: addr(peer), listen: None }
}

fn digest(content: &str) -> Sha256Digest {
    sha256(content.as_bytes())
}

fn fail(evidence: &mut Evidence, piece: PieceIndex, copy: &[(u8, &str)]) -> Vec<Suspect> {
    let senders: Vec<_> = copy.iter().map(|&(peer, _)| Some(suspect(peer))).collect();
    evidence.failed(piece, &senders);
    let digests: Vec<_> = copy.iter().map(|&(_, content)| digest(content)).collect();
    evidence.examined(piece, &digests)
}

fn arrive(evidence: &mut Evidence, piece: PieceIndex, copy: &[&str]) {
    for (at, content) in (0..).map(BlockIndex).zip(copy) {
        evidence.arrived(piece, at, digest(content));
    }
}

fn pass(evidence: &mut Evidence, piece: PieceIndex, copy: &[&str]) -> Judgement {
    arrive(evidence, piece, copy);
    let judgement = evidence.passed(piece);
    assert!(!evidence.wants(piece));
    assert_eq!(evidence.digests, evidence.cases.values().map(super::Case::digests).sum());
    judgement
}

fn judged(liars: &[u8], cleared: &[u8]) -> Judgement {
    Judgement {
        liars: liars.iter().map(|&peer| suspect(peer)).collect(),
        cleared: cleared.iter().map(|&peer| Identity::of(addr(peer))).collect(),
    }
}

#[test]
fn whose_block_differed_from_the_good_one_lied_and_nobody_else() {
    type Copy<'a> = &'a [(u8, &'a str)];
    let cases: [(&[Copy<'_>], Judgement); 4] = [
        (&[&[(1, "a"), (2, "x"), (1, "c")]], judged(&[2], &[1])),
        (&[&[(1, "a"), (2, "x"), (3, "y")]], judged(&[2, 3], &[1])),
        (
            &[&[(1, "a"), (2, "x"), (3, "c")], &[(2, "a"), (3, "b"), (4, "z")]],
            judged(&[2, 4], &[1, 3]),
        ),
        // Nothing wrong in what was sent: it went bad here.
        (&[&[(1, "a"), (2, "b"), (3, "c")]], judged(&[], &[1, 2, 3])),
    ];
    for (copies, judgement) in cases {
        let mut evidence = Evidence::default();
        for copy in copies {
            assert_eq!(fail(&mut evidence, PIECE, copy), []);
        }
        assert_eq!(pass(&mut evidence, PIECE, &["a", "b", "c"]), judgement, "{copies:?}");
        assert_eq!(evidence.digests, 0);
    }
}

#[test]
fn who_sends_two_copies_of_a_block_is_proven_wrong_before_there_is_a_good_one() {
    let mut evidence = Evidence::default();
    assert_eq!(fail(&mut evidence, PIECE, &[(1, "a"), (2, "x")]), []);
    assert_eq!(fail(&mut evidence, PIECE, &[(1, "a"), (2, "y")]), [suspect(2)]);
}

#[test]
fn blocks_of_unknown_origin_and_digests_that_never_come_blame_nobody() {
    let mut evidence = Evidence::default();
    evidence.failed(PIECE, &[None, Some(suspect(1))]);
    assert_eq!(evidence.examined(PIECE, &[digest("x"), digest("b")]), []);
    assert_eq!(pass(&mut evidence, PIECE, &["a", "b"]), judged(&[], &[1]));
    evidence.failed(PIECE, &[Some(suspect(1)), Some(suspect(2))]);
    assert_eq!(pass(&mut evidence, PIECE, &["a", "b"]), judged(&[], &[1, 2]));
    assert_eq!(evidence.examined(PIECE, &[digest("x")]), [], "too late");
}

#[test]
fn what_arrived_before_a_piece_was_fetched_anew_proves_nothing() {
    let mut evidence = Evidence::default();
    fail(&mut evidence, PIECE, &[(1, "a"), (2, "x")]);
    arrive(&mut evidence, PIECE, &["wrong"]);
    evidence.restarted(PIECE);
    assert_eq!(pass(&mut evidence, PIECE, &[]), judged(&[], &[1, 2]));
}

#[test]
fn digests_of_another_copy_than_the_one_that_failed_blame_nobody() {
    let mut evidence = Evidence::default();
    let senders = [Some(suspect(1)), Some(suspect(2))];
    // The disk could not read what these sent; then one peer alone sent all of a bad copy.
    evidence.failed(PIECE, &senders);
    evidence.restarted(PIECE);
    assert_eq!(evidence.examined(PIECE, &[digest("x"), digest("y")]), []);
    assert_eq!(pass(&mut evidence, PIECE, &["a", "b"]), judged(&[], &[1, 2]));
}

#[test]
fn who_is_suspected_elsewhere_is_not_cleared() {
    let mut evidence = Evidence::default();
    fail(&mut evidence, PIECE, &[(1, "a"), (2, "x")]);
    fail(&mut evidence, PieceIndex(8), &[(1, "x"), (3, "b")]);
    assert_eq!(pass(&mut evidence, PIECE, &["a", "b"]), judged(&[2], &[]));
    assert_eq!(pass(&mut evidence, PieceIndex(8), &["a", "b"]), judged(&[1], &[3]));
}

#[test]
fn memory_is_bounded_and_the_oldest_case_goes_first() {
    let mut evidence = Evidence::default();
    let copy: Vec<(u8, String)> = (0..1_024).map(|at| (at as u8 % 3, at.to_string())).collect();
    let copy: Vec<(u8, &str)> = copy.iter().map(|(peer, it)| (*peer, it.as_str())).collect();
    for piece in 0..100 {
        fail(&mut evidence, PieceIndex(piece), &copy);
        assert!(evidence.digests <= DIGESTS_MAX);
    }
    assert!(!evidence.wants(PieceIndex(67)) && evidence.wants(PieceIndex(68)));
    for piece in 0..2_000 {
        fail(&mut evidence, PieceIndex(piece), &[(1, "a")]);
    }
    assert_eq!((evidence.cases.len(), evidence.order.len()), (CASES_MAX, CASES_MAX));
    let crowd: Vec<_> = (0..600_u32)
        .map(|at| Some(Suspect { addr: SocketAddr::from((at.to_be_bytes(), 1)), listen: None }))
        .collect();
    evidence.failed(PIECE, &crowd);
    assert_eq!(evidence.cases[&PIECE].suspects.len(), SUSPECTS_MAX);
}
