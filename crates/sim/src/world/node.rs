use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use metainfo::PieceLayers;
use netem::NodeId;
use peer::Totals;
use stdx::{ConnId, Instant, PeerId};

use super::datagram::Line;
use super::link::End;
use super::{Mind, MirrorFailure, MirrorIndex, NodeIndex, NodeSpec, Start};
use crate::Source;
use crate::disk::Store;

/// A machine: what outlives its process, and the process while there is one.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) net: NodeId,
    pub(crate) address: SocketAddr,
    /// For datagrams, where its connections are made of them.
    pub(crate) line: Option<Line>,
    pub(crate) peer_config: Arc<peer::Config>,
    pub(crate) store: Store,
    /// Once the metadata is here, it stays.
    pub(crate) knows_metadata: bool,
    /// Piece layers that came with the torrent file, or were saved as peers sent them.
    pub(crate) layers: PieceLayers,
    /// The machine answers; it does not after a power cut.
    pub(crate) powered: bool,
    /// Writes fail.
    pub(crate) disk_full: bool,
    /// Why its torrent could not go on, the last time.
    pub(crate) failed: Option<String>,
    /// How many others have banned it.
    pub(crate) bans: u32,
    /// Wrong blocks that it sent.
    pub(crate) lied: u32,
    /// Pieces that failed their check here.
    pub(crate) pieces_failed: u32,
    /// How many peers it has banned.
    pub(crate) banned: u32,
    /// How many of its processes a power cut ended.
    pub(crate) power_cuts: u32,
    /// Counts the processes that ran here.
    pub(crate) life: u32,
    pub(crate) mind: Option<Mind>,
    /// Nothing will start it again.
    pub(crate) starts_left: u32,
    pub(crate) joined_at: Option<Instant>,
    pub(crate) completed_at: Option<Instant>,
    pub(crate) traffic: Traffic,
    /// Payload from mirrors, by connections that have ended.
    pub(crate) from_mirrors: BTreeMap<MirrorIndex, u64>,
    pub(crate) mirror_failures: Vec<MirrorFailure>,
    /// Payload sent.
    pub(crate) sent: u64,
    /// It has been told to go.
    pub(crate) leaving: bool,
}

/// What a node moved, by connections that have ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) total: Totals,
    /// Payload received, by who sent it.
    pub(crate) from: BTreeMap<NodeIndex, u64>,
}

impl Traffic {
    pub(crate) fn add(&mut self, remote: NodeIndex, totals: Totals) {
        self.total.down_payload += totals.down_payload;
        self.total.up_payload += totals.up_payload;
        self.total.down_protocol += totals.down_protocol;
        self.total.up_protocol += totals.up_protocol;
        if totals.down_payload > 0 {
            *self.from.entry(remote).or_default() += totals.down_payload;
        }
    }
}

impl Node {
    pub(crate) fn new(
        spec: NodeSpec,
        net: NodeId,
        address: SocketAddr,
        id: PeerId,
        source: &Arc<Source>,
    ) -> Self {
        let mut config = peer::Config::new(id, "Fluvial sim");
        config.listen_port = if spec.reachable { address.port() } else { 0 };
        config.uplink = spec.limits.up.or(spec.access.up);
        let source = Arc::clone(source);
        let layers = match spec.start {
            Start::Magnet => PieceLayers::default(),
            Start::Torrent | Start::Seed => source.layers().clone(),
        };
        let store = match spec.start {
            Start::Seed => Store::full(source),
            Start::Torrent | Start::Magnet => Store::empty(source),
        };
        Self {
            knows_metadata: spec.start != Start::Magnet,
            spec,
            net,
            address,
            line: None,
            peer_config: Arc::new(config),
            store,
            layers,
            powered: true,
            disk_full: false,
            failed: None,
            bans: 0,
            lied: 0,
            pieces_failed: 0,
            banned: 0,
            power_cuts: 0,
            life: 0,
            mind: None,
            starts_left: 0,
            joined_at: None,
            completed_at: None,
            traffic: Traffic::default(),
            from_mirrors: BTreeMap::new(),
            mirror_failures: Vec::new(),
            sent: 0,
            leaving: false,
        }
    }

    /// This node's end of a connection.
    pub(crate) fn end(&mut self, conn: ConnId) -> Option<&mut End> {
        self.mind.as_mut()?.ends.get_mut(&conn)
    }

    /// It has all of the content, or is gone for good.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.mind {
            Some(mind) => mind.complete,
            None => self.starts_left == 0,
        }
    }

    /// What it moved so far, open connections included.
    pub(crate) fn all_traffic(&self) -> Traffic {
        let mut traffic = self.traffic.clone();
        for end in self.mind.iter().flat_map(|mind| mind.ends.values()) {
            traffic.add(end.remote, end.peer.totals());
        }
        traffic
    }
}
