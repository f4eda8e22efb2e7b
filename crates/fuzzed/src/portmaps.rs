use std::net::SocketAddr;

use portmap::{Answer, Config, MAPPINGS_MAX, Mapper, Mapping, Methods, Transport};
use stdx::{Duration, Instant, Rng};

use crate::input::Input;

/// Datagrams that one input may make a mapper send: each mapping's, the question for the address,
/// and the searches, once over and again where it changes its mind.
const SENT_MAX: usize = 4 * MAPPINGS_MAX + 8;

/// A mapper among routers that say anything at any time: it asks for little, never spins, and comes
/// to an end in time.
pub fn fuzz_portmap(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.byte().unwrap_or(0);
    let router: SocketAddr = "192.168.1.1:5351".parse().expect("an address");
    let config = Config {
        router,
        local: "192.168.1.7".parse().expect("an address"),
        methods: Methods { pcp: choice & 1 == 0, nat_pmp: choice & 2 == 0, upnp: choice & 4 == 0 },
        lease: Duration::from_secs(u64::from(choice) * 60),
    };
    let ports = [(Transport::Tcp, 6_881), (Transport::Udp, 6_881)];
    let mappings = ports.map(|(transport, port)| Mapping { transport, port });
    let mut now = Instant::ZERO;
    let mut mapper = Mapper::new(now, &config, &mappings, Rng::new(choice.into()));
    let mut asked = 0;
    while let Some(op) = input.byte() {
        let sent = std::iter::from_fn(|| mapper.poll_transmit()).take(SENT_MAX + 1).count();
        assert!(sent <= SENT_MAX, "{sent} datagrams at once");
        while let Some(request) = mapper.poll_request() {
            assert!(request.id > asked, "a request has a number of its own");
            asked = request.id;
        }
        match op {
            0 => mapper.handle_datagram(now, router, input.slice()),
            1 => {
                let device = SocketAddr::new(router.ip(), 1_900);
                mapper.handle_datagram(now, device, input.slice());
            }
            2 => {
                let [high, low] = input.short().to_be_bytes();
                let other = SocketAddr::from(([10, 0, high, low], 5_351));
                mapper.handle_datagram(now, other, input.slice());
            }
            3 | 4 => {
                let status = if op == 3 { 200 } else { 500 };
                let length = usize::from(input.short());
                let (body, rest) = input.0.split_at(length.min(input.0.len()));
                input.0 = rest;
                let answer = Answer { status, body: body.to_vec() };
                mapper.handle_answer(now, asked, Some(&answer));
            }
            5 => mapper.handle_answer(now, asked, None),
            6 => mapper.shutdown(now),
            seconds => {
                now += Duration::from_secs(u64::from(seconds));
                settle(&mut mapper, now);
            }
        }
        // Twice each: what was lost may be had again at once.
        let events = std::iter::from_fn(|| mapper.poll_event()).take(5).count();
        assert!(events <= 4, "news without end");
    }
    mapper.shutdown(now);
    assert!(mapper.is_ended(now + portmap::REMOVAL_MAX));
}

/// Does what is due, as a driver would.
fn settle(mapper: &mut Mapper, now: Instant) {
    for _ in 0..1_000 {
        if mapper.poll_timeout().is_none_or(|due| due > now) || mapper.is_ended(now) {
            return;
        }
        mapper.handle_timeout(now);
        while mapper.poll_transmit().is_some() {}
    }
    panic!("it is never done with what is due");
}
