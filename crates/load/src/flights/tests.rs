use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

fn host(host: u32) -> Flight {
    Flight::Connect { host }
}

#[test]
fn a_token_answers_once() {
    let mut flights = Flights::default();
    let (one, two) =
        (flights.add(host(1), Instant::ZERO.into()), flights.add(host(2), Instant::ZERO.into()));
    assert_eq!(flights.take(one), Some((host(1), Instant::ZERO.into())));
    assert_eq!((flights.take(one), flights.len()), (None, 1));
    let three = flights.add(host(3), Instant::ZERO.into());
    assert!(three != one, "the slot is used again, its token is not");
    assert_eq!(flights.take(one), None);
    assert_eq!(flights.take(two).map(|found| found.0), Some(host(2)));
    assert_eq!(flights.take(Token(999)), None);
}

#[test]
fn the_lost_are_those_that_nobody_answered_in_time() {
    let mut flights = Flights::default();
    let tokens: Vec<Token> =
        (0..4).map(|n| flights.add(host(n), Instant::from_secs(n.into()).into())).collect();
    flights.take(tokens[0]);
    flights.take(tokens[2]);
    assert_eq!(flights.take_lost(Instant::from_secs(3), PATIENCE), None);
    assert_eq!(flights.take_lost(Instant::from_secs(4), PATIENCE), Some(host(1)));
    assert_eq!(flights.take_lost(Instant::from_secs(4), PATIENCE), None);
    assert_eq!(flights.take_lost(Instant::from_secs(6), PATIENCE), Some(host(3)));
    assert_eq!(flights.len(), 0);
}
