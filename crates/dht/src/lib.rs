//! A node of the distributed hash table in which BitTorrent peers find each other without a
//! tracker (BEP 5), IPv6 and read-only nodes included (BEP 32, 43), with ids that follow from
//! addresses (BEP 42), scrapes (BEP 33), arbitrary items and torrents that change (BEP 44, 46),
//! samples of what is known (BEP 51), and several addresses (BEP 45).
//!
//! [`Dht`] is one node, a pure core: datagrams and moments in, datagrams and events out. What a
//! datagram says is hearsay, and costs at most a constant: tables, stores and look-ups are
//! bounded, rates are limited for every address in constant memory, and strangers get little more
//! than they send (`guard.rs` has the rule).
//!
//! Where to look: `table.rs` for who is known and kept, `search.rs` for how look-ups proceed and
//! what liars and crowds can do to them, `node/upkeep.rs` for joining and refreshing.

mod address;
mod bloom;
mod config;
mod error;
mod estimate;
mod event;
mod fault;
mod guard;
mod id;
mod item;
mod items;
mod krpc;
mod node;
mod peers;
mod rpc;
mod search;
mod security;
mod table;
mod token;
mod votes;

// The public interface is:
pub use address::{Contact, Family};
pub use bloom::Bloom;
pub use config::Config;
pub use error::Error;
pub use event::{Event, LookupId, Outcome, Transmit};
pub use fault::Fault;
pub use id::Id;
pub use item::{
    Item, Mutable, PublicKey, SALT_MAX, SecretKey, VALUE_MAX, immutable_target, mutable_target,
    torrent_of_value, torrent_value,
};
pub use krpc::{
    Body, DATAGRAM_IN_MAX, DATAGRAM_OUT_MAX, ECHO_MAX, ItemParts, Message, Method, NODES_MAX,
    Query, Response, SAMPLES_MAX, Samples, VALUES_MAX, Want, code,
};
pub use node::{ANNOUNCES_MAX, Counters, Dht, LOOKUPS_MAX, Stats};
pub use security::{is_secure, secure_id};

#[cfg(test)]
mod tests;
