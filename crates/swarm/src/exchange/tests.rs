use std::collections::BTreeMap;
use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};

use super::{Exchange, INTERVAL, TOLD_MAX};

fn addr(at: usize) -> SocketAddr {
    let [.., high, low] = at.to_be_bytes();
    SocketAddr::from(([80, 0, high, low], 6881))
}

fn peers(range: std::ops::Range<usize>) -> BTreeMap<SocketAddr, u8> {
    range.map(|at| (addr(at), 0x10)).collect()
}

/// Tells all there is to tell; returns how many were added and dropped each time.
fn tell(
    it: &mut Exchange,
    now: &mut Instant,
    current: &BTreeMap<SocketAddr, u8>,
) -> Vec<[usize; 2]> {
    let mut rng = Rng::new(1);
    let mut told = Vec::new();
    while let Some(pex) = it.message(*now, current, &mut rng) {
        told.push([pex.added.len(), pex.dropped.len()]);
        assert!(!it.is_due(*now + Duration::from_secs(59)));
        *now += INTERVAL;
        assert!(it.is_due(*now));
    }
    told
}

#[test]
fn what_changed_is_told_in_messages_of_fifty() {
    let (mut it, mut now) = (Exchange::default(), Instant::from_secs(9));
    assert!(it.is_due(now));
    assert_eq!(tell(&mut it, &mut now, &peers(0..120)), [[TOLD_MAX, 0], [TOLD_MAX, 0], [20, 0]]);
    assert_eq!(tell(&mut it, &mut now, &peers(0..120)), [[0; 2]; 0]);
    assert_eq!(tell(&mut it, &mut now, &peers(70..125)), [[5, 50], [0, 20]]);
    assert_eq!(tell(&mut it, &mut now, &peers(0..0)), [[0, 50], [0, 5]]);
}

#[test]
fn who_comes_and_goes_between_two_messages_is_not_told() {
    let (mut it, mut now) = (Exchange::default(), Instant::from_secs(9));
    assert_eq!(tell(&mut it, &mut now, &peers(0..3)), [[3, 0]]);
    assert_eq!(it.message(now, &peers(0..3), &mut Rng::new(1)), None);
    // Looked at again before long, since nothing was sent.
    assert!(!it.is_due(now));
    assert!(it.is_due(now + Duration::from_secs(10)));
}

#[test]
fn of_many_each_hears_of_others() {
    let all = peers(0..200);
    let first = |seed| {
        let pex = Exchange::default().message(Instant::ZERO, &all, &mut Rng::new(seed)).unwrap();
        pex.added.iter().map(|peer| peer.address).collect::<std::collections::BTreeSet<_>>()
    };
    assert_ne!(first(1), first(2));
}
