use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stdx::{ConnId, Duration, Instant, Rng};

use super::{Candidate, Choker, Decision, ROUND};

const SLOW: Option<u64> = Some(100_000);

fn candidate(conn: u64) -> Candidate {
    Candidate {
        conn: ConnId(conn),
        interested: true,
        empty: false,
        seeding: false,
        snubbed: false,
        given: 0,
        taken: 0,
        piece_length: 16 * 1024,
        since: Instant::ZERO,
    }
}

/// A choker and the candidates it sees, checked after every step.
struct World {
    choker: Choker,
    now: Instant,
    peers: Vec<Candidate>,
    unchoked: BTreeSet<ConnId>,
}

impl World {
    fn new(up_limit: Option<u64>, peers: Vec<Candidate>) -> Self {
        let choker = Choker::new(Instant::ZERO, up_limit, Rng::new(7));
        Self { choker, now: Instant::ZERO, peers, unchoked: BTreeSet::new() }
    }

    fn step(&mut self) -> Vec<Decision> {
        let was_round = self.now >= self.choker.next_round;
        let decisions = self.choker.rechoke(self.now, &self.peers);
        let interested: BTreeSet<ConnId> =
            self.peers.iter().filter(|peer| peer.interested).map(|peer| peer.conn).collect();
        self.unchoked.retain(|conn| self.peers.iter().any(|peer| peer.conn == *conn));
        for decision in &decisions {
            let changed = if decision.choke {
                self.unchoked.remove(&decision.conn)
            } else {
                self.unchoked.insert(decision.conn)
            };
            assert!(changed, "{decision:?} changes nothing");
            assert!(decision.choke || interested.contains(&decision.conn));
        }
        let busy = self.unchoked.intersection(&interested).count();
        let slots = self.choker.slots();
        assert_eq!(busy, interested.len().min(slots), "slots are filled, and not more");
        if was_round {
            assert!(self.unchoked.is_subset(&interested), "a round chokes the uninterested");
        }
        for peer in &self.peers {
            assert_eq!(self.choker.is_unchoked(peer.conn), self.unchoked.contains(&peer.conn));
        }
        decisions
    }

    fn round(&mut self) {
        self.now += ROUND;
        self.step();
    }

    /// A round in which the uplink was fully used.
    fn busy_round(&mut self) {
        let share = 1_000_000 / self.unchoked.len().max(1) as u64 + 1;
        for peer in &mut self.peers {
            peer.taken += if self.unchoked.contains(&peer.conn) { share } else { 0 };
        }
        self.round();
    }

    fn has_slot(&self, conn: u64) -> bool {
        self.unchoked.contains(&ConnId(conn))
    }

    fn peer(&mut self, conn: u64) -> &mut Candidate {
        self.peers.iter_mut().find(|peer| peer.conn == ConnId(conn)).unwrap()
    }
}

#[test]
fn contributors_beat_free_riders() {
    let mut world = World::new(SLOW, (0..20).map(candidate).collect());
    world.step();
    let mut served = BTreeMap::<u64, u32>::new();
    for _ in 0..60 {
        for conn in 10..14 {
            world.peer(conn).given += 1_000 * conn;
        }
        world.busy_round();
        for peer in &world.unchoked {
            *served.entry(peer.0).or_default() += 1;
        }
    }
    for conn in 0..20 {
        let rounds = served.get(&conn).copied().unwrap_or(0);
        match conn {
            10..14 => assert!(rounds >= 58, "{conn} gives and was served {rounds} rounds"),
            _ => assert!(rounds <= 15, "{conn} gives nothing and was served {rounds} rounds"),
        }
    }
    let lucky = (0..20).filter(|conn| served.contains_key(conn)).count();
    assert!(lucky >= 15, "the optimistic slot goes round, but only {lucky} were served");
}

