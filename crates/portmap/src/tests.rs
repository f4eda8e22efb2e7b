mod codecs;
mod devices;
mod gateways;

use std::net::SocketAddr;

use stdx::{Duration, Instant, Rng};

use super::*;

const TCP: Mapping = Mapping { transport: Transport::Tcp, port: 6_881 };
const UDP: Mapping = Mapping { transport: Transport::Udp, port: 6_881 };
const ROUTER: &str = "192.168.1.1:5351";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn mapper(methods: Methods) -> Mapper {
    let config = Config {
        router: address("192.168.1.1:0"),
        local: "192.168.1.7".parse().unwrap(),
        methods,
        lease: Duration::from_hours(1),
    };
    Mapper::new(Instant::ZERO, &config, &[TCP, UDP], Rng::new(1))
}

/// Lets time pass in steps of what is due, up to `until`; `router` answers what is sent.
fn run(
    mapper: &mut Mapper,
    now: &mut Instant,
    until: Instant,
    router: &mut dyn FnMut(Instant, &Transmit) -> Option<Vec<u8>>,
) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..10_000 {
        while let Some(transmit) = mapper.poll_transmit() {
            if let Some(answer) = router(*now, &transmit) {
                mapper.handle_datagram(*now, transmit.to, &answer);
            }
        }
        while let Some(event) = mapper.poll_event() {
            events.push(event);
        }
        let Some(due) = mapper.poll_timeout().filter(|due| *due <= until) else {
            *now = until;
            return events;
        };
        *now = (*now).max(due);
        mapper.handle_timeout(*now);
    }
    panic!("time stands still at {now:?}");
}
