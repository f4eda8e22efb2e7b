//! The messages of nodes (KRPC, BEP 5), to and from bytes: what is written is canonical, what is
//! read may be anything that can be understood.

use std::net::SocketAddr;

use crate::address::Contact;
use crate::item::PublicKey;
use crate::{Bloom, Id};

mod read;
mod write;

/// Longest datagram that is read; longer ones are no DHT's.
pub const DATAGRAM_IN_MAX: usize = 2_048;
/// Longest datagram that is sent: a value of 1,000 bytes with what belongs to it (BEP 44), which
/// passes through every path of Ethernet's MTU, tunnels included.
pub const DATAGRAM_OUT_MAX: usize = 1_400;
/// Longest answer that has no such value (BEP 32).
pub(crate) const ANSWER_MAX: usize = 1_024;
/// Most nodes of one family that are taken from an answer.
pub const NODES_MAX: usize = 20;
/// Most peers that are taken from an answer.
pub const VALUES_MAX: usize = 200;
/// Most info-hashes that are taken from an answer (BEP 51).
pub const SAMPLES_MAX: usize = 100;
/// Longest transaction id, and longest token, that are sent back.
pub const ECHO_MAX: usize = 64;

/// How this program names itself (`v`).
const VERSION: &[u8] = b"FV\x00\x01";

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which question this is, or is the answer to: the asker's choice.
    pub transaction: &'a [u8],
    /// What is said.
    pub body: Body<'a>,
    /// The sender answers no questions (BEP 43).
    pub read_only: bool,
    /// The address that the sender sees the receiver at (BEP 42).
    pub ip: Option<SocketAddr>,
}

/// What a datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A question.
    Query(Query<'a>),
    /// An answer.
    Response(Box<Response<'a>>),
    /// A refusal.
    Error {
        /// Why, as a number (BEP 5, BEP 44).
        code: i64,
        /// Why, in words.
        message: &'a [u8],
    },
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// Who asks.
    pub id: Id,
    /// Which families' nodes are wanted (BEP 32).
    pub want: Want,
    /// What is asked.
    pub method: Method<'a>,
}

/// Which nodes an answer should have (BEP 32); neither means those of the family that the question
/// came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Those of IPv4.
    pub n4: bool,
    /// Those of IPv6.
    pub n6: bool,
}

impl Want {
    /// Those of both families.
    pub const BOTH: Self = Self { n4: true, n6: true };
    /// Nothing is said.
    pub const DEFAULT: Self = Self { n4: false, n6: false };
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method<'a> {
    /// Are you there? (BEP 5)
    Ping,
    /// Who is near this id? (BEP 5)
    FindNode {
        /// The id.
        target: Id,
    },
    /// Who has this torrent? (BEP 5)
    GetPeers {
        /// The torrent.
        info_hash: Id,
        /// Rather not those who have all of it (BEP 33).
        noseed: bool,
        /// Filters of all who have it, too (BEP 33).
        scrape: bool,
    },
    /// I have this torrent. (BEP 5)
    AnnouncePeer {
        /// The torrent.
        info_hash: Id,
        /// The port that peers may connect to.
        port: u16,
        /// The port is rather the one that this datagram comes from.
        implied_port: bool,
        /// All of it (BEP 33).
        seed: bool,
        /// What an answer to `get_peers` gave.
        token: &'a [u8],
    },
    /// What is kept under this id? (BEP 44)
    Get {
        /// The id.
        target: Id,
        /// Only if its version is above this.
        seq: Option<i64>,
    },
    /// Keep this. (BEP 44)
    Put {
        /// The value.
        value: ItemParts<'a>,
        /// The version that it replaces, or else not.
        cas: Option<i64>,
        /// The salt, if it is mutable.
        salt: &'a [u8],
        /// What an answer to `get` gave.
        token: &'a [u8],
    },
    /// Which torrents are known to you? (BEP 51)
    SampleInfohashes {
        /// The nodes that the answer names are near this.
        target: Id,
    },
    /// Something that is not known here; it is answered like `find_node`, if it has a target.
    Unknown {
        /// `target` or `info_hash`.
        target: Option<Id>,
    },
}

/// A value as it stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemParts<'a> {
    /// Immutable.
    Immutable {
        /// The value, bencoded.
        v: &'a [u8],
    },
    /// Mutable.
    Mutable {
        /// Whose.
        k: PublicKey,
        /// Which version.
        seq: i64,
        /// The owner's word for it.
        sig: [u8; 64],
        /// The value, bencoded.
        v: &'a [u8],
    },
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response<'a> {
    /// Who answers.
    pub id: Id,
    /// Nodes near what was asked for; `None` when there is no such list.
    pub nodes: Option<Vec<Contact>>,
    /// The same by IPv6 (BEP 32).
    pub nodes6: Option<Vec<Contact>>,
    /// What to show when something is to be stored here.
    pub token: Option<&'a [u8]>,
    /// Peers of the torrent.
    pub values: Vec<SocketAddr>,
    /// What is kept there (BEP 44).
    pub item: Option<ItemParts<'a>>,
    /// The version that is kept there, even when the value is not told.
    pub seq: Option<i64>,
    /// Those who have all of it, and those who don't (BEP 33).
    pub scrape: Option<Box<(Bloom, Bloom)>>,
    /// Some of the torrents that are known there (BEP 51).
    pub samples: Option<Samples>,
}

impl Response<'_> {
    /// Drops the nodes and peers whose addresses are not to be kept.
    pub(crate) fn keep(&mut self, keeps: impl Fn(SocketAddr) -> bool) {
        for nodes in [&mut self.nodes, &mut self.nodes6].into_iter().flatten() {
            nodes.retain(|it| keeps(it.address));
        }
        self.values.retain(|it| keeps(*it));
    }
}

/// Some of the torrents that a node knows (BEP 51).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// The torrents.
    pub hashes: Vec<Id>,
    /// How many there are.
    pub total: u64,
    /// Seconds until other ones may be told.
    pub interval: u64,
}

/// Refusals (BEP 5, BEP 44).
pub mod code {
    /// The question makes no sense, or the token is wrong.
    pub const PROTOCOL: i64 = 203;
    /// No such question is known.
    pub const UNKNOWN: i64 = 204;
    /// The value is too long.
    pub const VALUE_TOO_LONG: i64 = 205;
    /// The signature is wrong.
    pub const SIGNATURE: i64 = 206;
    /// The salt is too long.
    pub const SALT_TOO_LONG: i64 = 207;
    /// Another version is there than the one to be replaced.
    pub const CAS: i64 = 301;
    /// A later version is there.
    pub const SEQ: i64 = 302;
}

#[cfg(test)]
mod tests;
