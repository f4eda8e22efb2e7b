use stdx::Rng;

use super::*;
use crate::secure_id;

/// A network where everybody knows the nearest nodes to everything.
struct Model {
    nodes: Vec<Contact>,
    rng: Rng,
}

fn address(n: u32) -> SocketAddr {
    (std::net::Ipv4Addr::from(0x0b00_0001 + (n << 8)), 6_881).into()
}

impl Model {
    fn new(count: u32, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let node = |n| {
            let address = address(n);
            Contact { id: secure_id(address.ip(), n as u8, &mut rng), address }
        };
        Self { nodes: (0..count).map(node).collect(), rng }
    }

    fn near(&self, target: Id, count: usize) -> Vec<Contact> {
        let mut all = self.nodes.clone();
        all.sort_unstable_by_key(|it| it.id.distance(target));
        all.truncate(count);
        all
    }

    fn radius(&self) -> f64 {
        K as f64 / self.nodes.len() as f64
    }

    fn start(&mut self, target: Id) -> Search {
        let start: Vec<Contact> =
            (0..16).map(|_| self.nodes[self.rng.index(self.nodes.len())]).collect();
        let radius = Some(self.radius());
        Search::new(target, Id::default(), Family::V4, radius, true, &start)
    }
}

/// What somebody answers: nobody at all, or nodes near what was asked for.
type Answer<'a> = dyn FnMut(Ask, Id) -> Option<Vec<Contact>> + 'a;

/// Runs a look-up to its end; who was asked.
fn run(search: &mut Search, answer: &mut Answer<'_>) -> Vec<Contact> {
    let (mut asked, mut open) = (Vec::new(), Vec::new());
    loop {
        while let Some(ask) = search.next() {
            asked.push(ask.to);
            open.push(ask);
        }
        assert!(open.len() <= WIDTH + 12, "{} at once", open.len());
        if open.is_empty() {
            if search.is_done() {
                return asked;
            }
            continue;
        }
        let ask = open.remove(0);
        let nodes = answer(ask, ask.probe.unwrap_or(search.target()));
        match (nodes, ask.probe) {
            (Some(nodes), None) => {
                search.answered(ask.to, &nodes, Some(b"token"), None);
            }
            (Some(nodes), Some(_)) => search.probed(&nodes),
            (None, None) => search.failed(ask.to.address),
            (None, Some(_)) => search.probe_failed(),
        }
    }
}

#[test]
fn the_nearest_are_found_though_a_quarter_is_dead() {
    for seed in 0..20 {
        let mut model = Model::new(2_000, seed);
        let target = Id::random(&mut model.rng);
        let dead = |it: &Contact| it.id.0[10] < 64;
        let mut search = model.start(target);
        let asked =
            run(&mut search, &mut |ask, target| (!dead(&ask.to)).then(|| model.near(target, K)));
        let mut nearest = model.near(target, 60);
        nearest.retain(|it| !dead(it));
        let found: Vec<Contact> = search.nodes().take(3).collect();
        assert_eq!(found, nearest[..3]);
        assert!(asked.len() < 60, "{} asked", asked.len());
        assert_eq!(search.keepers().len(), K);
        assert!(!search.is_crowded());
        let mut once = asked.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), asked.len(), "each is asked once");
    }
}

#[test]
fn a_liars_inventions_cost_little_and_do_not_end_a_look_up() {
    for seed in 0..20 {
        let mut model = Model::new(2_000, seed);
        let target = Id::random(&mut model.rng);
        let mut search = model.start(target);
        // Even before anything is known of the size of the network.
        search.radius = search.radius.filter(|_| seed % 2 == 0);
        let (liar, mut rng) = (|it: &Contact| it.id.0[10] < 51, Rng::new(seed));
        let mut made_up = 0;
        run(&mut search, &mut |ask, target| {
            if !liar(&ask.to) && is_secure(ask.to.id, ask.to.address.ip()) {
                return Some(model.near(target, K));
            }
            // Ids right beside the target, at addresses that the liar has.
            Some(
                (0..8)
                    .map(|n| {
                        made_up += 1;
                        let id = target.random_beside(100 + n, &mut rng);
                        Contact { id, address: address(10_000 + made_up) }
                    })
                    .collect(),
            )
        });
        let nearest = model.near(target, 4);
        let found: Vec<Contact> = search.nodes().take(4).collect();
        assert_eq!(found, nearest, "what is made up is not among them");
        assert!(search.asked() < 60, "{} asked", search.asked());
    }
}

