//! Swarms behind NAT boxes, as scenarios.

use crate::Scenario;

#[test]
fn behind_boxes_of_every_kind_all_complete_and_mostly_from_each_other() {
    let mut scenario = Scenario::named("nats").expect("a scenario of the project");
    scenario.size = 4 << 20;
    let outcome = scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(outcome.completed, scenario.leechers());
    let sent = |seed| -> u64 {
        let peers = outcome.peers.iter().filter(|peer| peer.seed == seed);
        peers.map(|peer| peer.sent).sum()
    };
    assert!(sent(false) > 3 * sent(true), "{} and {}", sent(false), sent(true));
}

#[test]
fn behind_symmetric_boxes_alone_nobody_meets_anybody() {
    let text = "limit = '20m'\ntransport = 'utp'\n[[seeds]]\nnat = 'symmetric'\n\
                [[peers]]\ncount = 3\nnat = 'symmetric'";
    let scenario = Scenario::parse(text).expect("a scenario");
    let outcome = scenario.run(|_| ()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(outcome.completed, 0);
    assert!(outcome.peers.iter().all(|peer| peer.received == 0));
    assert!(outcome.wasted(scenario.size).abs() < f64::EPSILON);
}
