use std::net::SocketAddr;

use stdx::PeerId;

use super::{SOURCES_MAX, Sources};

fn id(name: u64) -> PeerId {
    let mut id = PeerId([1; 20]);
    id.0[..8].copy_from_slice(&name.to_be_bytes());
    id
}

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], port))
}

fn listed(sources: &Sources) -> Vec<(String, u64, u64)> {
    sources.list().into_iter().map(|it| (it.address, it.received, it.sent)).collect()
}

#[test]
fn who_connects_both_ways_is_one_whatever_it_calls_itself() {
    for (outgoing_first, other) in [(true, 2), (false, 2), (true, 1)] {
        let mut sources = Sources::default();
        let out = |sources: &mut Sources| {
            sources.meet(id(1), addr(6_881));
            sources.locate(id(1), addr(6_881));
            sources.count(id(1), 10, 1);
        };
        if outgoing_first {
            out(&mut sources);
        }
        sources.meet(id(other), addr(50_000));
        sources.count(id(other), 20, 2);
        sources.locate(id(other), addr(6_881));
        if !outgoing_first {
            out(&mut sources);
        }
        sources.count(id(other), 300, 3);
        assert_eq!(listed(&sources), [("203.0.113.1:6881".to_owned(), 330, 6)]);
    }
}

#[test]
fn others_at_one_address_are_others() {
    let mut sources = Sources::default();
    for (name, port) in [(1, 6_881), (2, 6_882)] {
        sources.meet(id(name), addr(50_000 + port));
        sources.locate(id(name), addr(port));
        sources.count(id(name), name, 0);
    }
    let both = [("203.0.113.1:6882".to_owned(), 2, 0), ("203.0.113.1:6881".to_owned(), 1, 0)];
    assert_eq!(listed(&sources), both);
}

#[test]
fn names_changed_without_end_take_bounded_memory_and_lose_no_bytes() {
    let mut sources = Sources::default();
    let many = 3 * SOURCES_MAX as u64;
    for name in 1..=many {
        sources.meet(id(name), addr(50_000));
        sources.locate(id(name), addr(if name % 2 == 0 { 6_881 } else { 6_882 }));
        sources.count(id(name), 1, 1);
    }
    assert_eq!(sources.list().iter().map(|it| it.received).sum::<u64>(), many);
    assert!(sources.list().len() <= SOURCES_MAX + 1);
    assert!(sources.aliases.len() <= SOURCES_MAX);
}
