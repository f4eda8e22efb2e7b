use session::State;

use super::*;

fn status(done: u64, downloaded: u64) -> Status {
    Status {
        state: State::Downloading,
        done,
        total: Some(1_000),
        down_rate: 0,
        up_rate: 0,
        downloaded,
        uploaded: 0,
        wasted: 0,
        peers: 0,
        seeds: 0,
        hashes: 0,
        mirrors: 0,
        known: 0,
        seeding: Duration::ZERO,
    }
}

/// Seconds of `range` at which a reason is told.
fn told(patience: &mut Patience, began: Instant, status: &Status, until: u64) -> Vec<u64> {
    (0..until)
        .filter(|&s| patience.judge(began + Duration::from_secs(s), status) == Mood::Asking)
        .collect()
}

#[test]
fn the_reason_is_told_soon_and_then_once_a_minute() {
    let began = Instant::now();
    let mut patience = Patience::new(began, None);
    assert_eq!(told(&mut patience, began, &status(0, 0), 200), [10, 70, 130, 190]);
}

#[test]
fn it_is_told_as_soon_after_the_files_were_looked_at() {
    let mut patience = Patience::new(Instant::now(), None);
    let began = Instant::now() + Duration::from_secs(500);
    patience.restart(began);
    assert_eq!(told(&mut patience, began, &status(0, 0), 100), [10, 70]);
    assert_eq!(patience.judge(began, &status(1, 1)), Mood::Fine);
    patience.restart(began);
    assert_eq!(told(&mut patience, began, &status(1, 1), 100), [60]);
}

#[test]
fn what_moves_is_not_explained() {
    let began = Instant::now();
    let mut patience = Patience::new(began, Some(Duration::from_secs(5)));
    for second in 0..300 {
        let now = began + Duration::from_secs(second);
        assert_eq!(patience.judge(now, &status(0, second / 4)), Mood::Fine, "{second}");
    }
}

#[test]
fn a_standstill_after_movement_is_explained_after_a_minute() {
    let began = Instant::now();
    let mut patience = Patience::new(began, None);
    assert_eq!(patience.judge(began, &status(5, 7)), Mood::Fine);
    assert_eq!(told(&mut patience, began, &status(5, 7), 150), [60, 120]);
}

#[test]
fn giving_up_counts_from_the_last_movement() {
    let began = Instant::now();
    let limit = Duration::from_secs(30);
    let mut patience = Patience::new(began, Some(limit));
    let at = |second| began + Duration::from_secs(second);
    assert_eq!(patience.judge(at(20), &status(1, 1)), Mood::Fine);
    assert_ne!(patience.judge(at(49), &status(1, 1)), Mood::GivenUp(limit));
    assert_eq!(patience.judge(at(50), &status(1, 1)), Mood::GivenUp(limit));
}
