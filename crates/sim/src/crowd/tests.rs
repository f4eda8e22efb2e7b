use overlay::Kind;
use stdx::{Duration, Rng};

use super::{Crowd, CrowdConfig, Graph, Method, Trial};

const NODES: u32 = 1_000;

fn trial(seed: u64) -> Trial {
    Trial { copies: Vec::new(), ..Trial::new(NODES, seed) }
}

/// A crowd that has joined and settled.
fn settled(config: CrowdConfig) -> Crowd {
    let mut crowd = Crowd::new(config);
    crowd.run_until(crowd.joined_at());
    crowd.run_for(crowd.config().member.period * 5);
    crowd
}

#[test]
fn all_join_through_one_anchor_and_half_of_them_are_not_missed() {
    let report = Trial { searches: 40, copies: vec![10], ..Trial::new(NODES, 1) }.run(&mut |_| {});
    let shape = &report.settled;
    assert_eq!((shape.nodes, shape.components), (NODES, 1));
    assert!(shape.share_within(4, 12) >= 0.99, "{:?}", shape.degrees);
    assert!(shape.diameter <= 7, "{}", shape.diameter);
    assert!(report.upkeep_messages < 20.0, "{}", report.upkeep_messages);
    assert!(report.join_messages < 80.0, "{}", report.join_messages);

    let broadcasts = &report.broadcasts;
    assert_eq!(broadcasts.complete, broadcasts.count);
    assert!(broadcasts.first_payloads > 4 * u64::from(NODES), "{broadcasts:?}");
    assert!(broadcasts.last_payloads < u64::from(NODES) * 13 / 10, "{broadcasts:?}");

    let row = |method| report.searches.iter().find(|row| row.method == method).unwrap();
    let [flood, walk, ring] = [Method::Flood, Method::Walk, Method::Ring].map(row);
    assert_eq!([flood.found, ring.found], [40, 40]);
    assert!(walk.found >= 38, "{walk:?}");
    assert!(walk.mean_messages * 5.0 < flood.mean_messages, "{walk:?} {flood:?}");
    assert!(ring.mean_messages * 5.0 < walk.mean_messages, "{ring:?} {walk:?}");
    assert!(flood.mean_hops < walk.mean_hops, "{walk:?} {flood:?}");
    // About ½·log₂ N hops, of which the successor list saves the last ones.
    let expected = f64::from(NODES).log2() / 2.0;
    assert!((expected - 1.5..expected + 1.0).contains(&ring.mean_hops), "{ring:?}");

    assert_eq!((report.killed, report.survivors), (NODES / 2, NODES / 2));
    assert!(report.whole_from().is_some_and(|period| period <= 4), "{:?}", report.after);
    let healed = &report.after.last().unwrap().shape;
    assert_eq!(healed.components, 1);
    assert!(healed.share_within(4, 12) >= 0.99, "{:?}", healed.degrees);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let mut trial = Trial { after: 2, broadcasts: 2, ..trial(seed) };
        trial.crowd.nodes = 200;
        trial.crowd.loss = 0.05;
        let report = trial.run(&mut |_| {});
        (report.trace, report.happenings)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

/// Broadcasts reach all survivors from some period on, and before that, all members.
fn check(name: &str, within: u32, change: impl Fn(&mut Trial)) {
    let mut trial = Trial { broadcasts: 4, after: 8, ..trial(5) };
    change(&mut trial);
    let report = trial.run(&mut |_| {});
    let reached: Vec<u32> = report.after.iter().map(|it| it.reached).collect();
    let whole = report.whole_from();
    assert!(whole.is_some_and(|it| it <= within), "{name}: {reached:?}");
    assert_eq!(report.broadcasts.complete, 4, "{name}");
    let healed = &report.after.last().unwrap().shape;
    assert_eq!(healed.components, 1, "{name}");
}

#[test]
fn survivors_find_together() {
    check("the anchor dies with them", 4, |it| it.kill_anchor = true);
    check("four of five die", 5, |it| it.kill = 0.8);
    check("drivers tell nothing", 7, |it| it.crowd.detect = None);
}

#[test]
fn survivors_find_together_in_bad_networks() {
    check("everybody joins at once", 4, |it| it.crowd.join_interval = Duration::ZERO);
    check("every tenth message is lost", 6, |it| it.crowd.loss = 0.1);
    check("a fifth is so slow that requests time out", 5, |it| {
        it.crowd.slow = 0.2;
        it.crowd.slow_by = Duration::from_secs(6);
    });
}

#[test]
fn halves_that_were_cut_off_grow_together_again() {
    let mut crowd = settled(CrowdConfig::new(NODES, 3));
    let period = crowd.config().member.period;
    let side = crowd.choose(0.5);
    crowd.cut(&side);
    crowd.run_for(period * 60);
    let apart = crowd.graph().shape();
    assert_eq!((apart.components, apart.largest), (2, NODES / 2));
    crowd.cut(&[]);
    crowd.run_for(period * 10);
    let together = crowd.graph().shape();
    assert_eq!(together.components, 1);
    assert!(together.diameter <= 8, "{}", together.diameter);
    let broadcast = crowd.broadcast(side[0]);
    crowd.run_for(period);
    assert_eq!(crowd.reached_living(broadcast), NODES);
}

#[test]
fn newcomers_need_no_particular_member() {
    let mut crowd = settled(CrowdConfig::new(NODES, 4));
    crowd.kill(&[0]);
    crowd.kill(&[17]);
    crowd.run_for(crowd.config().member.period * 5);
    crowd.revive(17, 423);
    crowd.run_for(crowd.config().member.period);
    let shape = crowd.graph().shape();
    assert_eq!((shape.nodes, shape.components), (NODES - 1, 1));
    assert!(crowd.core(17).neighbours().len() >= 4);
}

#[test]
fn all_messages_are_counted() {
    let mut crowd = settled(CrowdConfig::new(50, 2));
    let tally = crowd.tally().clone();
    assert_eq!(tally.of(Kind::Join), 49);
    assert_eq!(tally.sum(&[Kind::Gossip, Kind::IHave]), 0);
    crowd.broadcast(0);
    crowd.run_for(Duration::from_secs(1));
    let more = crowd.tally().since(&tally);
    assert!(more.of(Kind::Gossip) >= 49);
    assert!(more.bytes > 49 * 1_000, "each carries the payload");
}

#[test]
fn figures_of_known_graphs_are_right() {
    let check = |edges: &[&[u32]], components: u32, diameter: u32, mean: f64| {
        let shape = Graph::new(edges.len() as u32, |number| Some(edges[number as usize])).shape();
        assert_eq!((shape.components, shape.diameter), (components, diameter), "{edges:?}");
        assert!((shape.mean_path - mean).abs() < 1e-9, "{shape:?}");
    };
    check(&[&[]], 1, 0, 0.0);
    check(&[&[1], &[0]], 1, 1, 1.0);
    check(&[&[1], &[0, 2], &[1]], 1, 2, 4.0 / 3.0);
    check(&[&[1], &[0], &[3], &[2]], 2, 1, 1.0);
    // 2 says that 0 is its neighbour; 0 does not.
    check(&[&[1], &[0], &[0]], 2, 1, 1.0);
}

#[test]
fn figures_of_random_graphs_are_those_of_plain_searches() {
    let mut rng = Rng::new(9);
    for _ in 0..20 {
        let count = 2 + rng.index(200);
        let mut edges: Vec<Vec<u32>> = vec![Vec::new(); count];
        for _ in 0..2 * count {
            let (one, other) = (rng.index(count), rng.index(count));
            if one != other && !edges[one].contains(&(other as u32)) {
                edges[one].push(other as u32);
                edges[other].push(one as u32);
            }
        }
        let shape = Graph::new(count as u32, |it| Some(&edges[it as usize])).shape();
        let (mut longest, mut sum, mut pairs) = (0u32, 0u64, 0u64);
        for start in 0..count {
            let mut hops = vec![u32::MAX; count];
            hops[start] = 0;
            let mut open = std::collections::VecDeque::from([start]);
            while let Some(at) = open.pop_front() {
                for next in &edges[at] {
                    let next = *next as usize;
                    if hops[next] == u32::MAX {
                        hops[next] = hops[at] + 1;
                        (sum, pairs) = (sum + u64::from(hops[next]), pairs + 1);
                        longest = longest.max(hops[next]);
                        open.push_back(next);
                    }
                }
            }
        }
        assert_eq!(shape.diameter, longest);
        assert!((shape.mean_path - sum as f64 / pairs.max(1) as f64).abs() < 1e-9);
        let ends: usize = edges.iter().map(Vec::len).sum();
        assert!((shape.mean_degree() - ends as f64 / count as f64).abs() < 1e-9);
    }
}
