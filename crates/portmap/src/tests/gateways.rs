use super::*;
use crate::gateway::PORT;

const LASTS: u64 = 600;

/// A router that speaks PCP (version 2) or NAT-PMP (version 0), and has started at some time.
struct Router {
    version: u8,
    started: u64,
    outside: [u8; 4],
    seen: Vec<(u8, u32)>,
}

impl Router {
    fn new(version: u8) -> Self {
        Self { version, started: 0, outside: [203, 0, 113, 7], seen: Vec::new() }
    }

    fn answer(&mut self, now: Instant, transmit: &Transmit) -> Vec<u8> {
        assert_eq!(transmit.to, address(ROUTER));
        let asked = &transmit.payload;
        let epoch = (now.as_secs_f64() as u32 - self.started as u32).to_be_bytes();
        if asked[0] != self.version {
            return [&[self.version, asked[1] | 128, 0, 1, 0, 0, 0, 0][..], &epoch].concat();
        }
        let lasts = |at: usize| {
            let wished = u32::from_be_bytes(*asked[at..].first_chunk().unwrap());
            wished.min(LASTS as u32)
        };
        if self.version == 2 {
            self.seen.push((asked[36], lasts(4)));
            let mut answer = asked.clone();
            answer[1] |= 128;
            answer[4..8].copy_from_slice(&lasts(4).to_be_bytes());
            answer[8..24].fill(0);
            answer[8..12].copy_from_slice(&epoch);
            answer[42..44].copy_from_slice(&7_000_u16.to_be_bytes());
            answer[54..56].fill(255);
            answer[56..].copy_from_slice(&self.outside);
            return answer;
        }
        if asked[1] == 0 {
            return [&[0, 128, 0, 0][..], &epoch, &self.outside].concat();
        }
        self.seen.push((asked[1], lasts(8)));
        let port = 7_000_u16.to_be_bytes();
        let head = [0, asked[1] | 128, 0, 0];
        [&head[..], &epoch, &asked[4..6], &port, &lasts(8).to_be_bytes()].concat()
    }
}

fn held(events: &[Event], by: Protocol, external: &str) {
    let mapped = Mapped { external: address(external), by };
    assert_eq!(events, [Event::Mapped(TCP, mapped), Event::Mapped(UDP, mapped)]);
}

#[test]
fn ports_are_held_renewed_and_given_back() {
    for (version, by) in [(2, Protocol::Pcp), (0, Protocol::NatPmp)] {
        let (mut mapper, mut router) = (mapper(Methods::ALL), Router::new(version));
        let mut now = Instant::ZERO;
        let mut answer = |now, transmit: &Transmit| Some(router.answer(now, transmit));
        let events = run(&mut mapper, &mut now, Instant::from_secs(LASTS / 2 - 1), &mut answer);
        held(&events, by, "203.0.113.7:7000");
        assert_eq!(router.seen.len(), 2, "asked once for each");
        let mut answer = |now, transmit: &Transmit| Some(router.answer(now, transmit));
        let events = run(&mut mapper, &mut now, Instant::from_secs(LASTS / 2 + 1), &mut answer);
        assert!(events.is_empty(), "{events:?}");
        assert_eq!(router.seen.len(), 4, "renewed once each");
        mapper.shutdown(now);
        assert!(!mapper.is_ended(now));
        let mut answer = |now, transmit: &Transmit| Some(router.answer(now, transmit));
        let soon = now + Duration::from_millis(1);
        let events = run(&mut mapper, &mut now, soon, &mut answer);
        assert_eq!(events, [Event::Lost(TCP), Event::Lost(UDP)]);
        assert!(mapper.is_ended(now));
        assert!(router.seen[4..].iter().all(|(_, lasts)| *lasts == 0), "{:?}", router.seen);
    }
}

#[test]
fn a_router_that_restarted_is_asked_anew() {
    for version in [2, 0] {
        let (mut mapper, mut router) = (mapper(Methods::ALL), Router::new(version));
        let mut now = Instant::ZERO;
        run(&mut mapper, &mut now, Instant::from_secs(LASTS / 2 - 1), &mut |now, it| {
            Some(router.answer(now, it))
        });
        (router.started, router.outside) = (LASTS / 2 - 2, [203, 0, 113, 8]);
        router.seen.clear();
        let events =
            run(&mut mapper, &mut now, Instant::from_secs(LASTS / 2 + 9), &mut |now, it| {
                Some(router.answer(now, it))
            });
        let new = address("203.0.113.8:7000");
        let is_new = |event: &Event| matches!(event, Event::Mapped(_, to) if to.external == new);
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(events.iter().all(is_new), "{events:?}");
        assert!(router.seen.len() > 2, "the one that was renewed first is asked for again");
    }
}

#[test]
fn a_silent_router_costs_little_and_is_tried_again() {
    let (mut mapper, mut sent) = (mapper(Methods { upnp: false, ..Methods::ALL }), 0);
    let mut now = Instant::ZERO;
    let hour = Instant::from_secs(3_600);
    let events = run(&mut mapper, &mut now, hour, &mut |_, _| {
        sent += 1;
        None
    });
    assert!(events.is_empty());
    assert!((50..500).contains(&sent), "{sent} datagrams in an hour");
    let mut router = Router::new(2);
    let later = hour + Duration::from_mins(15);
    let events = run(&mut mapper, &mut now, later, &mut |now, it| Some(router.answer(now, it)));
    held(&events, Protocol::Pcp, "203.0.113.7:7000");
}

#[test]
fn nobody_else_is_believed() {
    let (mut mapper, mut router) = (mapper(Methods::ALL), Router::new(2));
    let mut now = Instant::ZERO;
    let mut answers = Vec::new();
    run(&mut mapper, &mut now, Instant::from_secs(1), &mut |now, it| {
        answers.push(router.answer(now, it));
        None
    });
    for from in ["192.168.1.2:5351", "203.0.113.1:5351", "192.168.1.1:5352"] {
        for answer in &answers {
            mapper.handle_datagram(now, address(from), answer);
            assert_eq!(mapper.poll_event(), None, "{from}");
        }
    }
    let mut other = answers[0].clone();
    other[24] ^= 1;
    mapper.handle_datagram(now, address(ROUTER), &other);
    assert_eq!(mapper.poll_event(), None, "another nonce");
    mapper.handle_datagram(now, address(ROUTER), &answers[0]);
    assert!(mapper.poll_event().is_some());
}

#[test]
fn a_firewall_of_ipv6_is_opened_by_pcp_alone() {
    let config = Config {
        router: address("[fe80::1]:0"),
        local: "2001:db8::7".parse().unwrap(),
        methods: Methods::ALL,
        lease: Duration::from_hours(1),
    };
    let mut mapper = Mapper::new(Instant::ZERO, &config, &[TCP], Rng::new(1));
    let mut now = Instant::ZERO;
    let mut asked = Vec::new();
    run(&mut mapper, &mut now, Instant::from_secs(60), &mut |_, it| {
        assert_eq!(it.to.port(), PORT);
        asked.push(it.payload[0]);
        None
    });
    assert_eq!(asked, [2, 2]);
}
