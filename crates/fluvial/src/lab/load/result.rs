//! What came of it, for people and in JSON.

use serde::Serialize;

use load::{Histogram, Tally};

use super::Mark;
use super::drive::Pauses;
use crate::args::LoadLab;
use crate::output::Output;
use crate::units::{count, show_number, show_size};

/// What a tracker answered to a crowd. Times are seconds, sizes bytes.
#[derive(Debug, Serialize)]
pub(crate) struct LoadResult {
    peers: u64,
    torrents: u64,
    hosts: u32,
    /// Requests a second that were due; null where they were as many as were answered.
    rate: Option<u64>,
    joined_seconds: f64,
    seconds: f64,
    announces_per_second: f64,
    requests_per_second: f64,
    connects: u64,
    announces: u64,
    scrapes: u64,
    answered: u64,
    refused: u64,
    wrong: u64,
    stray: u64,
    lost: u64,
    peers_per_answer: f64,
    p50_seconds: Option<f64>,
    p99_seconds: Option<f64>,
    p999_seconds: Option<f64>,
    longest_seconds: f64,
    /// From when a request left until its answer arrived; null where arrivals are not noted: by
    /// HTTP, or without a rate.
    under_way_p50_seconds: Option<f64>,
    under_way_p99_seconds: Option<f64>,
    under_way_p999_seconds: Option<f64>,
    /// For how long the crowd itself had no core, in all and at a time.
    held_up_seconds: f64,
    held_up_longest_seconds: f64,
    held_up_times: u64,
    /// What the tracker's process cost, where it was named.
    cost: Option<CostResult>,
}

/// What the tracker's process cost.
#[derive(Debug, Serialize)]
struct CostResult {
    /// Processor time by announces answered, whatever else was asked.
    cpu_seconds_per_announce: f64,
    /// In user mode.
    user_seconds_per_announce: f64,
    cpu_seconds_per_request: f64,
    /// Share of one core.
    utilisation: f64,
    join_cpu_seconds_per_announce: f64,
    resident_before: u64,
    resident_joined: u64,
    resident_after: u64,
    /// All that is resident once all have joined.
    resident_per_peer: f64,
}

impl LoadResult {
    /// `joined` is of the joining, the rest of what followed; `announced` were answered in time.
    pub(super) fn new(
        args: &LoadLab,
        joined: &Tally,
        (tally, pauses): (&Tally, Pauses),
        announced: u64,
        [started, begun, ended]: [Mark; 3],
    ) -> Self {
        let seconds = (ended.at - begun.at).as_secs_f64();
        let answered = tally.announced + tally.others;
        let share_of =
            |times: &Histogram, share| times.quantile(share).map(|time| time.as_secs_f64());
        let quantile = |share| share_of(&tally.times, share);
        let under_way = |share| share_of(&tally.under_way, share);
        let cost = started.cost.zip(begun.cost).zip(ended.cost);
        let cost = cost.map(|((started, begun), ended)| {
            let cpu =
                |from: super::Cost, to: super::Cost| to.user + to.kernel - from.user - from.kernel;
            let used = cpu(begun, ended);
            CostResult {
                cpu_seconds_per_announce: used / announced as f64,
                user_seconds_per_announce: (ended.user - begun.user) / announced as f64,
                cpu_seconds_per_request: used / answered as f64,
                utilisation: used / seconds,
                join_cpu_seconds_per_announce: cpu(started, begun) / joined.announced as f64,
                resident_before: started.resident,
                resident_joined: begun.resident,
                resident_after: ended.resident,
                resident_per_peer: begun.resident as f64 / args.peers as f64,
            }
        });
        Self {
            peers: args.peers,
            torrents: args.torrents,
            hosts: args.hosts(),
            rate: args.rate,
            joined_seconds: (begun.at - started.at).as_secs_f64(),
            seconds,
            announces_per_second: announced as f64 / seconds,
            requests_per_second: answered as f64 / seconds,
            connects: tally.connects,
            announces: tally.announces,
            scrapes: tally.scrapes,
            answered,
            refused: tally.refused,
            wrong: tally.wrong,
            stray: tally.stray,
            lost: tally.lost,
            peers_per_answer: tally.peers as f64 / tally.announced as f64,
            p50_seconds: quantile(0.5),
            p99_seconds: quantile(0.99),
            p999_seconds: quantile(0.999),
            longest_seconds: tally.times.longest().as_secs_f64(),
            under_way_p50_seconds: under_way(0.5),
            under_way_p99_seconds: under_way(0.99),
            under_way_p999_seconds: under_way(0.999),
            held_up_seconds: pauses.total.as_secs_f64(),
            held_up_longest_seconds: pauses.longest.as_secs_f64(),
            held_up_times: pauses.count,
            cost,
        }
    }

    /// For people.
    pub(super) fn print(&self, output: &Output) {
        let (announces, requests) = (self.announces_per_second, self.requests_per_second);
        output.row(
            "Joined",
            format!("{} in {:.1} s", count(self.peers, "peer"), self.joined_seconds),
        );
        let rates = [announces, requests].map(|rate| show_number(rate as u64));
        let peers = self.peers_per_answer;
        let [announces, requests] = rates;
        let text =
            format!("{announces} announces/s of {requests} requests/s, {peers:.1} peers each");
        output.row("Answered", text);
        let millis = [self.p50_seconds, self.p99_seconds, self.p999_seconds]
            .map(|time| time.unwrap_or(f64::NAN) * 1e3);
        let [p50, p99, p999] = millis;
        let longest = self.longest_seconds * 1e3;
        let text = format!(
            "half within {p50:.3} ms, 99 % within {p99:.3} ms, 99.9 % within {p999:.3} ms, \
             all within {longest:.1} ms"
        );
        output.row("Times", text);
        if let (Some(p50), Some(p99), Some(p999)) =
            (self.under_way_p50_seconds, self.under_way_p99_seconds, self.under_way_p999_seconds)
        {
            let [p50, p99, p999] = [p50, p99, p999].map(|time| time * 1e3);
            let text = format!(
                "half within {p50:.3} ms, 99 % within {p99:.3} ms, 99.9 % within {p999:.3} ms"
            );
            output.row("Under way", text);
        }
        if self.held_up_times > 0 {
            let text = format!(
                "{}, {:.1} ms in all, {:.1} ms at most: something else had the crowd's core",
                count(self.held_up_times, "time"),
                self.held_up_seconds * 1e3,
                self.held_up_longest_seconds * 1e3,
            );
            output.row("Held up", text);
        }
        let bad = [
            (self.lost, "lost"),
            (self.refused, "refused"),
            (self.wrong, "wrong"),
            (self.stray, "to nothing"),
        ];
        let bad = bad.into_iter().filter(|(number, _)| *number > 0);
        let bad: Vec<String> =
            bad.map(|(number, what)| format!("{} {what}", show_number(number))).collect();
        if !bad.is_empty() {
            output.row("Amiss", bad.join(", "));
        }
        if let Some(cost) = &self.cost {
            let text = format!(
                "{:.2} µs of CPU for an announce ({:.2} in user mode), {:.0} % of a core",
                cost.cpu_seconds_per_announce * 1e6,
                cost.user_seconds_per_announce * 1e6,
                cost.utilisation * 1e2,
            );
            output.row("Cost", text);
            let text = format!(
                "{} resident, {:.1} bytes for a peer",
                show_size(cost.resident_joined),
                cost.resident_per_peer,
            );
            output.row("Memory", text);
        }
    }
}
