use session::{Session, State};
use stdx::{Duration, Instant};

use super::way::Way;
use super::{Event, Leave, NodeIndex, Scheduled, World};

/// How long a process that was asked to stop may take.
const STOP_MAX: Duration = Duration::from_secs(10);

/// After how long somebody sees to a torrent that its disk failed.
const ATTENDED_AFTER: Duration = Duration::from_secs(3);

/// Something that befalls a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Its process starts, with what is recorded on its disk.
    Start,
    /// Its process is asked to stop: it says goodbye, and saves what it has.
    Stop,
    /// Its process is killed. The system closes its connections, of which those over uTP end
    /// without a word, and keeps what was written.
    Kill,
    /// Its power is cut: its connections fall silent, and of what was written and not synced
    /// some is lost, some torn.
    PowerCut,
    /// Its disk takes no more writes.
    FillDisk,
    /// Its disk takes writes again, and the session is told to go on.
    FreeDisk,
    /// The session is told to go on after its disk failed.
    Retry,
}

impl World {
    /// Has something befall a node at a time after the beginning of the world.
    pub fn at(&mut self, after: Duration, node: NodeIndex, deed: Deed) {
        let state = &mut self.nodes[node.get()];
        state.starts_left += u32::from(deed == Deed::Start);
        let at = (Instant::ZERO + after).max(self.now);
        let event = Event::Deed(deed);
        self.queue.schedule(at, Scheduled { node, life: 0, event });
    }

    pub(super) fn handle_deed(&mut self, node: NodeIndex, deed: Deed) {
        self.trace.record(self.now, b'!', &[u64::from(node.0), deed as u64], &[]);
        match deed {
            Deed::Start => {
                let state = &mut self.nodes[node.get()];
                state.starts_left -= 1;
                if state.mind.is_none() {
                    state.powered = true;
                    state.life += 1;
                    self.start_mind(node);
                }
            }
            Deed::Stop => {
                if let Some(mind) = self.nodes[node.get()].mind.as_mut() {
                    mind.stopping = true;
                    self.with_session(node, Session::shutdown);
                    self.schedule(node, STOP_MAX, Event::StopOverdue);
                }
            }
            Deed::Kill => {
                self.silence_utp(node);
                self.kill(node);
            }
            Deed::PowerCut => self.power_cut(node),
            Deed::FillDisk => self.nodes[node.get()].disk_full = true,
            Deed::FreeDisk => {
                self.nodes[node.get()].disk_full = false;
                self.retry(node);
            }
            Deed::Retry => self.retry(node),
        }
    }

    /// A torrent cannot go on. Where the disk fails now and then, somebody has the session go on
    /// after a while, or starts the process anew.
    pub(super) fn failed(&mut self, node: NodeIndex, error: String) {
        let state = &mut self.nodes[node.get()];
        state.failed = Some(error);
        let Some(mind) = state.mind.as_mut() else {
            return;
        };
        mind.complete = false;
        if state.spec.disk.fails == 0.0 || mind.stopping {
            return;
        }
        let now = self.now.since(Instant::ZERO);
        if self.rng.chance(0.5) {
            self.at(now + ATTENDED_AFTER, node, Deed::Retry);
        } else {
            self.at(now, node, Deed::Stop);
            self.at(now + STOP_MAX + ATTENDED_AFTER, node, Deed::Start);
        }
    }

    fn retry(&mut self, node: NodeIndex) {
        let state = &mut self.nodes[node.get()];
        state.failed = None;
        let Some(torrent) = state.mind.as_ref().map(|mind| mind.torrent) else {
            return;
        };
        self.with_session(node, |session, now| session.retry(now, torrent));
        let whole = self.status(node).is_some_and(|status| status.state == State::Seeding);
        if let Some(mind) = &mut self.nodes[node.get()].mind {
            mind.complete = whole;
        }
    }

    /// Has a node go for good after a while.
    pub(super) fn leave(&mut self, node: NodeIndex, after: Duration) {
        if !std::mem::replace(&mut self.nodes[node.get()].leaving, true) {
            let event = Event::Deed(Deed::Stop);
            let at = self.now + after;
            self.queue.schedule(at, Scheduled { node, life: 0, event });
        }
    }

    /// A node has sent so much payload more.
    pub(super) fn count_sent(&mut self, node: NodeIndex, payload: u64) {
        let state = &mut self.nodes[node.get()];
        state.sent += payload;
        if matches!(state.spec.leaves, Leave::Sent(most) if state.sent >= most) {
            self.leave(node, Duration::ZERO);
        }
    }

    /// A session has said goodbye and saved all it had.
    pub(super) fn stopped(&mut self, node: NodeIndex) {
        let asked = self.nodes[node.get()].mind.as_ref().is_some_and(|mind| mind.stopping);
        self.require(asked, || format!("{node} stopped without being asked"));
        self.schedule(node, Duration::ZERO, Event::Exit);
    }

    /// The process ends, its connections with it.
    pub(super) fn kill(&mut self, node: NodeIndex) {
        let conns: Vec<_> = self.conns(node).collect();
        for conn in conns {
            self.take_end(node, conn);
        }
        for conn in self.mirror_conns(node) {
            self.drop_mirror(node, conn);
        }
        let state = &mut self.nodes[node.get()];
        let Some(mind) = state.mind.take() else {
            return;
        };
        state.life += 1;
        self.copies.remove(node);
        // What was given to the system is done, as far as it came.
        for (op, _) in mind.running.into_values() {
            state.store.break_off(op.work, &mut self.rng);
        }
    }

    fn power_cut(&mut self, node: NodeIndex) {
        let state = &mut self.nodes[node.get()];
        state.powered = false;
        state.power_cuts += u32::from(state.mind.is_some());
        let ends = state.mind.as_ref().map(|mind| &mind.ends);
        let pipes: Vec<_> = ends
            .into_iter()
            .flat_map(|ends| ends.values())
            .filter_map(|end| match end.way {
                Way::Pipes { out, inbound } => Some((out, inbound)),
                Way::Utp(_) => None,
            })
            .collect();
        // Nobody is told: the other end waits until it loses patience.
        self.silence_utp(node);
        for (out, inbound) in pipes {
            self.net.close(self.now, out);
            self.net.close(self.now, inbound);
            self.routes.remove(&out);
        }
        self.kill(node);
        self.nodes[node.get()].store.power_cut(&mut self.rng);
        let have = self.nodes[node.get()].store.record().have.clone();
        self.check_claims(node, &have);
    }
}
