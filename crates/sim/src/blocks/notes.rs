//! What is seen of a world of blocks.

use peer::Totals;
use stdx::{Duration, Instant};

use super::Blocks;
use super::node::Node;
use crate::scenario::Staged;
use crate::world::{MATRIX_MAX, Recorder};
use crate::{Failure, History, NodeIndex, NodeReport, Report, Sample};

impl Staged for Blocks {
    fn observe(&mut self, every: Duration, watched: NodeIndex) {
        self.recorder = Some(Recorder::new(self.now, every, watched));
    }

    fn go_on(&mut self, until: Duration) -> Result<(), Failure> {
        let end = Instant::ZERO + until;
        while self.now < end && !self.is_finished() && !self.is_dead() {
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
        recorder.map(|recorder| recorder.end(self.sample(self.now))).unwrap_or_default()
    }

    fn report(&self) -> Report {
        let seeds: Vec<bool> = self.nodes.iter().map(Node::is_seed).collect();
        let liars = vec![false; seeds.len()];
        let leechers = self.nodes.iter().filter(|node| !node.is_seed());
        let last = leechers.filter_map(|node| node.completed_at).max();
        let nodes = (0..self.nodes.len()).map(|index| self.node_report(index)).collect();
        let size = self.info.layout().content_length();
        Report { trace: self.trace.hash(), ..Report::of(size, nodes, &seeds, &liars, last) }
    }

    fn now(&self) -> Instant {
        self.now
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
            let Some(live) = &self.ends[end as usize].live else {
                continue;
            };
            totals.up_payload += live.totals.up_payload;
            totals.down_payload += live.totals.down_payload;
            if live.totals.down_payload > 0 {
                *from.entry(self.remote(end)).or_default() += live.totals.down_payload;
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
        let pieces = u64::from(self.info.layout().pieces());
        let leechers = || self.nodes.iter().enumerate().filter(|(_, it)| !it.is_seed());
        let have = |(index, node): (usize, &Node)| match node.completed_at {
            Some(_) => pieces,
            None => self.copies.of(NodeIndex(index as u32)).into(),
        };
        let sent = |seeds: bool| {
            let nodes = self.nodes.iter().filter(|node| node.is_seed() == seeds);
            nodes.map(|node| node.sent).sum()
        };
        let wanted = pieces * leechers().count() as u64;
        Sample {
            at,
            completed: leechers().filter(|(_, it)| it.completed_at.is_some()).count() as u32,
            done: leechers().map(have).sum::<u64>() as f64 / wanted.max(1) as f64,
            rarest: self.copies.rarest(),
            present: self.nodes.iter().filter(|node| node.mind.is_some()).count() as u32,
            from_seeds: sent(true),
            from_leechers: sent(false),
            fed: self.fed(),
        }
    }

    fn fed(&self) -> Vec<Vec<u64>> {
        let size = self.nodes.len();
        if size > MATRIX_MAX {
            return Vec::new();
        }
        let row = |index: usize| {
            let mut row = vec![0; size];
            for (from, bytes) in self.traffic(index).1 {
                row[from.get()] = bytes;
            }
            row
        };
        (0..size).map(row).collect()
    }
}
