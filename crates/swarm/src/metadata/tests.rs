use std::collections::{BTreeSet, VecDeque};

use hash::sha1;
use metainfo::InfoHashes;
use stdx::{ConnId, Duration, Instant};

use super::{Fetch, Outcome, PIECE};

const NOW: Instant = Instant::from_secs(1);

/// The metadata of a v1 torrent with so many pieces.
fn raw(pieces: usize) -> Vec<u8> {
    let length = pieces * 16_384;
    let mut raw =
        format!("d6:lengthi{length}e4:name1:x12:piece lengthi16384e6:pieces{}:", pieces * 20)
            .into_bytes();
    raw.extend((0..pieces * 20).map(|at| at as u8));
    raw.push(b'e');
    raw
}

fn fetch(raw: &[u8]) -> Fetch {
    Fetch::new(InfoHashes { v1: Some(sha1(raw)), v2: None })
}

fn part(raw: &[u8], piece: u32) -> Vec<u8> {
    raw.chunks(PIECE).nth(piece as usize).unwrap().to_vec()
}

/// Answers all requests, honestly but for the liars. Returns the last outcome.
fn play(it: &mut Fetch, raw: &[u8], mut now: Instant, liars: &[u64]) -> Outcome {
    for _ in 0..200 {
        for (conn, piece) in it.requests(now) {
            let mut data = part(raw, piece);
            if liars.contains(&conn.0) {
                data[0] ^= 1;
            }
            match it.received(now, conn, piece, data) {
                Outcome::Continue => {}
                Outcome::Wrong(blamed) => {
                    assert!(blamed.iter().all(|conn| liars.contains(&conn.0)), "{blamed:?}");
                }
                outcome => return outcome,
            }
        }
        now += Duration::from_secs(1);
    }
    Outcome::Continue
}

#[test]
fn pieces_come_from_several_peers() {
    let raw = raw(10_000);
    let mut it = fetch(&raw);
    (1..=3).for_each(|conn| it.offered(NOW, ConnId(conn), raw.len() as u32));
    let asked: BTreeSet<_> = it.requests(NOW).into_iter().map(|it| it.0).collect();
    assert_eq!(asked.len(), 3);
    for conn in 1..=3 {
        it.closed(ConnId(conn));
        it.offered(NOW, ConnId(conn), raw.len() as u32);
    }
    assert!(matches!(play(&mut it, &raw, NOW, &[]), Outcome::Done(info) if **info.raw() == raw));
}

#[test]
fn liars_do_not_prevent_it_and_the_honest_are_not_blamed() {
    let raw = raw(5_000);
    for liars in [&[1][..], &[2, 3]] {
        let mut it = fetch(&raw);
        (1..=4).for_each(|conn| it.offered(NOW, ConnId(conn), raw.len() as u32));
        assert!(matches!(play(&mut it, &raw, NOW, liars), Outcome::Done(_)));
    }
}

#[test]
fn a_wrong_size_stated_by_few_is_not_believed() {
    let raw = raw(3_000);
    let mut it = fetch(&raw);
    it.offered(NOW, ConnId(1), 17);
    it.offered(NOW, ConnId(2), raw.len() as u32);
    it.offered(NOW, ConnId(3), raw.len() as u32);
    it.offered(NOW, ConnId(4), u32::MAX);
    it.offered(NOW, ConnId(5), 0);
    assert!(matches!(play(&mut it, &raw, NOW, &[]), Outcome::Done(_)));
}

/// How a peer that is alone in stating a size, and was first, keeps it up.
#[derive(Clone, Copy, Debug)]
enum Stall {
    Rejects,
    IsSilent,
    AnswersTooShort,
    AnswersSlowly,
}

#[test]
fn a_wrong_size_does_not_block_the_right_one() {
    use Stall::*;
    let raw = raw(5_000);
    for stall in [Rejects, IsSilent, AnswersTooShort, AnswersSlowly] {
        let (mut it, mut now, mut asked) = (fetch(&raw), NOW, 0);
        let mut slow = Vec::new();
        it.offered(NOW, ConnId(1), 8 << 20);
        let done = (0..120).any(|second| {
            if second == 1 {
                it.offered(now, ConnId(2), raw.len() as u32);
            }
            now += Duration::from_secs(1);
            let mut requests = it.requests(now);
            requests.extend((second % 4 == 0).then(|| slow.pop()).flatten());
            requests.into_iter().any(|(conn, piece)| {
                let outcome = match (conn.0, stall) {
                    (2, _) => it.received(now, conn, piece, part(&raw, piece)),
                    (_, Rejects) => {
                        it.rejected(now, conn, piece);
                        Outcome::Continue
                    }
                    (_, IsSilent) => Outcome::Continue,
                    (_, AnswersTooShort) => it.received(now, conn, piece, vec![0; 5]),
                    (_, AnswersSlowly) => {
                        if slow.is_empty() || asked > 4 {
                            slow.push((conn, piece));
                        }
                        it.received(now, conn, piece, vec![0; PIECE])
                    }
                };
                asked += u32::from(conn.0 == 1);
                matches!(outcome, Outcome::Done(_))
            })
        });
        assert!(done, "{stall:?}");
    }
}

