use super::*;
use crate::RetryIn;

const PROGRESS: Progress = Progress { uploaded: 1, downloaded: 2, left: 3, numwant: Some(50) };

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

fn schedule(mode: TierMode, tiers: &[&[&str]]) -> Tiers {
    let url = |name: &&str| format!("http://{name}/announce").parse().unwrap();
    let tiers: Vec<Vec<TrackerUrl>> =
        tiers.iter().map(|tier| tier.iter().map(url).collect()).collect();
    Tiers::new(Identity::default(), mode, &tiers, &mut Rng::new(1), Instant::ZERO)
}

fn name(announce: &OutgoingAnnounce) -> String {
    match announce.url.host() {
        crate::Host::Name(name) => name.clone(),
        crate::Host::Ip(ip) => ip.to_string(),
    }
}

/// All announces that are due, as "tracker:event".
fn due(tiers: &mut Tiers, now: u64) -> (Vec<String>, Vec<AnnounceId>) {
    std::iter::from_fn(|| tiers.poll_announce(at(now), &PROGRESS))
        .map(|out| (format!("{}:{}", name(&out), out.request.event.name().unwrap_or("-")), out.id))
        .unzip()
}

fn answer(interval: u64, min: Option<u64>) -> AnnounceResponse {
    AnnounceResponse {
        interval: Duration::from_secs(interval),
        min_interval: min.map(Duration::from_secs),
        ..AnnounceResponse::default()
    }
}

fn succeed(tiers: &mut Tiers, now: u64, id: AnnounceId) {
    tiers.handle_response(at(now), id, Ok(answer(900, None)));
}

fn fail(tiers: &mut Tiers, now: u64, id: AnnounceId) {
    tiers.handle_response(at(now), id, Err(Failure::new(b"no")));
}

#[test]
fn life_of_one_tracker() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
    let (names, ids) = due(&mut tiers, 0);
    assert_eq!(names, ["a:started"]);
    assert_eq!((due(&mut tiers, 5).0.len(), tiers.poll_timeout()), (0, None));
    succeed(&mut tiers, 10, ids[0]);
    assert_eq!(tiers.poll_timeout(), Some(at(910)));
    assert!(due(&mut tiers, 909).0.is_empty());
    let (names, ids) = due(&mut tiers, 910);
    assert_eq!(names, ["a:-"]);
    succeed(&mut tiers, 910, ids[0]);
    tiers.handle_completed(at(950));
    let (names, ids) = due(&mut tiers, 950);
    assert_eq!(names, ["a:completed"]);
    succeed(&mut tiers, 951, ids[0]);
    assert_eq!(due(&mut tiers, 1851).0, ["a:-"]);
    tiers.stop(at(1860));
    let (names, ids) = due(&mut tiers, 1860);
    assert_eq!(
        (names.as_slice(), tiers.is_stopped()),
        (["a:stopped".to_owned()].as_slice(), false)
    );
    succeed(&mut tiers, 1861, ids[0]);
    assert!(tiers.is_stopped() && due(&mut tiers, 9999).0.is_empty());
    tiers.resume(at(10_000));
    assert_eq!(due(&mut tiers, 10_000).0, ["a:started"]);
}

#[test]
fn stopped_goes_only_where_started_went() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"], &["b"], &["c"]]);
    let (_, ids) = due(&mut tiers, 0);
    succeed(&mut tiers, 1, ids[0]);
    fail(&mut tiers, 1, ids[1]);
    // The tracker may have heard the one that is under way.
    tiers.stop(at(2));
    let (names, stop_ids) = due(&mut tiers, 2);
    assert_eq!(names, ["a:stopped", "c:stopped"]);
    succeed(&mut tiers, 2, ids[2]);
    assert!(!tiers.is_stopped());
    fail(&mut tiers, 3, stop_ids[0]);
    succeed(&mut tiers, 3, stop_ids[1]);
    assert!(tiers.is_stopped());
}

