use std::time::Duration;

use serde::Serialize;

use netem::LinkStats;

use super::Packet;
use crate::output::Output;
use crate::units::{count, show_number, show_size};

/// Packets whose times are kept, for the percentiles: evenly spread over all.
const SAMPLES_MAX: usize = 65_536;

/// What arrives over one direction.
#[derive(Debug)]
pub(super) struct Tally {
    bytes: u64,
    packets: u64,
    /// Every so many packets one is kept; doubles when there are too many.
    every: u64,
    times: Vec<Duration>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { bytes: 0, packets: 0, every: 1, times: Vec::new() }
    }
}

/// What became of the packets of one direction.
#[derive(Debug, Serialize)]
pub(crate) struct Carried {
    sent: u64,
    delivered: u64,
    bytes: u64,
    dropped: u64,
    lost: u64,
    reordered: u64,
    duplicated: u64,
    /// Time from one end to the other, of half and of nearly all packets; null when none arrived.
    median_seconds: Option<f64>,
    p99_seconds: Option<f64>,
}

impl Tally {
    /// Counts a packet that arrives so long after the start.
    pub(super) fn delivered(&mut self, packet: &Packet, after: Duration) {
        if self.packets.is_multiple_of(self.every) {
            self.times.push(after.saturating_sub(packet.came));
        }
        if self.times.len() == SAMPLES_MAX {
            let mut keep = false;
            self.times.retain(|_| {
                keep = !keep;
                keep
            });
            self.every *= 2;
        }
        self.packets += 1;
        self.bytes += packet.size();
    }

    pub(super) fn result(mut self, stats: LinkStats) -> Carried {
        self.times.sort_unstable();
        let at = |share: f64| {
            let last = self.times.len().checked_sub(1)?;
            Some(self.times[(last as f64 * share) as usize].as_secs_f64())
        };
        Carried {
            sent: stats.sent,
            delivered: self.packets,
            bytes: self.bytes,
            dropped: stats.dropped,
            lost: stats.lost,
            reordered: stats.reordered,
            duplicated: stats.duplicated,
            median_seconds: at(0.5),
            p99_seconds: at(0.99),
        }
    }
}

/// For people.
pub(super) fn print(ways: &[(&str, &Carried)], output: &Output) {
    for (label, way) in ways {
        let causes = [
            (way.dropped, "dropped at a full queue"),
            (way.lost, "lost"),
            (way.reordered, "held back"),
            (way.duplicated, "doubled"),
        ];
        let causes = causes.into_iter().filter(|(number, _)| *number > 0);
        let causes = causes.map(|(number, what)| format!("{} {what}", show_number(number)));
        let times = way.median_seconds.zip(way.p99_seconds).map(|(median, p99)| {
            format!("half within {:.1} ms, 99 % within {:.1} ms", median * 1e3, p99 * 1e3)
        });
        let (packets, bytes) = (count(way.delivered, "packet"), show_size(way.bytes));
        let parts = [packets, bytes].into_iter().chain(causes).chain(times);
        let text = parts.collect::<Vec<_>>().join(", ");
        output.row(label, text);
    }
}