#[test]
fn a_better_giver_takes_the_slot_and_a_snubbing_one_loses_it() {
    let mut world = World::new(SLOW, (0..8).map(candidate).collect());
    let give = |world: &mut World, bytes: [u64; 8]| {
        for (peer, bytes) in world.peers.iter_mut().zip(bytes) {
            peer.given += bytes;
        }
    };
    world.step();
    give(&mut world, [9, 8, 7, 6, 5, 4, 3, 2]);
    world.busy_round();
    for conn in 0..4 {
        assert!(world.has_slot(conn), "{conn}");
    }
    world.peer(0).snubbed = true;
    let mut kept = 0;
    for _ in 0..60 {
        give(&mut world, [0, 8, 7, 6, 5, 4, 3, 99]);
        world.busy_round();
        assert!(world.has_slot(7) && world.has_slot(1) && world.has_slot(2));
        kept += u32::from(world.has_slot(0));
    }
    assert!(kept <= 30, "only luck serves a snubbing peer, {kept} of 60 rounds");
}

#[test]
fn a_freed_slot_is_filled_at_once() {
    let check = |free: fn(&mut World)| {
        let mut world = World::new(SLOW, (0..12).map(candidate).collect());
        world.step();
        world.now += Duration::from_secs(3);
        assert!(world.step().is_empty(), "nothing changed");
        free(&mut world);
        let decisions = world.step();
        assert_eq!(decisions.iter().filter(|decision| !decision.choke).count(), 1);
        assert!(decisions.iter().all(|decision| !decision.choke), "nobody else loses a slot");
    };
    check(|world| {
        let first = *world.unchoked.first().unwrap();
        world.peers.retain(|peer| peer.conn != first);
    });
    check(|world| {
        let first = *world.unchoked.first().unwrap();
        world.peer(first.0).interested = false;
    });
}

#[test]
fn returned_interest_never_exceeds_the_slots() {
    let mut world = World::new(SLOW, (0..12).map(candidate).collect());
    world.step();
    let first = *world.unchoked.first().unwrap();
    world.peer(first.0).interested = false;
    world.step();
    assert!(world.has_slot(first.0), "it stays unchoked until the round ends");
    world.peer(first.0).interested = true;
    let decisions = world.step();
    assert_eq!(decisions.len(), 1, "one too many is choked: {decisions:?}");
}

#[test]
fn a_new_connection_is_three_times_as_likely_to_be_lucky() {
    let mut lucky = [0_u32; 2];
    for seed in 0..400 {
        let mut peers: Vec<Candidate> = (0..5).map(candidate).collect();
        for peer in &mut peers[..4] {
            peer.given = 1_000;
        }
        let now = Instant::from_secs(100);
        let mut choker = Choker::new(now, SLOW, Rng::new(seed));
        choker.rechoke(now, &peers);
        for (conn, since) in [(10, Instant::ZERO), (11, Instant::from_secs(115))] {
            peers.push(Candidate { since, ..candidate(conn) });
        }
        peers.retain(|peer| peer.conn != ConnId(4));
        for peer in &mut peers[..4] {
            peer.given += 1_000;
            peer.taken += 1_000_000;
        }
        choker.rechoke(Instant::from_secs(130), &peers);
        lucky[0] += u32::from(choker.is_unchoked(ConnId(10)));
        lucky[1] += u32::from(choker.is_unchoked(ConnId(11)));
    }
    assert_eq!(lucky[0] + lucky[1], 400);
    assert!((240..360).contains(&lucky[1]), "{lucky:?}");
}

