use stdx::Instant;

use super::Trace;

type Event<'a> = (u64, u8, &'a [u64], &'a [u8]);

fn hash(events: &[Event<'_>]) -> u64 {
    let mut trace = Trace::new();
    for &(at, kind, numbers, bytes) in events {
        trace.record(Instant::from_nanos(at), kind, numbers, bytes);
    }
    trace.hash()
}

#[test]
fn every_part_of_every_event_counts() {
    let base: [Event<'_>; 2] = [(1, 2, &[3, 4], b"five"), (6, 7, &[], b"")];
    assert_eq!(hash(&base), hash(&base));
    let others: [[Event<'_>; 2]; 7] = [
        [(0, 2, &[3, 4], b"five"), base[1]],
        [(1, 0, &[3, 4], b"five"), base[1]],
        [(1, 2, &[3], b"five"), base[1]],
        [(1, 2, &[3, 5], b"five"), base[1]],
        [(1, 2, &[3, 4], b"fiv"), base[1]],
        [(1, 2, &[3, 4], b"fivf"), base[1]],
        [base[1], base[0]],
    ];
    for other in others {
        assert_ne!(hash(&base), hash(&other), "{other:?}");
    }
}
