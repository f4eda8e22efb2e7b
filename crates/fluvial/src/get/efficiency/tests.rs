use std::time::Duration;

use session::{Limits, Source};
use stdx::PeerId;

use super::of;

fn met(whole: bool, uplink: Option<u64>) -> Source {
    Source {
        is_mirror: false,
        peer_id: PeerId::default(),
        address: String::new(),
        client: None,
        received: 0,
        sent: 0,
        uplink,
        began_whole: Some(whole),
    }
}

#[test]
fn the_bound_is_that_of_the_swarm_that_was_met() {
    let check = |(up, down), met: &[Source], expected: Option<f64>| {
        let found = of(1_000, Duration::from_secs(100), Limits { up, down }, met);
        assert_eq!(found, expected, "{up:?} {down:?} {met:?}");
    };
    let (server, peer) = (met(true, Some(20)), met(false, Some(5)));
    let none = (None, None);
    // F/us = 50 s; F/d = 80 s.
    check(none, std::slice::from_ref(&server), Some(0.5));
    check((None, Some(12)), std::slice::from_ref(&server), Some(1_000.0 / 12.0 / 100.0));
    // 3·F/(us + 2·5 + 7) beats F/us.
    let swarm = [server.clone(), peer.clone(), peer.clone()];
    check((Some(7), None), &swarm, Some(3_000.0 / 37.0 / 100.0));
    check(
        (Some(5), None),
        &[server.clone(), server.clone(), peer.clone()],
        Some(2_000.0 / 50.0 / 100.0),
    );
    // Whoever has said nothing yet changes nothing.
    let newcomer = Source { began_whole: None, ..met(false, None) };
    check(none, &[server.clone(), newcomer.clone()], Some(0.5));
    let giver = Source { received: 1, ..newcomer };
    check((Some(7), None), &[server.clone(), giver], None);
    // Unknown: our own uplink beside others, theirs, the server's, the server.
    check(none, &swarm, None);
    check((Some(7), None), &[server.clone(), met(false, None)], None);
    check((Some(7), None), &[server, met(true, None)], None);
    check((Some(7), None), &[peer], None);
    check((Some(7), None), &[], None);
}
