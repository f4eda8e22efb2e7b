use super::*;

const RTT: Duration = Duration::from_millis(80);

fn address(n: u32) -> SocketAddr {
    // One /24 for each.
    (std::net::Ipv4Addr::from(0x0500_0001 + (n << 8)), 6_881).into()
}

fn node(n: u32, rng: &mut Rng) -> Contact {
    Contact { id: Id::random(rng), address: address(n) }
}

fn filled(nodes: u32, rng: &mut Rng) -> (Table, Vec<Contact>) {
    let mut table = Table::new(Id::random(rng));
    let all: Vec<Contact> = (0..nodes).map(|n| node(n, rng)).collect();
    for contact in &all {
        table.answered(Instant::ZERO, *contact, RTT);
    }
    (table, all)
}

fn is_live(table: &Table, contact: Contact) -> bool {
    table.live().any(|it| it.contact == contact)
}

#[test]
fn buckets_hold_128_64_32_16_and_8() {
    let (table, _) = filled(4_000, &mut Rng::new(1));
    let sizes: Vec<usize> = table.buckets.iter().map(|bucket| bucket.live.len()).collect();
    assert_eq!(sizes[..7], [128, 64, 32, 16, 8, 8, 8]);
    for (bits, bucket) in table.buckets.iter().enumerate() {
        assert!(bucket.spares.len() <= bucket.size);
        assert!(
            bucket.live.iter().all(|it| { it.contact.id.common_bits(table.me) as usize == bits })
        );
    }
}

/// The naive way: sort all.
fn model(table: &Table, target: Id, count: usize) -> Vec<Contact> {
    let mut all: Vec<Contact> = table.live().map(|it| it.contact).collect();
    all.sort_by_key(|it| it.id.distance(target));
    all.truncate(count);
    all
}

#[test]
fn the_closest_are_those_that_a_sort_of_all_gives() {
    let mut rng = Rng::new(2);
    for nodes in [0, 3, 40, 500, 3_000] {
        let (table, all) = filled(nodes, &mut rng);
        for round in 0..50 {
            let target = match round % 4 {
                0 => table.me.random_beside(round, &mut rng),
                1 if nodes > 0 => all[rng.index(all.len())].id,
                2 => table.me,
                _ => Id::random(&mut rng),
            };
            for count in [1, 8, 20] {
                let found: Vec<Contact> =
                    table.closest(target, count).iter().map(|it| it.contact).collect();
                assert_eq!(found, model(&table, target, count));
            }
        }
    }
}

#[test]
fn nobody_is_there_twice_by_id_address_or_network() {
    let mut rng = Rng::new(3);
    let (mut table, all) = filled(4, &mut rng);
    let known = all[0];
    let ip = |ip: [u8; 4], port| SocketAddr::from((ip, port));
    for (id, address, enters) in [
        (known.id, address(99), false),
        (Id::random(&mut rng), SocketAddr::new(known.address.ip(), 1), false),
        (known.id.flipped(159), ip([5, 0, 0, 200], 1), false),
        (known.id.flipped(159), ip([5, 1, 0, 200], 1), true),
        (Id::random(&mut rng), ip([127, 0, 0, 1], 1), true),
        (Id::random(&mut rng), ip([127, 0, 0, 1], 2), true),
        (table.me, address(98), false),
    ] {
        let contact = Contact { id, address };
        table.answered(Instant::ZERO, contact, RTT);
        assert_eq!(is_live(&table, contact), enters, "{contact:?}");
    }
}

#[test]
fn who_answered_enters_at_once_and_who_only_asked_waits() {
    let mut rng = Rng::new(4);
    let (mut table, _) = filled(150, &mut rng);
    let (asked, answered) = (node(400, &mut rng), node(401, &mut rng));
    let start = Instant::from_secs(10);
    table.asked_us(start, asked);
    table.answered(start, answered, RTT);
    assert!(is_live(&table, answered) && !is_live(&table, asked));
    assert_eq!(table.next_to_ping(start + QUARANTINE / 2), None);
    assert_eq!(table.next_to_ping(start + QUARANTINE), Some(asked));
    assert_eq!(table.next_to_ping(start + QUARANTINE), None, "it was pinged");
    table.answered(start + QUARANTINE, asked, RTT);
    assert!(is_live(&table, asked));
    // While there is nearly nobody, nobody waits.
    let mut empty = Table::new(Id::random(&mut rng));
    empty.asked_us(start, asked);
    assert_eq!(empty.next_to_ping(start), Some(asked));
}

