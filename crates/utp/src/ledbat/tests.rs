use super::*;

const PACKET: usize = 1_000;

/// A window that has grown until packets waited, and follows the delay now.
fn steady() -> (Ledbat, Instant) {
    let mut it = Ledbat::new(PACKET);
    let mut now = Instant::from_secs(1);
    while it.window() < 128_000 {
        answer(&mut it, now, Duration::ZERO);
        now += Duration::from_millis(50);
    }
    answer(&mut it, now, TARGET);
    assert_eq!(it.phase, Phase::Steady);
    (it, now)
}

/// All that may be under way is acknowledged, after that long in queues.
fn answer(it: &mut Ledbat, now: Instant, queueing: Duration) {
    let acked = Acked {
        bytes: it.window(),
        flight: it.window(),
        queueing: Some(queueing),
        round_trip: Some(Duration::from_millis(50)),
    };
    it.acked(now, acked);
}

#[test]
fn slow_start_ends_with_the_window_whose_work_it_sees() {
    let (mut it, _) = steady();
    assert_eq!(it.window(), 64_000);
    // Only the first one goes that far.
    it.timed_out(Instant::from_secs(9), false);
    answer(&mut it, Instant::from_secs(10), Duration::ZERO);
    answer(&mut it, Instant::from_secs(11), TARGET);
    assert_eq!((it.phase, it.window()), (Phase::Steady, 4 * PACKET as u64));
}

#[test]
fn a_time_out_halves_what_the_path_bore() {
    for rests in [false, true] {
        let (mut it, mut now) = steady();
        if rests {
            now += Duration::from_secs(1);
            answer(&mut it, now, TARGET);
            assert!(matches!(it.phase, Phase::Rest(_)));
        }
        let bore = if rests { it.threshold } else { it.window };
        assert!(bore >= 64_000.0);
        for again in [false, true, true] {
            it.timed_out(now, again);
            assert_eq!((it.threshold, it.window()), (bore / 2.0, 2 * PACKET as u64), "{rests}");
            assert!(it.in_slow_start());
        }
    }
}