#[test]
fn many_wrong_sizes_do_not_hold_the_right_one_up_for_long() {
    let raw = raw(5_000);
    let (mut it, mut now, honest) = (fetch(&raw), NOW, 9);
    it.offered(NOW, ConnId(honest), raw.len() as u32);
    (1..honest).for_each(|liar| it.offered(NOW, ConnId(liar), (4 << 20) + liar as u32));
    let mut slow = VecDeque::new();
    let done = (0..300).any(|_| {
        now += Duration::from_secs(1);
        let (true_ones, false_ones): (Vec<_>, Vec<_>) =
            it.requests(now).into_iter().partition(|(conn, _)| conn.0 == honest);
        // What is false drips.
        slow.extend(false_ones);
        if let Some((conn, piece)) = slow.pop_front() {
            it.received(now, conn, piece, vec![0; PIECE]);
        }
        true_ones.into_iter().any(|(conn, piece)| {
            matches!(it.received(now, conn, piece, part(&raw, piece)), Outcome::Done(_))
        })
    });
    assert!(done);
}

/// What makes the only honest peer a trial.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// It takes so many seconds for each piece.
    TakesLong(u64),
    /// It rejects every so many-th request.
    Rejects(usize),
}

#[test]
fn after_a_lie_a_difficult_seed_is_enough() {
    let raw = raw(10_000);
    let (liar, seed) = (ConnId(1), ConnId(2));
    for trial in [Trial::TakesLong(5), Trial::TakesLong(7), Trial::Rejects(2), Trial::Rejects(5)] {
        let mut it = fetch(&raw);
        it.offered(NOW, liar, raw.len() as u32);
        for (conn, piece) in it.requests(NOW) {
            it.received(NOW, conn, piece, vec![7; part(&raw, piece).len()]);
        }
        it.offered(NOW, seed, raw.len() as u32);
        let mut now = NOW;
        while !it.alone {
            now += Duration::from_secs(1);
            for (conn, piece) in it.requests(now) {
                it.received(now, conn, piece, part(&raw, piece));
            }
        }
        it.closed(liar);

        let (mut queue, mut asked, mut last) = (VecDeque::new(), 0, now);
        let done = (0..600).any(|_| {
            now += Duration::from_secs(1);
            queue.extend(it.requests(now));
            let ready = match trial {
                Trial::TakesLong(seconds) => now.since(last) >= Duration::from_secs(seconds),
                Trial::Rejects(_) => true,
            };
            let next = if ready { queue.pop_front() } else { None };
            let Some((conn, piece)) = next else {
                return false;
            };
            (asked, last) = (asked + 1, now);
            if let Trial::Rejects(every) = trial
                && asked % every == 0
            {
                it.rejected(now, conn, piece);
                return false;
            }
            matches!(it.received(now, conn, piece, part(&raw, piece)), Outcome::Done(_))
        });
        assert!(done, "{trial:?}");
    }
}

#[test]
fn who_answers_wrongly_is_not_asked_again_at_once() {
    let raw = raw(10);
    let mut it = fetch(&raw);
    it.offered(NOW, ConnId(1), raw.len() as u32);
    assert_eq!(it.requests(NOW), [(ConnId(1), 0)]);
    assert!(matches!(it.received(NOW, ConnId(1), 0, Vec::new()), Outcome::Continue));
    assert_eq!(it.requests(NOW), []);
    assert_eq!(it.requests(NOW + Duration::from_mins(1)), [(ConnId(1), 0)]);
}

#[test]
fn who_does_not_answer_is_passed_over() {
    let raw = raw(3_000);
    let mut it = fetch(&raw);
    it.offered(NOW, ConnId(1), raw.len() as u32);
    assert!(!it.requests(NOW).is_empty());
    it.rejected(NOW, ConnId(1), 0);
    it.offered(NOW, ConnId(2), raw.len() as u32);
    let later = NOW + Duration::from_secs(9);
    let asked: BTreeSet<_> = it.requests(later).into_iter().map(|it| it.0).collect();
    assert_eq!(asked, BTreeSet::from([ConnId(2)]));
}

#[test]
fn hashes_that_contradict_each_other_name_no_torrent() {
    let raw = raw(10);
    let v2 = Some(hash::sha256(b"something else"));
    let mut it = Fetch::new(InfoHashes { v1: Some(sha1(&raw)), v2 });
    it.offered(NOW, ConnId(1), raw.len() as u32);
    assert!(matches!(play(&mut it, &raw, NOW, &[]), Outcome::Unusable(_)));
}

#[test]
fn answers_nobody_asked_for_are_ignored() {
    let raw = raw(10);
    let mut it = fetch(&raw);
    it.offered(NOW, ConnId(1), raw.len() as u32);
    assert!(matches!(it.received(NOW, ConnId(1), 0, raw.clone()), Outcome::Continue));
    it.requests(NOW);
    assert!(matches!(it.received(NOW, ConnId(2), 0, raw.clone()), Outcome::Continue));
    assert!(matches!(it.received(NOW, ConnId(1), 7, raw.clone()), Outcome::Continue));
    assert!(matches!(it.received(NOW, ConnId(1), 0, raw), Outcome::Done(_)));
}
