//! What `--json` prints: one object per line, each with its `event`.

use serde::Serialize;

/// One line of `--json`. Sizes are bytes, rates bytes per second, times seconds.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// `share` or `seed` can be reached.
    Ready {
        info_hash: Option<String>,
        info_hash_v2: Option<String>,
        magnet: &'a str,
        torrent: &'a str,
        listen: &'a str,
        tracker: &'a [String],
        page: Option<&'a str>,
    },
    /// `share --publish` signed it, and nodes of the DHT hold that.
    Published { magnet: &'a str, seq: i64, stored: u32 },
    /// `tracker` answers.
    #[serde(rename = "ready")]
    TrackerReady { udp: Option<&'a str>, http: Option<&'a str>, metrics: Option<&'a str> },
    /// How far a `get` is, about once a second.
    Progress {
        state: &'static str,
        done: u64,
        total: Option<u64>,
        down_rate: u64,
        up_rate: u64,
        peers: u64,
    },
    /// A peer was dropped for what it did. What comes again and again is told ever more seldom.
    PeerDropped { address: &'a str, reason: &'a str, banned: bool, times: u64 },
    /// A mirror does not give what it should; it is asked again in time, or is left out.
    MirrorFailed { address: &'a str, reason: &'a str, left_out: bool },
    /// Everything asked for is written and readable.
    Complete {
        path: &'a str,
        bytes: u64,
        seconds: f64,
        efficiency: Option<f64>,
        sources: &'a [Source],
    },
    /// `create` wrote a torrent.
    Created {
        path: &'a str,
        info_hash: Option<String>,
        info_hash_v2: Option<String>,
        pieces: u32,
        piece_length: u32,
    },
    /// What `show` saw.
    Torrent(&'a crate::describe::Description),
    /// What `verify` saw.
    Verified { whole: bool, pieces_bad: &'a [u32], files_bad: &'a [String] },
    /// The way of a query through a ring.
    Route { messages: u64, path: &'a [crate::lab::Point], owner: Option<crate::lab::Point> },
    /// What many look-ups in a ring needed.
    #[serde(rename = "result")]
    RingResult { mean_messages: f64, mean_timeouts: f64, failed_lookups: u64, lookups: u64 },
    /// How often what must hold of a ring did not.
    #[serde(rename = "result")]
    StepsResult { steps: u64, worlds: u64, broken: u64, joins: u64, failures: u64 },
    /// Messages of a look-up in a ring of so many.
    RingSize { peers: u64, mean_messages: f64, half_log2: f64 },
    /// A row of a table that Chord's authors published, measured again.
    #[serde(rename = "row")]
    PublishedRow(&'a crate::lab::PublishedRow),
    /// Whether all its rows are near enough.
    #[serde(rename = "result")]
    PublishedResult(&'a crate::lab::PublishedResult),
    /// What look-ups took among so many nodes.
    #[serde(rename = "result")]
    LookupsResult(&'a crate::lab::LookupsResult),
    /// How far an experiment is, about once a second.
    #[serde(rename = "progress")]
    LabProgress { state: &'static str, done: u64, total: u64 },
    /// What an overlay came to.
    #[serde(rename = "result")]
    OverlayResult(&'a crate::lab::OverlayResult),
    /// What a tracker answered to a crowd.
    #[serde(rename = "result")]
    LoadResult(&'a crate::lab::LoadResult),
    /// `lab link` carries packets between these.
    #[serde(rename = "ready")]
    LinkReady { ends: &'a [String] },
    /// What became of them.
    #[serde(rename = "result")]
    LinkResult { there: crate::lab::Carried, back: crate::lab::Carried },
    /// The least time for so many peers, and which limit binds.
    Plan {
        peers: u64,
        client_server_seconds: f64,
        client_server_binding: Option<&'static str>,
        p2p_seconds: f64,
        p2p_binding: Option<&'static str>,
    },
    /// What a deadline asks for, for the last number of peers; null where nothing is enough.
    Deadline {
        seconds: f64,
        peers: u64,
        met: bool,
        server_up: Option<u64>,
        seeds: Option<u64>,
        peer_up: Option<u64>,
        /// 0 for not even one; null for any number.
        peers_most: Option<u64>,
        client_server_up: Option<u64>,
        client_server_peers_most: Option<u64>,
    },
    /// How far a simulated swarm is; `at` is how late it is there.
    #[serde(rename = "progress")]
    SwarmProgress { at: f64, done: f64, bound_seconds: f64 },
    /// What came of a simulated swarm.
    #[serde(rename = "result")]
    SwarmResult {
        bound_seconds: f64,
        last_seconds: f64,
        mean_seconds: f64,
        completed: u32,
        trace: String,
    },
    /// What came of a simulated swarm in several ways.
    #[serde(rename = "result")]
    SwarmComparison { ways: &'a [crate::lab::Compared] },
    /// `dht node` answers.
    #[serde(rename = "ready")]
    DhtReady { listen: &'a [String], ids: &'a [String] },
    /// What a `dht` command came to.
    #[serde(rename = "result")]
    DhtResult(&'a crate::dht::DhtResult),
    /// Ended on request.
    Stopped,
    /// It could not be done.
    Error { message: &'a str },
}

/// Where bytes came from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Source {
    pub(crate) kind: &'static str,
    pub(crate) address: String,
    pub(crate) bytes: u64,
    /// What it calls itself, for people only.
    #[serde(skip)]
    pub(crate) client: Option<String>,
}
