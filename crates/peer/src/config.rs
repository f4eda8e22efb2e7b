use stdx::{Duration, PeerId};

use crate::Torrent;

/// What all connections of a process have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// How we name ourselves (BEP 20).
    pub peer_id: PeerId,
    /// Our name and version as others may show it, such as `Fluvial 0.1` (BEP 10).
    pub client: String,
    /// The port where we listen, stated to those that we connect to; 0 when we do not.
    pub listen_port: u16,
    /// Our upload limit in bytes per second, stated in the extension handshake when it is known.
    pub uplink: Option<u64>,
    /// Where our node of the DHT is, stated to those that have one (BEP 5); never on private
    /// torrents. `None` when we have none.
    pub dht_port: Option<u16>,
    /// Whether other peers' addresses are taken from peers (BEP 11); never on private torrents.
    pub pex: bool,
    /// Whether two peers are brought together that cannot reach each other (BEP 55): for those with
    /// uTP; never on private torrents.
    pub holepunch: bool,
    /// The most blocks asked for at a time, whatever the remote would take: all of them may arrive
    /// while hashing or the disk is what bounds the speed, and then wait in memory.
    pub request_queue_max: u32,
    /// The most blocks that the remote may ask for at a time, stated as `reqq`.
    pub upload_queue_max: u32,
    /// The most payload read ahead of the socket, in bytes.
    pub send_buffer_max: u64,
    /// How long the remote has for its handshake.
    pub handshake_timeout: Duration,
    /// How long a single request, or one for metadata or hashes, may stay unanswered.
    pub request_timeout: Duration,
    /// How long no block may come, with requests outstanding, before the remote counts as
    /// snubbing us.
    pub snub_timeout: Duration,
    /// After so long without sending anything, a keep-alive goes out. BEP 3 has peers close after
    /// two minutes of silence.
    pub keep_alive: Duration,
    /// The first keep-alive goes to whoever began after so long without sending anything. What
    /// arrives together with a handshake, Transmission 3 reads only when more comes.
    pub nudge: Duration,
    /// After so long without receiving anything, the connection is given up.
    pub inactivity_timeout: Duration,
}

impl Config {
    /// The usual limits and times.
    pub fn new(peer_id: PeerId, client: impl Into<String>) -> Self {
        Self {
            peer_id,
            client: client.into(),
            listen_port: 0,
            uplink: None,
            dht_port: None,
            pex: false,
            holepunch: false,
            request_queue_max: 1_000,
            upload_queue_max: 2_000,
            send_buffer_max: 3 << 20,
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            snub_timeout: Duration::from_secs(20),
            keep_alive: Duration::from_secs(100),
            nudge: Duration::from_millis(500),
            inactivity_timeout: Duration::from_mins(4),
        }
    }

    /// Whether the DHT is spoken of on connections of a torrent (BEP 27).
    pub(crate) fn has_dht(&self, torrent: &Torrent) -> bool {
        self.dht_port.is_some() && !torrent.private
    }
}
