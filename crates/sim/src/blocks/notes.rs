//! What is seen of a world of blocks.

use peer::Totals;
use stdx::{Duration, Instant};

use super::Blocks;
use super::node::Node;
use crate::scenario::Staged;
use crate::world::{Recorder, Seen, matrix};
use crate::{Failure, History, NodeIndex, NodeReport, Report, Sample};

impl Staged for Blocks {
    fn observe(&mut self, every: Duration, watched: NodeIndex) {
        self.recorder = Some(Recorder::new(self.ground.now, every, watched));
    }

    fn go_on(&mut self, until: Duration) -> Result<(), Failure> {
        if self.shards.is_empty() {
            self.divide();
        }
        let end = Instant::ZERO + until;
        while self.ground.now < end && !self.is_finished() && !self.is_dead() {
            self.step();
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.nodes.iter().all(|node| match &node.mind {
            Some(mind) => mind.complete,
            None => !node.to_come,
        })
    }

    fn is_dead(&self) -> bool {
        self.copies.rarest() == 0 && !self.nodes.iter().any(|node| node.to_come)
    }

    fn history(&self) -> Option<&History> {
        self.recorder.as_ref().map(Recorder::history)
    }

    fn take_history(&mut self) -> History {
        let recorder = self.recorder.take();
        recorder.map(|recorder| recorder.end(self.sample(self.ground.now))).unwrap_or_default()
    }

    fn report(&self) -> Report {
        let seeds: Vec<bool> = self.nodes.iter().map(Node::is_seed).collect();
        let liars = vec![false; seeds.len()];
        let leechers = self.nodes.iter().filter(|node| !node.is_seed());
        let last = leechers.filter_map(|node| node.completed_at).max();
        let nodes = (0..self.nodes.len()).map(|index| self.node_report(index)).collect();
        let size = self.ground.info.layout().content_length();
        Report { trace: self.trace.hash(), ..Report::of(size, nodes, &seeds, &liars, last) }
    }

    fn now(&self) -> Instant {
        self.ground.now
    }

    fn events(&self) -> u64 {
        self.trace.events()
    }
}

impl Blocks {
    fn node_report(&self, index: usize) -> NodeReport {
        let node = &self.nodes[index];
        let (totals, from) = self.traffic(index);
        let times = node.joined_at.zip(node.completed_at).filter(|_| !node.is_seed());
        NodeReport {
            node: NodeIndex(index as u32),
            time: times.map(|(joined, completed)| completed - joined),
            totals,
            from,
            bans: 0,
            lied: 0,
            pieces_failed: 0,
            banned: 0,
            power_cuts: 0,
            present: node.mind.is_some(),
            whole: node.is_seed() || node.mind.as_ref().is_some_and(|mind| mind.complete),
        }
    }

    /// What a node moved, open connections included.
    fn traffic(&self, index: usize) -> (Totals, Vec<(NodeIndex, u64)>) {
        let node = &self.nodes[index];
        let mut totals = node.totals;
        let mut from = node.from.clone();
        for &end in node.mind.iter().flat_map(|mind| &mind.ends) {
            let end = &node.ends[end as usize];
            let Some(live) = &end.live else {
                continue;
            };
            totals.up_payload += live.totals.up_payload;
            totals.down_payload += live.totals.down_payload;
            if live.totals.down_payload > 0 {
                *from.entry(end.remote).or_default() += live.totals.down_payload;
            }
        }
        (totals, from.into_iter().map(|(from, bytes)| (NodeIndex(from), bytes)).collect())
    }

    /// Takes the samples that are due before `next`.
    pub(super) fn sample_until(&mut self, next: Instant) {
        while let Some(at) = self.recorder.as_ref().and_then(|it| it.due_before(next)) {
            let sample = self.sample(at);
            if let Some(recorder) = &mut self.recorder {
                recorder.keep(sample);
            }
        }
    }

    fn sample(&self, at: Instant) -> Sample {
        let seen = |(index, node): (usize, &Node)| Seen {
            seed: node.is_seed(),
            wants: !node.is_seed(),
            complete: node.completed_at.is_some(),
            pieces: self.copies.of(NodeIndex(index as u32)),
            present: node.mind.is_some(),
            sent: node.sent,
        };
        let pieces = self.ground.info.layout().pieces();
        let sample = Sample::of(at, pieces, self.nodes.iter().enumerate().map(seen));
        let fed = matrix(self.nodes.len(), |index| self.traffic(index).1);
        Sample { rarest: self.copies.rarest(), fed, ..sample }
    }
}
