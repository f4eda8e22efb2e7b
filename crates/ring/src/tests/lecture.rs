//! The circle that lectures draw: four bits, eight peers.

use crate::world::{Machine, Perfect, Still};
use crate::{Config, Id, Node, Space};

fn ring() -> Still {
    let ids = [1, 3, 4, 5, 8, 10, 12, 14].map(Id::from).to_vec();
    Still::new(Space::new(4).expect("four bits"), ids, 2)
}

#[test]
fn a_query_takes_6_messages_by_successors_and_2_by_shortcuts() {
    let check = |successors, shortcuts, path: &[u64]| {
        let ids = ring().members().to_vec();
        let ring = Still::new(Space::new(4).expect("four bits"), ids, successors);
        let route = ring.route(Id::from(1), Id::from(14), shortcuts);
        let expected: Vec<Id> = path.iter().copied().map(Id::from).collect();
        assert_eq!(route.path, expected);
        assert_eq!(route.messages(), path.len() as u64 - 1);
        assert_eq!((route.owner, route.timeouts), (Some(Id::from(14)), 0));
    };
    for successors in 1..=2 {
        check(successors, false, &[1, 3, 4, 5, 8, 10, 12]);
        check(successors, true, &[1, 10, 12]);
    }
}

#[test]
fn a_key_belongs_to_the_first_peer_at_or_behind_it() {
    for (key, owner) in [(0, 1), (1, 1), (2, 3), (6, 8), (11, 12), (14, 14), (15, 1)] {
        for from in ring().members() {
            for shortcuts in [false, true] {
                let route = ring().route(*from, Id::from(key), shortcuts);
                assert_eq!(route.owner, Some(Id::from(owner)), "{key} from {from}");
            }
        }
    }
}

/// What happens after somebody has left or come, once the ring has been left alone for a while.
fn after(change: impl Fn(&mut Perfect<Node>)) -> Perfect<Node> {
    let config = Config::new(Space::new(4).expect("four bits"), 2);
    let world = Perfect::<Node>::founded(config, ring().members(), 16, 1);
    let mut world = world.expect("eight peers are enough");
    change(&mut world);
    world.calm(6).expect("what must hold holds");
    assert!(world.is_ideal(), "{world:?}");
    world
}

fn successors(world: &Perfect<Node>, id: u64) -> Vec<Id> {
    let tables = world.machines().map(Machine::tables).find(|tables| tables.id == Id::from(id));
    tables.expect("it is there").successors.clone()
}

#[test]
fn peer_5_leaves_abruptly_and_4_adopts_8_and_whom_8_has_behind_it() {
    let world = after(|world| assert!(world.leave(Id::from(5)), "the ring can do without it"));
    assert_eq!(successors(&world, 4), [8, 10].map(Id::from));
    assert_eq!(successors(&world, 3), [4, 8].map(Id::from));
}

#[test]
fn peer_13_joins_between_12_and_14() {
    let world = after(|world| world.enter(Id::from(13)));
    assert_eq!(successors(&world, 12), [13, 14].map(Id::from));
    assert_eq!(successors(&world, 13), [14, 1].map(Id::from));
    assert_eq!(successors(&world, 10), [12, 13].map(Id::from));
}