#[test]
fn two_failures_drop_a_node_and_the_fastest_spare_takes_its_place() {
    let mut rng = Rng::new(5);
    let mut table = Table::new(Id::default());
    let far = |n: u32, rng: &mut Rng| {
        let mut contact = node(n, rng);
        contact.id.0[0] |= 0x80;
        contact
    };
    let all: Vec<Contact> = (0..140).map(|n| far(n, &mut rng)).collect();
    for (n, contact) in all.iter().enumerate() {
        table.answered(Instant::ZERO, *contact, RTT + Duration::from_millis(140 - n as u64));
    }
    assert_eq!(table.len(), 128);
    let now = Instant::from_secs(60);
    table.failed(now, all[0]);
    assert!(is_live(&table, all[0]));
    assert_eq!(table.good(), 127);
    assert_eq!(table.next_to_ping(now), Some(all[0]), "it gets a second chance");
    table.failed(now, all[0]);
    assert!(!is_live(&table, all[0]) && is_live(&table, all[139]));
    assert_eq!(table.len(), 128);
    // A node that fails makes room for one that does not.
    table.failed(now, all[1]);
    let new = far(500, &mut rng);
    table.answered(now, new, RTT * 9);
    assert!(is_live(&table, new) && !is_live(&table, all[1]));
}

#[test]
fn faster_nodes_take_over_but_not_as_newcomers() {
    let mut rng = Rng::new(6);
    let (mut table, _) = filled(4_000, &mut rng);
    let mut fast = node(9_000, &mut rng);
    fast.id = table.me.flipped(0);
    let now = Instant::from_secs(1);
    table.answered(now, fast, RTT / 4);
    assert!(!is_live(&table, fast));
    let later = now + QUARANTINE;
    table.answered(later, fast, RTT / 4);
    assert!(is_live(&table, fast));
    assert_eq!(table.buckets[0].live.len(), 128);
}

#[test]
fn secure_ids_take_over_from_others() {
    let mut rng = Rng::new(7);
    let (mut table, _) = filled(4_000, &mut rng);
    let place = table.buckets[0].live.iter().filter(|it| it.secure).count();
    let mut entered = 0;
    for n in 5_000..5_100 {
        let id = crate::secure_id(address(n).ip(), 1, &mut rng);
        let contact = Contact { id, address: address(n) };
        table.answered(Instant::from_secs(1), contact, RTT * 2);
        entered += usize::from(is_live(&table, contact));
    }
    assert!(place < 5 && entered > 80, "{place} {entered}");
}

#[test]
fn what_is_silent_is_pinged_and_what_is_stale_is_refreshed() {
    let mut rng = Rng::new(8);
    let (mut table, all) = filled(20, &mut rng);
    assert_eq!(table.next_to_ping(Instant::from_secs(419)), None);
    let early = std::iter::from_fn(|| table.next_to_ping(Instant::from_secs(510))).count();
    assert!((4..16).contains(&early), "not all at once: {early}");
    let now = Instant::from_secs(600);
    let mut pinged: Vec<Contact> = std::iter::from_fn(|| table.next_to_ping(now)).collect();
    pinged.sort_unstable();
    let mut expected = all;
    expected.sort_unstable();
    assert_eq!(pinged, expected, "even those that did not answer in the meantime");
    assert_eq!(table.next_to_refresh(Instant::from_secs(899), &mut rng), None);
    let now = Instant::from_secs(900);
    let ids: Vec<Id> = std::iter::from_fn(|| table.next_to_refresh(now, &mut rng)).collect();
    assert_eq!(ids.len(), table.buckets.len());
    for (bits, id) in ids.iter().enumerate() {
        assert_eq!(id.common_bits(table.me) as usize, bits);
    }
}

#[test]
fn a_new_id_sorts_all_anew() {
    let mut rng = Rng::new(9);
    let (mut table, _) = filled(500, &mut rng);
    let before = table.len();
    let me = Id::random(&mut rng);
    table.rename(Instant::ZERO, me);
    assert!(table.len() > before / 3 && table.me() == me);
    for (bits, bucket) in table.buckets.iter().enumerate() {
        let right = |it: &Entry| it.contact.id.common_bits(me) as usize == bits;
        assert!(bucket.live.iter().all(right));
    }
}
