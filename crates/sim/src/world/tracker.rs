use std::net::{Ipv4Addr, SocketAddr};

use announce::{AnnounceResponse, Failure, Store, StoreAnnounce, StoreConfig, TrackerUrl};
use session::{Announce, AnnounceId};
use stdx::{Instant, Rng};

use super::{Event, NodeIndex, World, WorldConfig};

/// Peers handed out to who does not say how many it wants.
const NUMWANT: u32 = 50;

/// The one tracker of a world: the shipped store behind a delay.
#[derive(Debug)]
pub(crate) struct Tracker {
    store: Store,
    url: TrackerUrl,
    /// It answers nobody.
    pub(crate) down: bool,
}

/// An announce on its way to the tracker.
#[derive(Debug)]
pub(crate) struct Question(Announce);

/// An answer on its way back.
#[derive(Debug)]
pub(crate) struct Answer {
    id: AnnounceId,
    result: Result<AnnounceResponse, Failure>,
}

impl WorldConfig {
    /// What the tracker of a world knows, which is nothing yet.
    pub(crate) fn tracker(&self, rng: &mut Rng) -> Store {
        let mut secret = [0; 16];
        rng.fill(&mut secret);
        let config = StoreConfig {
            interval: self.announce_interval,
            min_interval: self.announce_interval / 10,
            peer_timeout: self.announce_interval * 3 / 2,
            ..StoreConfig::default()
        };
        Store::new(config, &secret, Instant::ZERO)
    }
}

impl Tracker {
    pub(crate) fn new(config: &WorldConfig, rng: &mut Rng) -> Self {
        Self {
            store: config.tracker(rng),
            url: "http://12.0.0.1:6969/announce".parse().expect("a tracker's URL"),
            down: false,
        }
    }

    pub(crate) fn tiers(&self) -> Vec<Vec<TrackerUrl>> {
        vec![vec![self.url.clone()]]
    }

    fn answer(
        &mut self,
        now: Instant,
        from: SocketAddr,
        announce: &Announce,
    ) -> Result<AnnounceResponse, Failure> {
        if self.down {
            return Err(Failure::new(b"connection refused"));
        }
        let request = &announce.request;
        let reply = self.store.announce(
            now,
            &StoreAnnounce {
                info_hash: request.info_hash,
                peer: SocketAddr::new(from.ip(), request.port),
                local: Ipv4Addr::new(12, 0, 0, 1).into(),
                left: request.left,
                event: request.event,
                numwant: request.numwant.unwrap_or(NUMWANT) as usize,
            },
        );
        Ok(AnnounceResponse {
            interval: reply.interval,
            min_interval: Some(reply.min_interval),
            seeders: Some(reply.seeders),
            leechers: Some(reply.leechers),
            peers: reply.peers,
            ..AnnounceResponse::default()
        })
    }
}

impl World {
    /// Has the tracker answer nobody, or answer again.
    pub fn set_tracker_down(&mut self, down: bool) {
        self.tracker.down = down;
    }

    /// Sends an announce on its way to the tracker.
    pub(super) fn ask(&mut self, node: NodeIndex, announce: Announce) {
        let delay = self.config.tracker_delay;
        self.schedule(node, delay, Event::Ask(Question(announce)));
    }

    /// An announce reaches the tracker; the asker may be gone by now.
    pub(super) fn handle_question(&mut self, node: NodeIndex, life: u32, question: Question) {
        let Question(announce) = question;
        let from = self.nodes[node.get()].address;
        self.tracker.store.handle_timeout(self.now);
        let result = self.tracker.answer(self.now, from, &announce);
        let peers = result.as_ref().map_or(0, |answer| answer.peers.len() as u64);
        self.trace.record(self.now, b't', &[u64::from(node.0), peers], &[]);
        let answer = Answer { id: announce.id, result };
        let at = self.now + self.config.tracker_delay;
        self.schedule_in(node, life, at, Event::Answered(answer));
    }

    pub(super) fn handle_answer(&mut self, node: NodeIndex, answer: Answer) {
        let Answer { id, result } = answer;
        self.with_session(node, |session, now| {
            session.handle_announce(now, id, result);
        });
    }
}
