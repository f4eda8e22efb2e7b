//! Ports opened at the router: the task that runs a `portmap::Mapper` for each address family.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use portmap::{Mapped, Mapping, Methods, REMOVAL_MAX, Transport as Carrier};
use stdx::Rng;

use crate::clock::Clock;
use crate::egress::Egress;
use crate::mind::{Input, Mind};

mod routes;
mod runner;
mod visit;

use self::runner::Runner;

/// How long a mapping lasts at the router by default when nobody renews it.
pub const MAPPING_LEASE: Duration = Duration::from_hours(1);

/// Whether and how ports are opened at the router.
#[derive(Clone, Copy, Debug)]
pub struct PortMapping {
    /// By what the router is asked.
    pub methods: Methods,
    /// How long mappings last when nobody renews them.
    pub lease: Duration,
}

impl Default for PortMapping {
    fn default() -> Self {
        Self { methods: Methods::ALL, lease: MAPPING_LEASE }
    }
}

/// What is known of how we are reached from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachable {
    /// The ports that are open at the router, and where.
    pub mapped: Vec<(Mapping, Mapped)>,
}

impl Reachable {
    /// The address of this family that others see.
    pub fn external(&self, v6: bool) -> Option<IpAddr> {
        let mut all = self.mapped.iter().map(|(_, mapped)| mapped.external.ip());
        all.find(|ip| ip.is_ipv6() == v6 && !ip.is_unspecified())
    }

    /// The port that peers connect to, where one of ours is open at a router that counts for
    /// others (IPv4).
    fn port(&self, ours: u16) -> Option<u16> {
        let of = |carrier| {
            let mut all = self.mapped.iter();
            let is_it = |(mapping, mapped): &&(Mapping, Mapped)| {
                (mapping.transport, mapping.port) == (carrier, ours) && mapped.external.is_ipv4()
            };
            all.find(is_it).map(|(_, mapped)| mapped.external.port())
        };
        of(Carrier::Tcp).or_else(|| of(Carrier::Udp))
    }
}

/// The running tasks. Cheap to clone; when the last clone is gone, they give back the ports by
/// themselves.
#[derive(Clone, Debug)]
pub(crate) struct PortMapper {
    reachable: watch::Receiver<Reachable>,
    stop: Arc<watch::Sender<bool>>,
}

impl PortMapper {
    /// Begins to ask for ports, beside everything else. What comes of it is told to the mind.
    pub(crate) fn start(
        config: PortMapping,
        egress: &Egress,
        wanted: &[(Carrier, SocketAddr)],
        clock: Clock,
        (inputs, mut rng): (mpsc::WeakSender<Input>, Rng),
    ) -> Self {
        let (tell, reachable) = watch::channel(Reachable::default());
        let tell = Arc::new(tell);
        let (stop, stopped) = watch::channel(false);
        for v6 in [false, true] {
            let wanted: Vec<_> = wanted
                .iter()
                .filter(|(_, address)| address.is_ipv6() == v6 && !address.ip().is_loopback())
                .copied()
                .collect();
            if !wanted.is_empty() {
                let egress = egress.clone();
                let tell = Arc::clone(&tell);
                let runner = Runner::new(config, egress, wanted, clock, (tell, rng.fork()));
                tokio::spawn(runner.run(stopped.clone()));
            }
        }
        if let Some((_, first)) = wanted.first() {
            tokio::spawn(announce(first.port(), reachable.clone(), inputs));
        }
        Self { reachable, stop: Arc::new(stop) }
    }

    /// How we are reached, now and from now on.
    pub(crate) fn reachable(&self) -> watch::Receiver<Reachable> {
        self.reachable.clone()
    }

    /// Gives the ports back; that takes [`REMOVAL_MAX`] at most.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        // Whoever has something to tell of them is gone when they are.
        let mut reachable = self.reachable.clone();
        let all = async { while reachable.changed().await.is_ok() {} };
        let _late = tokio::time::timeout(REMOVAL_MAX + Duration::from_millis(200), all).await;
    }
}

/// Tells the mind which port others are to be told, and our address, whenever they change.
async fn announce(
    ours: u16,
    mut reachable: watch::Receiver<Reachable>,
    inputs: mpsc::WeakSender<Input>,
) {
    let (mut told, mut at) = (ours, [None; 2]);
    while reachable.changed().await.is_ok() {
        let now = reachable.borrow_and_update().clone();
        let port = now.port(ours).unwrap_or(ours);
        let Some(inputs) = inputs.upgrade() else { return };
        for v6 in [false, true] {
            let ip = now.external(v6);
            if std::mem::replace(&mut at[usize::from(v6)], ip) != ip {
                let tell = move |mind: &mut Mind, _| mind.session.set_router_address(v6, ip);
                if inputs.send(Input::Command(Box::new(tell))).await.is_err() {
                    return;
                }
            }
        }
        if std::mem::replace(&mut told, port) != port {
            let command = Input::Command(Box::new(move |mind, _| mind.set_port(port)));
            if inputs.send(command).await.is_err() {
                return;
            }
        }
    }
}