#[test]
fn one_address_and_one_network_are_asked_once() {
    let mut model = Model::new(100, 1);
    let target = Id::random(&mut model.rng);
    let mut search = model.start(target);
    let same: Vec<Contact> = (0..8u8)
        .map(|n| Contact {
            id: target.random_beside(50 + u32::from(n), &mut model.rng),
            address: ([77, 7, 7, n], 1_000).into(),
        })
        .collect();
    let asked = run(&mut search, &mut |_, _| Some(same.clone()));
    let there = asked.iter().filter(|it| it.address.to_string().starts_with("77.7.7."));
    assert_eq!(there.count(), 1);
    // On one machine all may run beside each other.
    let local = Contact { id: Id([1; 20]), address: "127.0.0.1:1".parse().unwrap() };
    let other = Contact { id: Id([2; 20]), address: "127.0.0.1:2".parse().unwrap() };
    let mut search = Search::new(target, Id::default(), Family::V4, None, false, &[local, other]);
    assert_eq!(run(&mut search, &mut |_, _| Some(Vec::new())).len(), 2);
}

#[test]
fn who_gives_another_id_counts_as_what_it_says() {
    let model = Model::new(20, 2);
    let target = model.nodes[0].id;
    let wrong = Contact { id: target.flipped(159), address: model.nodes[5].address };
    let start = [wrong, model.nodes[1]];
    let mut search = Search::new(target, Id::default(), Family::V4, None, true, &start);
    while search.next().is_some() {}
    search.answered(model.nodes[5], &[], Some(b"t"), None);
    search.answered(model.nodes[1], &[], Some(b"t"), None);
    assert!(search.is_done());
    let mut found: Vec<Contact> = search.nodes().collect();
    found.sort_unstable();
    let mut expected = vec![model.nodes[1], model.nodes[5]];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn who_was_named_wrongly_leads_nowhere_once_a_network_is_settled() {
    for (wrong, strict, leads) in
        [(false, true, true), (true, true, false), (false, false, true), (true, false, true)]
    {
        let model = Model::new(3, 4);
        let (it, next) = (model.nodes[0], model.nodes[1]);
        let said = Contact { id: if wrong { it.id.flipped(100) } else { it.id }, ..it };
        let mut search = Search::new(next.id, Id::default(), Family::V4, None, strict, &[said]);
        assert_eq!(search.next().map(|ask| ask.to), Some(said));
        search.answered(it, &[next], None, None);
        let asked = search.next().map(|ask| ask.to);
        assert_eq!(asked, leads.then_some(next), "wrong {wrong}, strict {strict}");
        assert_eq!(search.nodes().next(), Some(it), "it counts as what it is");
    }
}

/// An accomplice where any id is right for the address.
fn accomplice(n: u32, id: Id) -> Contact {
    Contact { id, address: (std::net::Ipv4Addr::from(0x0a00_0001 + (n << 8)), 6_881).into() }
}

#[test]
fn a_path_that_always_leads_on_does_not_hold_up_the_others() {
    for seed in 0..20 {
        let mut model = Model::new(2_000, seed);
        let target = Id::random(&mut model.rng);
        let beside = |bits| target.random_beside(bits, &mut Rng::new(u64::from(bits)));
        // On three of four paths, who is nearest lies: it knows ever more, and ever nearer.
        let mut start: Vec<Contact> = (0..3).map(|n| accomplice(n, beside(20 + n))).collect();
        start.extend((0..13).map(|_| model.nodes[model.rng.index(model.nodes.len())]));
        let radius = Some(model.radius());
        let mut search = Search::new(target, Id::default(), Family::V4, radius, true, &start);
        let (mut n, mut rng) = (3, Rng::new(seed));
        let asked = run(&mut search, &mut |ask, target| {
            if !ask.to.address.to_string().starts_with("10.") {
                return Some(model.near(target, K));
            }
            let mut more = || {
                n += 1;
                accomplice(n, target.random_beside((n / 4 + 20).min(150), &mut rng))
            };
            Some((0..8).map(|_| more()).collect())
        });
        let nearest = model.near(target, 1)[0];
        let place = asked.iter().position(|it| *it == nearest);
        assert!(place.is_some_and(|it| it < 60), "seed {seed}: {place:?} of {}", asked.len());
        assert_eq!(search.evidence(), None, "nor does it tell the size of the network");
    }
}

#[test]
fn a_look_up_among_liars_only_goes_on_to_those_who_are_farther() {
    for (knows_size, found) in [(true, true), (false, false)] {
        let mut model = Model::new(2_000, 7);
        let target = Id::random(&mut model.rng);
        let liars: Vec<Contact> = (0..4 * K as u32)
            .map(|n| accomplice(n, target.random_beside(4 + n % 2, &mut model.rng)))
            .collect();
        let far = |it: &&Contact| it.id.common_bits(target) == 0;
        let honest = *model.nodes.iter().find(far).unwrap();
        let start = [&liars[..], &[honest]].concat();
        let radius = knows_size.then(|| model.radius());
        let mut search = Search::new(target, Id::default(), Family::V4, radius, true, &start);
        run(&mut search, &mut |ask, target| {
            Some(if liars.contains(&ask.to) { liars.clone() } else { model.near(target, K) })
        });
        let nearest = model.near(target, 1)[0];
        assert_eq!(search.nodes().next() == Some(nearest), found);
    }
}

#[test]
fn a_crowd_round_a_key_does_not_hide_who_is_behind_it() {
    for seed in 0..20 {
        let mut model = Model::new(3_000, seed);
        let target = Id::random(&mut model.rng);
        let crowd: Vec<Contact> = (0..40)
            .map(|n| Contact {
                id: target.random_beside(24 + n % 30, &mut model.rng),
                // Of a network where any id is right for the address.
                address: ([10, 0, n as u8, 1], 6_881).into(),
            })
            .collect();
        let mut search = model.start(target);
        run(&mut search, &mut |ask, wanted| {
            let mut all = if crowd.contains(&ask.to) { Vec::new() } else { model.nodes.clone() };
            all.extend(&crowd);
            all.sort_unstable_by_key(|it| it.id.distance(wanted));
            all.truncate(K);
            Some(all)
        });
        assert!(search.is_crowded());
        let keepers = search.keepers();
        assert!(keepers.len() <= STORE_MAX);
        let honest = keepers.iter().filter(|it| !crowd.contains(&it.contact)).count();
        assert!(honest >= 4, "seed {seed}: {honest} of {}", keepers.len());
    }
}

#[test]
fn where_everybody_is_of_a_crowd_a_look_up_ends() {
    let mut model = Model::new(3_000, 1);
    let target = Id::random(&mut model.rng);
    let sybil = |n: u32| {
        let id = target.random_beside(24 + n % 30, &mut model.rng);
        Contact { id, address: ([10, 0, n as u8, 1], 6_881).into() }
    };
    let crowd: Vec<Contact> = (0..40).map(sybil).collect();
    let radius = Some(model.radius());
    let mut search = Search::new(target, Id::default(), Family::V4, radius, true, &crowd[..16]);
    run(&mut search, &mut |_, _| Some(crowd[16..24].to_vec()));
    assert!(search.is_crowded(), "{:?}", search.reach());
    assert!(search.is_done());
    assert_eq!(search.evidence(), None);
}

#[test]
fn no_look_up_goes_on_for_ever() {
    let mut rng = Rng::new(1);
    let target = Id::random(&mut rng);
    let mut model = Model::new(50, 3);
    let mut search = model.start(target);
    let mut n = 0;
    let asked = run(&mut search, &mut |_, target| {
        n += 1;
        // Always someone who is nearer, and even right for its address.
        let id = target.random_beside((n + 5).min(155), &mut rng);
        Some(vec![Contact { id, address: ([10, (n >> 8) as u8, n as u8, 1], 5).into() }])
    });
    assert!(asked.len() <= ASKED_MAX as usize);
    assert!(search.candidates.len() <= CANDIDATES_MAX);
}
