use std::time::Duration;

use crate::Error;

/// The most peers that a plan counts.
pub const PEERS_MAX: u64 = u32::MAX as u64;

/// Parts in which the overhead is given.
const MILLION: u128 = 1_000_000;

/// Equal peers. Rates are bytes per second; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// How many of them there are.
    pub count: u64,
    /// Out of each; 0 is a free rider.
    pub up: Option<u64>,
    /// Into each.
    pub down: Option<u64>,
}

impl Class {
    /// One peer.
    pub fn one(up: Option<u64>, down: Option<u64>) -> Self {
        Self { count: 1, up, down }
    }
}

/// What is slowest in a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// What the server sends: one copy in a swarm (`F/us`), every copy without one (`N·F/us`).
    Server,
    /// What the slowest peer takes (`F/dmin`).
    Download,
    /// What all uplinks together send (`N·F/(us + Σui)`).
    Aggregate,
}

impl Limit {
    /// `server`, `download` or `aggregate`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Download => "download",
            Self::Aggregate => "aggregate",
        }
    }
}

/// One source and those who want what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes on the wire for each copy.
    pub(crate) size: u64,
    pub(crate) server_up: Option<u64>,
    /// `N`, from 1 to [`PEERS_MAX`].
    pub(crate) peers: u64,
    /// `Σui`; `None` when one of them is unlimited.
    pub(crate) peers_up: Option<u128>,
    /// `dmin`; `None` when none is limited.
    pub(crate) least_down: Option<u64>,
}

impl Plan {
    /// A plan to give `size` bytes to every peer of the classes, from a server (or several seeds
    /// together) that sends `server_up` bytes per second.
    ///
    /// # Errors
    /// No peers, too many, or a server or a download of 0.
    pub fn new(
        size: u64,
        server_up: Option<u64>,
        classes: impl IntoIterator<Item = Class>,
    ) -> Result<Self, Error> {
        let mut plan = Self { size, server_up, peers: 0, peers_up: Some(0), least_down: None };
        for class in classes.into_iter().filter(|class| class.count > 0) {
            let Class { count, up, down } = class;
            plan.peers = plan.peers.saturating_add(count);
            if plan.peers > PEERS_MAX {
                return Err(Error::TooManyPeers);
            }
            // No more than 2^32 peers of 2^64 each, which 128 bits hold.
            let up = up.map(|up| u128::from(up) * u128::from(count));
            plan.peers_up = plan.peers_up.zip(up).map(|(sum, up)| sum + up);
            plan.least_down = plan.least_down.into_iter().chain(down).min();
        }
        match plan {
            Self { peers: 0, .. } => Err(Error::NoPeers),
            Self { server_up: Some(0), .. } => Err(Error::ZeroRate("server's upload")),
            Self { least_down: Some(0), .. } => Err(Error::ZeroRate("download of a peer")),
            plan => Ok(plan),
        }
    }

    /// The same with so many bytes on the wire besides every million bytes of content: headers,
    /// acknowledgements and the protocol's own messages. A copy is rounded up to a whole byte.
    ///
    /// # Errors
    /// When that is more than 2^64 bytes.
    pub fn with_overhead(self, per_million: u32) -> Result<Self, Error> {
        let size = u128::from(self.size) * (MILLION + u128::from(per_million));
        let size = u64::try_from(size.div_ceil(MILLION)).map_err(|_| Error::TooLarge)?;
        Ok(Self { size, ..self })
    }

    /// The same for another server, or for several: their uplinks together.
    ///
    /// # Errors
    /// When its upload is 0.
    pub fn with_server(self, server_up: Option<u64>) -> Result<Self, Error> {
        match server_up {
            Some(0) => Err(Error::ZeroRate("server's upload")),
            server_up => Ok(Self { server_up, ..self }),
        }
    }

    /// How many peers there are.
    pub fn peers(&self) -> u64 {
        self.peers
    }

    /// What the server sends, in bytes per second.
    pub fn server_up(&self) -> Option<u64> {
        self.server_up
    }

    /// What all peers together send, in bytes per second.
    pub fn peers_up(&self) -> Option<u128> {
        self.peers_up
    }

    /// What the slowest peer takes, in bytes per second.
    pub fn least_down(&self) -> Option<u64> {
        self.least_down
    }

    /// The least time when the server gives a copy to each peer.
    pub fn client_server(&self) -> Bound {
        self.slowest([(Limit::Server, self.server_pace(self.peers)), self.download_pace()])
    }

    /// The least time when peers pass on what they have.
    pub fn peer_to_peer(&self) -> Bound {
        let [server, download, aggregate] = self.terms();
        self.slowest([server, download, aggregate])
    }

    /// What the least time of a swarm comes to, and never exceeds, as ever more peers like these
    /// join: `max{F/us, F/dmin, F/u}` with the mean upload `u`.
    pub fn endless(&self) -> Bound {
        let [server, download, _] = self.terms();
        let peers = self.peers_up.map(|rate| Pace { rate, copies: self.peers });
        self.slowest([server, download, (Limit::Aggregate, peers)])
    }

    /// The least time of a swarm by each of its limits alone: server, download, aggregate.
    pub fn limits(&self) -> [(Limit, Bound); 3] {
        self.terms().map(|term| (term.0, self.slowest([term])))
    }

    fn terms(&self) -> [(Limit, Option<Pace>); 3] {
        let sum = self.server_up.zip(self.peers_up);
        // 2^96 of the peers and 2^64 of the server.
        let all = sum.map(|(server, peers)| (u128::from(server) + peers, self.peers));
        [
            (Limit::Server, self.server_pace(1)),
            self.download_pace(),
            (Limit::Aggregate, all.map(|(rate, copies)| Pace { rate, copies })),
        ]
    }

    fn server_pace(&self, copies: u64) -> Option<Pace> {
        self.server_up.map(|rate| Pace { rate: rate.into(), copies })
    }

    fn download_pace(&self) -> (Limit, Option<Pace>) {
        (Limit::Download, self.least_down.map(|rate| Pace { rate: rate.into(), copies: 1 }))
    }

    /// The slowest of the limits; of equals the first.
    fn slowest<const N: usize>(&self, limits: [(Limit, Option<Pace>); N]) -> Bound {
        let known = limits.into_iter().filter_map(|(limit, pace)| Some((limit, pace?)));
        let slowest = known.reduce(|a, b| if b.1.is_slower(a.1) { b } else { a });
        Bound { size: self.size, binding: slowest }
    }
}

/// How fast copies go out: so many bytes per second for so many copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    rate: u128,
    copies: u64,
}

impl Pace {
    /// Compares two paces of one plan. The larger rate is below 2^97 and belongs to all copies,
    /// so it is multiplied by 1; one below 2^64 by no more than 2^32 copies.
    fn is_slower(self, other: Self) -> bool {
        self.rate * u128::from(other.copies) < other.rate * u128::from(self.copies)
    }
}

/// The least time of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    size: u64,
    binding: Option<(Limit, Pace)>,
}

impl Bound {
    /// What binds; `None` when nothing is limited.
    pub fn limit(&self) -> Option<Limit> {
        self.binding.map(|(limit, _)| limit)
    }

    /// The time in seconds; 0 when nothing limits it, infinite when nobody sends.
    pub fn seconds(&self) -> f64 {
        let Some((_, Pace { rate, copies })) = self.binding.filter(|_| self.size > 0) else {
            return 0.0;
        };
        (u128::from(self.size) * u128::from(copies)) as f64 / rate as f64
    }

    /// The time, [`Duration::MAX`] when it is longer.
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds()).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
pub(crate) mod tests;
