use std::net::{IpAddr, SocketAddr};

use crate::Id;
use crate::address::{Contact, Family};
use crate::fault::Fault;
use crate::item::Item;
use crate::krpc::Samples;

/// A look-up's number; never used again while the node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub u64);

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To where.
    pub to: SocketAddr,
    /// What.
    pub payload: Vec<u8>,
}

/// What a node has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Peers of a torrent that were not told before by the same look-up. They are hearsay.
    Peers {
        /// Which look-up; an announce has one, too.
        lookup: LookupId,
        /// The torrent.
        info_hash: Id,
        /// Who.
        peers: Vec<SocketAddr>,
    },
    /// A value that was looked for; of a mutable one each version that is later than those told
    /// before. It was verified.
    Item {
        /// Which look-up.
        lookup: LookupId,
        /// The value.
        item: Item,
    },
    /// Torrents that a node knows (BEP 51).
    Samples {
        /// Which look-up.
        lookup: LookupId,
        /// Who knows them.
        from: Contact,
        /// The torrents.
        samples: Samples,
    },
    /// A look-up is over.
    Ended {
        /// Which one.
        lookup: LookupId,
        /// What it came to.
        outcome: Outcome,
    },
    /// The table of a family has come together: look-ups will find what there is to be found.
    Ready(Family),
    /// The address that others see this node at (BEP 42); a new id goes with it.
    Address(IpAddr),
    /// Nobody is known, and nothing is left to try: more addresses are needed
    /// ([`add_addresses`](crate::Dht::add_addresses)). Told once in a while as long as it is so.
    Stranded(Family),
    /// Somebody did what ought not to be, and it was left without effect. Not every time is told
    /// when there are many.
    Fault {
        /// Where it came from; with a forged datagram that is a lie, too.
        from: SocketAddr,
        /// What it was.
        fault: Fault,
    },
}

/// What a look-up came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What was looked up.
    pub target: Id,
    /// The nearest nodes that answered, of each family the nearest first.
    pub nodes: Vec<Contact>,
    /// Questions asked.
    pub queries: u32,
    /// Nodes that took what was to be stored.
    pub stored: u32,
    /// Nodes that refused it.
    pub refused: u32,
    /// Somebody sits round the key, as for an attack.
    pub crowded: bool,
    /// About how many hold all of the torrent, and how many some (BEP 33), if that was asked.
    pub scrape: Option<(f64, f64)>,
}
