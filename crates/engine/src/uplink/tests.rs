use std::sync::Arc;
use std::time::Duration;

use session::{Flow, Limits};
use stdx::ConnId;

use super::{Uplink, UplinkTurns};
use crate::clock::Clock;
use crate::throttle::Throttle;

const RATE: u64 = 1_000_000;

/// An uplink whose burst is used up.
fn busy() -> Uplink {
    let limits = Limits { up: Some(RATE), down: None };
    let throttle = Throttle::new(Clock::start(), limits);
    while throttle.request(ConnId(1), Flow::Up, 1 << 20) > 0 {}
    throttle.leave(ConnId(1));
    tokio::spawn(Arc::clone(&throttle).run());
    Uplink::new(throttle)
}

#[tokio::test]
async fn without_a_limit_all_is_granted_at_once() {
    let throttle = Throttle::new(Clock::start(), Limits::default());
    let mut turns = Uplink::new(throttle).join();
    assert_eq!(turns.take(5_000_000).await, Some(5_000_000));
    assert_eq!(turns.take(0).await, Some(0));
}

#[tokio::test]
async fn a_limit_holds_for_all_together() {
    let uplink = busy();
    let began = std::time::Instant::now();
    let take = |mut turns: UplinkTurns| async move {
        let mut taken = 0;
        while taken < 50_000 {
            taken += turns.take(1 << 20).await.expect("the engine runs");
        }
        taken
    };
    let (one, two) = tokio::join!(take(uplink.join()), take(uplink.join()));
    let allowed = began.elapsed().as_secs_f64() * RATE as f64;
    // What was left of the burst, and time between the two clocks.
    assert!(((one + two) as f64) < allowed + 25_000.0, "{one} + {two} of {allowed}");
}

#[tokio::test]
async fn who_stops_waiting_does_not_hold_up_others() {
    let uplink = busy();
    let mut gone = uplink.join();
    let waited = tokio::time::timeout(Duration::ZERO, gone.take(1 << 20)).await;
    drop(gone);
    let taken = uplink.join().take(1 << 20).await;
    assert!(taken.is_some_and(|granted| granted > 0), "{waited:?}, {taken:?}");
}
