use stdx::{Duration, PeerId};

use crate::{ChokerPolicy, Limits};

/// How long a stopping torrent waits for trackers to take its `stopped`.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections of the whole session by default, open and opening.
pub const DEFAULT_MAX_PEERS: usize = 500;

/// Connections that may be opening at once (libtorrent opens 30 a second).
pub const MAX_OPENING: usize = 50;

/// Incoming connections from one address (in IPv6, one /64) that have not said which torrent they
/// want. It takes an honest peer one round trip, so that many behind one address have room.
pub const MAX_PENDING_PER_ADDRESS: usize = 16;

/// How long a connection may keep its silence when others wait for its place.
pub(crate) const PENDING_GRACE: Duration = Duration::from_secs(2);

/// Peers asked of a tracker (libtorrent's number).
pub const NUMWANT: u32 = 200;

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our name in handshakes and announces.
    pub peer_id: PeerId,
    /// The port that trackers are told.
    pub listen_port: u16,
    /// Rate limits; the choker sizes its slots by the one on uploads. Whoever moves bytes
    /// enforces them with a [`crate::Limiter`].
    pub limits: Limits,
    /// Connections of all torrents together, open and opening.
    pub max_peers: usize,
    /// Whether there is a DHT: torrents are announced and looked up there, but for private ones
    /// (BEP 27).
    pub dht: bool,
    /// The block cache.
    pub cache: cache::Config,
    /// Limits of each torrent's connections.
    pub swarm: swarm::Limits,
    /// What each torrent's mind goes by.
    pub tactics: swarm::Tactics,
    /// Whether peers on the same network are told of our torrents, and heard (BEP 14).
    pub lsd: bool,
    /// Who may download from us.
    pub choker: ChokerPolicy,
}

impl Config {
    /// The defaults for this name and port.
    pub fn new(peer_id: PeerId, listen_port: u16) -> Self {
        Self {
            peer_id,
            listen_port,
            limits: Limits::default(),
            max_peers: DEFAULT_MAX_PEERS,
            dht: false,
            cache: cache::Config::default(),
            swarm: swarm::Limits::default(),
            tactics: swarm::Tactics::default(),
            lsd: false,
            choker: ChokerPolicy::default(),
        }
    }
}