#[test]
fn completed_is_for_those_that_saw_the_start() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"], &["b"]]);
    let (_, ids) = due(&mut tiers, 0);
    fail(&mut tiers, 0, ids[1]);
    // The start at `a` is under way; `b` never had one.
    tiers.handle_completed(at(1));
    succeed(&mut tiers, 1, ids[0]);
    let (names, ids) = due(&mut tiers, 60);
    assert_eq!(names, ["a:completed", "b:started"]);
    succeed(&mut tiers, 60, ids[0]);
    succeed(&mut tiers, 60, ids[1]);
    assert_eq!(due(&mut tiers, 960).0, ["a:-", "b:-"]);
}

#[test]
fn completed_that_failed_is_told_again() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
    let (_, ids) = due(&mut tiers, 0);
    succeed(&mut tiers, 0, ids[0]);
    tiers.handle_completed(at(1));
    let (_, ids) = due(&mut tiers, 1);
    fail(&mut tiers, 1, ids[0]);
    assert_eq!(due(&mut tiers, 60).0, ["a:completed"]);
}

#[test]
fn within_a_tier_the_first_that_answers_moves_to_the_front() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a", "b", "c"]]);
    let (first, ids) = due(&mut tiers, 0);
    fail(&mut tiers, 0, ids[0]);
    let (second, ids) = due(&mut tiers, 0);
    assert!(first.len() == 1 && second.len() == 1 && first != second);
    succeed(&mut tiers, 0, ids[0]);
    let (third, ids) = due(&mut tiers, 900);
    assert_eq!(third[0].split(':').next(), second[0].split(':').next());
    // It fails: the one that failed long ago is next in line.
    fail(&mut tiers, 900, ids[0]);
    assert_eq!(due(&mut tiers, 900).0, first);
}