#[test]
fn seeding_serves_everybody_equally() {
    let check = |peers: u64, up_limit: Option<u64>, fast: u64| {
        let seeds = (0..peers).map(|conn| Candidate { seeding: true, ..candidate(conn) });
        let mut world = World::new(up_limit, seeds.collect());
        world.step();
        let mut served = vec![0_u32; peers as usize];
        let rounds = 600;
        for _ in 0..rounds {
            for conn in world.unchoked.clone() {
                world.peer(conn.0).taken += if conn.0 < fast { 1 << 20 } else { 1_000 };
                served[conn.0 as usize] += 1;
            }
            world.round();
        }
        let slow = &served[fast as usize..];
        let (min, max) = (slow.iter().min().unwrap(), slow.iter().max().unwrap());
        assert!(*min > 0 && max - min <= 12, "{served:?}");
    };
    check(40, SLOW, 0);
    check(13, SLOW, 5);
    check(200, Some(4_000_000), 20);
}

#[test]
fn nobody_starves_while_seeding() {
    // 60 wait for 5 slots of at most 6 rounds: everybody's turn comes within 13 x 6 rounds, even
    // when newcomers arrive all the time.
    let mut world = World::new(
        SLOW,
        (0..60).map(|conn| Candidate { seeding: true, ..candidate(conn) }).collect(),
    );
    let mut served = BTreeSet::new();
    for round in 0..80 {
        world.step();
        served.extend(world.unchoked.iter().copied());
        world.peers.push(Candidate { seeding: true, since: world.now, ..candidate(1_000 + round) });
        world.round();
    }
    for conn in 0..60 {
        assert!(served.contains(&ConnId(conn)), "{conn} was never served");
    }
}

#[test]
fn downloads_and_seeds_share_the_slots() {
    let seeding = |conn: u64| Candidate { seeding: conn >= 10, ..candidate(conn) };
    let mut world = World::new(SLOW, (0..20).map(seeding).collect());
    let mut served = [0_u32; 20];
    world.step();
    for _ in 0..100 {
        for conn in 0..10 {
            world.peer(conn).given += 1_000 + conn;
        }
        world.busy_round();
        for conn in &world.unchoked {
            served[conn.0 as usize] += 1;
        }
    }
    let seeds: u32 = served[10..].iter().sum();
    assert!((90..=120).contains(&seeds), "one slot in four is a seed's: {served:?}");
    assert!(served[10..].iter().all(|rounds| *rounds > 0), "{served:?}");
}

#[test]
fn slots_follow_the_uplink() {
    let check = |limit: Option<u64>, slots: std::ops::RangeInclusive<usize>| {
        let choker = Choker::new(Instant::ZERO, limit, Rng::new(0));
        assert!(slots.contains(&choker.slots()), "{limit:?}: {}", choker.slots());
    };
    check(Some(1), 5..=5);
    check(Some(100_000), 5..=5);
    check(Some(4_000_000), 20..=30);
    check(Some(100_000_000), 100..=150);
    check(Some(u64::MAX), 600..=600);
    check(None, 9..=9);
}

/// Every slot moves `each` bytes per second. Returns the slots after `rounds`.
fn grown(limit: Option<u64>, each: u64, rounds: u32) -> usize {
    let seeds = (0..500).map(|conn| Candidate { seeding: true, ..candidate(conn) });
    let mut world = World::new(limit, seeds.collect());
    world.step();
    for _ in 0..rounds {
        for conn in world.unchoked.clone() {
            let fair = limit.unwrap_or(u64::MAX) / world.unchoked.len() as u64;
            world.peer(conn.0).taken += 10 * each.min(fair);
        }
        world.round();
    }
    world.choker.slots()
}

#[test]
fn slots_grow_while_the_uplink_is_idle() {
    let slow_takers = grown(Some(4_000_000), 20_000, 30);
    assert!((180..=320).contains(&slow_takers), "200 takers fill the uplink: {slow_takers}");
    let fast_takers = grown(Some(4_000_000), 4_000_000, 30);
    assert!(fast_takers <= 30, "{fast_takers}");
    let unlimited = grown(None, 1_000_000, 30);
    assert!(unlimited >= 200, "each new slot brings more: {unlimited}");
}

fn change() -> impl Strategy<Value = (u64, u8, u64, u64)> {
    (0..24_u64, 0..8_u8, 0..100_000_u64, 0..15_u64)
}

