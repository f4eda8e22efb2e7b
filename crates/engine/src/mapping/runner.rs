use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

use portmap::{Answer, Config, Event, Mapper, Mapping, Transport as Carrier};
use stdx::Rng;

use super::{PortMapping, Reachable, routes, visit};
use crate::clock::Clock;
use crate::egress::Egress;

/// How often it is looked whether the router is still the same.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Longest datagram that is of use.
const DATAGRAM_MAX: usize = 2_048;
/// Datagrams to the multicast group go as far as that (UPnP Device Architecture 1.1 §1.3.2).
const HOPS: u32 = 2;
/// Pause after an error of the socket, so that one that lasts costs nothing.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Keeps the ports of one address family open at its router, whichever that is at the time.
pub(super) struct Runner {
    config: PortMapping,
    egress: Egress,
    wanted: Vec<(Carrier, SocketAddr)>,
    clock: Clock,
    tell: Arc<watch::Sender<Reachable>>,
    rng: Rng,
}

/// A router, and our address that it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    router: SocketAddr,
    local: IpAddr,
}

impl Runner {
    pub(super) fn new(
        config: PortMapping,
        egress: Egress,
        wanted: Vec<(Carrier, SocketAddr)>,
        clock: Clock,
        (tell, rng): (Arc<watch::Sender<Reachable>>, Rng),
    ) -> Self {
        Self { config, egress, wanted, clock, tell, rng }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let v6 = self.wanted.iter().any(|(_, address)| address.is_ipv6());
        loop {
            let place = self.place(v6);
            let socket = place.and_then(|it| self.egress.udp((it.local, 0).into()).ok());
            if let Some((place, socket)) = place.zip(socket) {
                self.stay(place, &socket, &mut stop).await;
                if *stop.borrow() || stop.has_changed().is_err() {
                    return;
                }
                continue;
            }
            tracing::debug!(v6, "no router that could open ports");
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.changed() => return,
            }
        }
    }

    fn place(&self, v6: bool) -> Option<Place> {
        let mut router = routes::router(v6, self.egress.interface())?;
        let named = self.wanted.iter().find(|(_, address)| !address.ip().is_unspecified());
        let local = if let Some((_, address)) = named {
            address.ip()
        } else {
            self.address_towards_world(v6)?
        };
        router.set_port(0);
        Some(Place { router, local })
    }

    /// Towards the world rather than the router: that may have an address of the link.
    fn address_towards_world(&self, v6: bool) -> Option<IpAddr> {
        let towards = if v6 {
            SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9))
        } else {
            SocketAddr::from(([203, 0, 113, 1], 9))
        };
        let socket = self.egress.udp_towards(towards).ok()?;
        // Nothing is sent by that.
        rustix::net::connect(&socket, &towards).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    /// Keeps ports open at one router until there is another one, or it is to end.
    async fn stay(&mut self, place: Place, socket: &UdpSocket, stop: &mut watch::Receiver<bool>) {
        let reach = socket2::SockRef::from(socket);
        if let IpAddr::V4(local) = place.local {
            let _system_s_choice = reach.set_multicast_if_v4(&local);
            let _system_s_choice = reach.set_multicast_ttl_v4(HOPS);
        }
        let config = Config {
            router: place.router,
            local: place.local,
            methods: self.config.methods,
            lease: self.config.lease,
        };
        let mapping = |(transport, address): &(Carrier, SocketAddr)| Mapping {
            transport: *transport,
            port: address.port(),
        };
        let mappings: Vec<Mapping> = self.wanted.iter().map(mapping).collect();
        tracing::debug!(router = %place.router.ip(), local = %place.local, "asking for open ports");
        let mut mapper = Mapper::new(self.clock.now(), &config, &mappings, self.rng.fork());
        let mut visits: JoinSet<(u64, Option<Answer>)> = JoinSet::new();
        let mut buffer = [0; DATAGRAM_MAX];
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.reset();
        let mut ending = false;
        loop {
            self.drain(&mut mapper, socket, &mut visits).await;
            if ending && mapper.is_ended(self.clock.now()) {
                return;
            }
            let due = mapper.poll_timeout();
            tokio::select! {
                received = socket.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => {
                        mapper.handle_datagram(self.clock.now(), from, &buffer[..length]);
                    }
                    Err(error) => refused(&error).await,
                },
                Some(visited) = visits.join_next() => {
                    if let Ok((id, answer)) = visited {
                        mapper.handle_answer(self.clock.now(), id, answer.as_ref());
                    }
                }
                _ = stop.changed(), if !ending => {
                    ending = true;
                    mapper.shutdown(self.clock.now());
                }
                _ = look.tick(), if !ending => {
                    if self.place(place.local.is_ipv6()).is_some_and(|now| now != place) {
                        ending = true;
                        mapper.shutdown(self.clock.now());
                    }
                }
                () = self.clock.sleep_until(due) => {}
            }
            mapper.handle_timeout(self.clock.now());
        }
    }

    async fn drain(
        &self,
        mapper: &mut Mapper,
        socket: &UdpSocket,
        visits: &mut JoinSet<(u64, Option<Answer>)>,
    ) {
        while let Some(transmit) = mapper.poll_transmit() {
            // Lost, as on the way: it is sent again.
            let _lost = socket.send_to(&transmit.payload, transmit.to).await;
        }
        while let Some(request) = mapper.poll_request() {
            // At its end, what was asked before is not waited for.
            visits.abort_all();
            visits.spawn(visit::make(self.egress.clone(), request));
        }
        while let Some(event) = mapper.poll_event() {
            self.tell.send_modify(|reachable| match event {
                Event::Mapped(mapping, mapped) => {
                    let (carrier, port) = (mapping.transport, mapping.port);
                    let external = mapped.external;
                    tracing::info!("{carrier} port {port} is open at {external} ({})", mapped.by);
                    reachable.mapped.retain(|(it, to)| !same((*it, to), (mapping, &mapped)));
                    reachable.mapped.push((mapping, mapped));
                }
                Event::Lost(mapping) => {
                    let v6 = self.wanted.iter().any(|(_, address)| address.is_ipv6());
                    let (carrier, port) = (mapping.transport, mapping.port);
                    tracing::debug!("{carrier} port {port} is open at the router no more");
                    reachable
                        .mapped
                        .retain(|(it, to)| *it != mapping || to.external.is_ipv6() != v6);
                }
            });
        }
    }
}

/// Whether both are of one mapping, and of one address family.
fn same(a: (Mapping, &portmap::Mapped), b: (Mapping, &portmap::Mapped)) -> bool {
    a.0 == b.0 && a.1.external.is_ipv6() == b.1.external.is_ipv6()
}

/// Word that a router does not listen there, most likely.
async fn refused(error: &io::Error) {
    tracing::debug!(%error, "a datagram to the router came back");
    tokio::time::sleep(ERROR_PAUSE).await;
}