#[test]
fn order_within_a_tier_is_random() {
    let mut seen = BTreeSet::new();
    let url = |name: &str| format!("http://{name}/announce").parse::<TrackerUrl>().unwrap();
    for seed in 0..50 {
        let tiers = [vec![url("a"), url("b"), url("c")]];
        let (mode, mut rng) = (TierMode::EveryTier, Rng::new(seed));
        let mut tiers = Tiers::new(Identity::default(), mode, &tiers, &mut rng, Instant::ZERO);
        seen.insert(due(&mut tiers, 0).0);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn backoff_grows_to_an_hour() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
    let (mut now, mut waits) = (Instant::ZERO, Vec::new());
    for _ in 0..20 {
        let id = tiers.poll_announce(now, &PROGRESS).unwrap().id;
        tiers.handle_response(now, id, Err(Failure::new(b"no")));
        let next = tiers.poll_timeout().unwrap();
        waits.push((next - now).as_millis());
        now = next;
    }
    assert_eq!(waits[..4], [17_500, 55_000, 117_500, 205_000]);
    assert_eq!(waits[19], 3_600_000);
    let id = tiers.poll_announce(now, &PROGRESS).unwrap().id;
    tiers.handle_response(now, id, Ok(answer(900, None)));
    assert_eq!(tiers.poll_timeout(), Some(now + Duration::from_mins(15)));
}

#[test]
fn trackers_say_when_to_come_again() {
    let check = |retry, expected: Option<u64>| {
        let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
        let (_, ids) = due(&mut tiers, 0);
        let failure = Failure { retry: Some(retry), ..Failure::new(b"no") };
        tiers.handle_response(Instant::ZERO, ids[0], Err(failure));
        assert_eq!(tiers.poll_timeout(), expected.map(at));
    };
    check(RetryIn::After(Duration::from_mins(10)), Some(600));
    check(RetryIn::After(Duration::from_secs(u64::MAX)), Some(86_400));
    check(RetryIn::Never, None);
}

#[test]
fn intervals_are_bounded() {
    let check = |interval, min, expected| {
        let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
        let (_, ids) = due(&mut tiers, 0);
        tiers.handle_response(Instant::ZERO, ids[0], Ok(answer(interval, min)));
        assert_eq!(tiers.poll_timeout(), Some(at(expected)), "{interval} {min:?}");
    };
    check(0, None, 30);
    check(1800, Some(60), 1800);
    check(60, Some(300), 300);
    check(u64::MAX, Some(u64::MAX), 86_400);
}

#[test]
fn hungry_announces_come_sooner_at_doubling_waits() {
    let check = |min, expected: &[u64]| {
        let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
        tiers.set_hungry(true);
        let (mut now, mut waits) = (Instant::ZERO, Vec::new());
        for _ in 0..expected.len() {
            let id = tiers.poll_announce(now, &PROGRESS).unwrap().id;
            tiers.handle_response(now, id, Ok(answer(1800, min)));
            let next = tiers.poll_timeout().unwrap();
            waits.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(waits, expected);
        tiers.set_hungry(false);
        let id = tiers.poll_announce(at(1_000_000), &PROGRESS).unwrap().id;
        tiers.handle_response(at(1_000_000), id, Ok(answer(1800, min)));
        assert_eq!(tiers.poll_timeout(), Some(at(1_001_800)));
    };
    check(None, &[300, 600, 1200, 1800, 1800]);
    check(Some(900), &[900, 1800, 1800]);
}

#[test]
fn tiers_are_independent_or_strictly_in_turn() {
    let mut every = schedule(TierMode::EveryTier, &[&["a"], &["b"], &["a"]]);
    assert_eq!(due(&mut every, 0).0, ["a:started", "b:started"]);
    let mut first = schedule(TierMode::FirstTier, &[&["a"], &["b"]]);
    let (names, ids) = due(&mut first, 0);
    assert_eq!(names, ["a:started"]);
    fail(&mut first, 0, ids[0]);
    let (names, ids) = due(&mut first, 0);
    assert_eq!(names, ["b:started"]);
    succeed(&mut first, 0, ids[0]);
    let (names, ids) = due(&mut first, 20);
    assert_eq!(names, ["a:started"]);
    succeed(&mut first, 20, ids[0]);
    assert_eq!(due(&mut first, 1000).0, ["a:-"]);
}

#[test]
fn tracker_ids_are_returned_and_stale_answers_ignored() {
    let mut tiers = schedule(TierMode::EveryTier, &[&["a"]]);
    let (_, ids) = due(&mut tiers, 0);
    let tracker_id = Some(b"x".to_vec());
    tiers.handle_response(at(0), ids[0], Ok(AnnounceResponse { tracker_id, ..answer(900, None) }));
    let next = tiers.poll_announce(at(900), &PROGRESS).unwrap();
    assert_eq!(next.request.tracker_id, Some(b"x".to_vec()));
    let expected = (1, 2, 3, Some(50));
    let AnnounceRequest { uploaded, downloaded, left, numwant, .. } = next.request;
    assert_eq!((uploaded, downloaded, left, numwant), expected);
    fail(&mut tiers, 900, ids[0]);
    fail(&mut tiers, 900, AnnounceId { tracker: 9, serial: 2 });
    assert_eq!(tiers.trackers().next().unwrap().working, Some(true));
    fail(&mut tiers, 900, next.id);
    let status = tiers.trackers().next().unwrap();
    assert_eq!((status.working, status.message), (Some(false), Some("no")));
}

#[test]
fn trackers_may_be_added_up_to_a_limit() {
    let mut tiers = schedule(TierMode::EveryTier, &[]);
    assert_eq!(tiers.poll_timeout(), None);
    for n in 0..2 * MAX_TRACKERS {
        tiers.add_tracker(at(0), format!("udp://t{}:1", n / 2).parse().unwrap());
    }
    assert_eq!(tiers.trackers().count(), MAX_TRACKERS);
    tiers.add_tracker(at(0), "udp://another:1".parse().unwrap());
    assert_eq!(tiers.trackers().count(), MAX_TRACKERS);
    assert_eq!(due(&mut tiers, 0).0.len(), MAX_TRACKERS);
}
