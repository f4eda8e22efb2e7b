//! The circle that lectures draw: four bits, eight peers.

use crate::world::Still;
use crate::{Id, Space};

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
