//! Sockets, disk and timers wired to the cores.
//!
//! - `engine`: starting, and the handle that others hold.
//! - `torrent`: the handle of one torrent; `shelf`: of many that sleep until somebody wants them.
//! - `mind`: the one task that owns the session and decides.
//! - `link`: one connection's task: its socket and its `peer::Peer`.
//! - `dial`: opening connections, by whichever transport answers; `stream`: what both share.
//! - `greet`: how connections begin, in plain words or disguised; `conduit`: how they go on.
//! - `utps`: uTP, the task and the streams; `udp`: its sockets, in batches; `tuning`: TCP's.
//! - `throttle`: the rate limits that all links share.
//! - `uplink`: the same for who is no peer.
//! - `opening`: looks at a torrent's files before it starts; `watch`: and while it serves them.
//! - `egress`: where outgoing sockets are made and names looked up, for all the others.
//! - `mapping`: ports opened at the router.
//! - `dropped`: what is told of peers that were dropped.
//! - `trackers`, `http`: announces and downloads by URL.
//! - `mirrors`: servers as sources, over HTTP and FTP.
//! - `datagrams`: UDP sockets, and who is spoken to there; `hash_table`: the DHT on them.

mod clock;
mod conduit;
mod datagrams;
mod dial;
mod dropped;
mod egress;
mod engine;
mod files;
mod greet;
mod hash_table;
mod http;
mod link;
mod listen;
mod local;
mod mapping;
mod mind;
mod mirrors;
mod opening;
mod shelf;
mod stream;
mod throttle;
mod torrent;
mod trackers;
mod tuning;
mod udp;
mod uplink;
mod utps;
mod watch;

// The public interface is:
pub use clock::Clock;
pub use dropped::Dropped;
pub use egress::{Egress, EgressError, ProxyStanding};
pub use engine::{Ended, Engine, EngineConfig, StartError};
pub use greet::Encryption;
pub use hash_table::{HashTable, HashTableConfig, HashTableError, Lookup, NodeView, ROUTERS};
pub use http::{FetchError, fetch};
pub use listen::{DEFAULT_PORT, ListenError};
pub use mapping::{MAPPING_LEASE, PortMapping, Reachable};
pub use opening::{OpenError, Purpose, Trust};
pub use shelf::{Happened, Library, Shelf};
pub use stream::Transport;
pub use torrent::{EngineError, StartJob, Started, Torrent, TrackerView};
pub use uplink::{Uplink, UplinkTurns};
