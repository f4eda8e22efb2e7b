use stdx::{Duration, PeerId};

/// What a torrent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It looks for peers that have the metadata (BEP 9).
    Metadata,
    /// The metadata is known; [`crate::Session::start`] is awaited.
    Checking,
    /// It looks for peers that have the v2 piece hashes (BEP 52) without which its files cannot be
    /// checked, see [`crate::Session::fetch_layers`].
    Layers,
    /// Something that is selected is lacking.
    Downloading,
    /// Everything that is selected is here.
    Seeding,
    /// It cannot go on, see [`crate::Event::Failed`].
    Failed,
    /// It says goodbye and writes what it has.
    Stopping,
}

/// How a torrent does, for people and scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Verified bytes of the selection.
    pub done: u64,
    /// Bytes of the selection; `None` before [`crate::Session::start`].
    pub total: Option<u64>,
    /// Payload bytes per second from others, over the last seconds.
    pub down_rate: u64,
    /// Payload bytes per second to others, over the last seconds.
    pub up_rate: u64,
    /// Payload bytes received since it was added.
    pub downloaded: u64,
    /// Payload bytes sent since it was added.
    pub uploaded: u64,
    /// Payload bytes received in vain: twice, or bad.
    pub wasted: u64,
    /// v2 piece hashes that peers gave (BEP 52).
    pub hashes: u64,
    /// Connections whose handshake is done.
    pub peers: u32,
    /// Those of them that have everything.
    pub seeds: u32,
    /// Mirrors that are asked.
    pub mirrors: u32,
    /// Addresses known, connected or not.
    pub known: u32,
    /// How long it has been seeding, for goals by time; zero while it downloads.
    pub seeding: Duration,
}

impl Status {
    /// Of a torrent of which nothing else is known.
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            done: 0,
            total: None,
            down_rate: 0,
            up_rate: 0,
            downloaded: 0,
            uploaded: 0,
            wasted: 0,
            hashes: 0,
            peers: 0,
            seeds: 0,
            mirrors: 0,
            known: 0,
            seeding: Duration::ZERO,
        }
    }

    /// Counts another torrent in. The state stays; a total is known when both are.
    pub(crate) fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.total = self.total.zip(other.total).map(|(one, other)| one + other);
        self.down_rate += other.down_rate;
        self.up_rate += other.up_rate;
        self.downloaded += other.downloaded;
        self.uploaded += other.uploaded;
        self.wasted += other.wasted;
        self.hashes += other.hashes;
        self.peers += other.peers;
        self.seeds += other.seeds;
        self.mirrors += other.mirrors;
        self.known += other.known;
        self.seeding = self.seeding.max(other.seeding);
    }
}

/// Somebody who was met while the torrent was here, whether still connected or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name for itself.
    pub peer_id: PeerId,
    /// A web or FTP server and no peer.
    pub is_mirror: bool,
    /// Where it was reached, or came from: `IP:PORT`, or a mirror's URL.
    pub address: String,
    /// Its program and version, if it says so (BEP 10).
    pub client: Option<String>,
    /// Payload bytes that it gave.
    pub received: u64,
    /// Payload bytes that it took.
    pub sent: u64,
    /// Its upload limit in bytes per second, if it states one.
    pub uplink: Option<u64>,
    /// Whether it had everything when it first said what it has; `None` while it has not.
    pub began_whole: Option<bool>,
}