proptest! {
    #[test]
    fn invariants_hold_whatever_peers_do(
        seed: u64,
        limit in prop_oneof![Just(None), (1..10_000_000_u64).prop_map(Some)],
        changes in prop::collection::vec(change(), 1..200),
    ) {
        let trace = |checked: bool| {
            let mut world = World::new(limit, Vec::new());
            world.choker.rng = Rng::new(seed);
            let mut trace = Vec::new();
            for &(conn, what, bytes, seconds) in &changes {
                world.now += Duration::from_secs(seconds);
                match world.peers.iter_mut().find(|peer| peer.conn == ConnId(conn)) {
                    None => {
                        let since = world.now;
                        let seeding = conn % 3 == 0;
                        world.peers.push(Candidate { seeding, since, ..candidate(conn) });
                    }
                    Some(peer) => match what {
                        0 => peer.interested = !peer.interested,
                        1 => peer.snubbed = !peer.snubbed,
                        2 => peer.seeding = !peer.seeding,
                        3 => world.peers.retain(|peer| peer.conn != ConnId(conn)),
                        4 => peer.taken += bytes,
                        _ => peer.given += bytes,
                    },
                }
                let decisions = if checked {
                    world.step()
                } else {
                    world.choker.rechoke(world.now, &world.peers)
                };
                trace.push(decisions);
            }
            trace
        };
        prop_assert_eq!(trace(true), trace(false), "same seed, same decisions");
    }
}

#[test]
fn the_hungry_are_served_first_by_a_seed_and_one_piece_each() {
    let seeding = |conn: u64| Candidate { seeding: true, empty: conn >= 8, ..candidate(conn) };
    let mut world = World::new(SLOW, (0..14).map(seeding).collect());
    world.step();
    assert_eq!((8..14).filter(|conn| world.has_slot(*conn)).count(), 5, "of the hungry");
    let first: Vec<ConnId> = world.unchoked.iter().copied().collect();
    let piece = u64::from(candidate(0).piece_length);
    for conn in &first {
        world.peer(conn.0).taken += piece;
    }
    world.now = world.choker.poll_timeout();
    assert!(world.now < Instant::ZERO + ROUND, "it does not wait for the round");
    world.step();
    assert!((8..14).all(|conn| first.contains(&ConnId(conn)) || world.has_slot(conn)));
    let last: Vec<ConnId> = (8..14).map(ConnId).filter(|conn| !first.contains(conn)).collect();
    for conn in &last {
        world.peer(conn.0).taken += piece;
    }
    world.now += Duration::from_secs(1);
    world.step();
    assert_eq!(world.choker.poll_timeout(), Instant::ZERO + ROUND, "nobody is hungry any more");
}

#[test]
fn who_calls_itself_hungry_for_ever_is_so_once() {
    let seeding = |conn: u64| Candidate { seeding: true, empty: conn == 0, ..candidate(conn) };
    let mut world = World::new(SLOW, (0..20).map(seeding).collect());
    world.step();
    assert!(world.has_slot(0));
    let mut served = [0_u32; 20];
    for _ in 0..200 {
        for conn in world.unchoked.clone() {
            world.peer(conn.0).taken += 1 << 20;
            served[conn.0 as usize] += 1;
        }
        world.round();
    }
    let others = served[1..].iter().sum::<u32>() / 19;
    assert!(served[0] <= others + 12, "{served:?}");
}

#[test]
fn who_is_first_is_drawn() {
    let mut first = BTreeSet::new();
    for seed in 0..40 {
        let mut choker = Choker::new(Instant::ZERO, SLOW, Rng::new(seed));
        let all: Vec<Candidate> = (0..40).map(candidate).collect();
        let decisions = choker.rechoke(Instant::ZERO, &all);
        first.extend(decisions.iter().map(|decision| decision.conn));
    }
    assert!(first.len() > 30, "only {} of 40 were ever first", first.len());
}
