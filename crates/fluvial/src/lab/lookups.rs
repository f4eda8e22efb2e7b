//! `fluvial lab lookups`: the ring, the distributed hash table and theory side by side.

mod page;
mod result;

use report::{Axis, Lines, Series};
use sim::{LookupStage, LookupTrial};

pub(crate) use self::result::LookupsResult;
use super::watch::Watch;
use crate::args::LookupsLab;
use crate::events::Event;
use crate::output::{self, Output};
use crate::state::{check_writable, write_whole};
use crate::units::{count, show_number};

/// Columns and rows of the chart in a terminal.
const COLUMNS_MAX: usize = 96;
const ROWS: usize = 15;

/// Lays look-ups side by side, for each number of nodes.
///
/// # Errors
/// When the page cannot be written.
pub(crate) fn run(args: &LookupsLab, output: &Output) -> anyhow::Result<()> {
    if let Some(path) = &args.html {
        check_writable(path)?;
    }
    output.row(
        "Look-ups",
        format!("{} among so many nodes each", show_number(args.lookups().into())),
    );
    output.line("");
    for head in heads() {
        output.heading(&head);
    }
    let mut results = Vec::new();
    for nodes in args.nodes() {
        let result = measure(args, *nodes, output);
        output.event(&Event::LookupsResult(&result));
        output.line(line(&result));
        results.push(result);
    }
    times(&results, output);
    let chart = messages(&results).text(output::page_width().min(COLUMNS_MAX), ROWS);
    output.line("");
    if results.len() > 1 && !chart.is_empty() {
        output.styled(&format!("{}\n", chart.trim_end()));
    }
    for text in SEEN {
        output.line(text);
    }
    if let Some(path) = &args.html {
        write_whole(path, page::page(args, &results).html().as_bytes())?;
        output.good("Wrote", path.display().to_string());
    }
    Ok(())
}

fn measure(args: &LookupsLab, nodes: u32, output: &Output) -> LookupsResult {
    let trial = LookupTrial { nodes, lookups: args.lookups(), seed: args.seed() };
    let of = count(nodes.into(), "node");
    let mut watch = Watch::new(output);
    let report = trial.run(&mut |stage, done, total| {
        let (word, state) = match stage {
            LookupStage::Joining => ("join", "joining"),
            LookupStage::InTable => ("in the DHT", "dht"),
            LookupStage::InRing => ("in the ring", "ring"),
        };
        watch.show((&format!("{of}: {word}"), state), done, total);
    });
    watch.finish();
    LookupsResult::new(&trial, &report)
}

/// The head of the table of messages, in the columns of its rows.
fn heads() -> [String; 2] {
    let [bare, ring, dht] = ["successors only", "with shortcuts", "DHT"];
    [
        format!("{:>6}  {bare:^16}   {ring:^21}   {dht:^27}", ""),
        format!(
            "{:>6}  {:>8} {:>7}   {:>8} {:>3} {:>8}   {:>8} {:>3} {:>5} {:>8}",
            "nodes",
            "messages",
            "(N−1)/2",
            "messages",
            "p95",
            "½·log2 N",
            "messages",
            "p95",
            "hops",
            "Kademlia"
        ),
    ]
}

fn line(result: &LookupsResult) -> String {
    let LookupsResult { successors, shortcuts, dht, .. } = result;
    format!(
        "{:>6}  {:>8.1} {:>7.1}   {:>8.2} {:>3.0} {:>8.2}   {:>8.2} {:>3.0} {:>5.2} {:>8.2}",
        show_number(result.nodes.into()),
        successors.mean_messages,
        successors.expected_messages.unwrap_or(0.0),
        shortcuts.mean_messages,
        shortcuts.p95_messages,
        shortcuts.expected_messages.unwrap_or(0.0),
        dht.mean_messages,
        dht.p95_messages,
        dht.mean_hops,
        dht.expected_hops.unwrap_or(0.0),
    )
}

/// What the messages come to in time.
fn times(results: &[LookupsResult], output: &Output) {
    output.line("");
    output.heading("        time until the key's node answers: of half the look-ups (p95)");
    let columns = ["successors only", "with shortcuts", "DHT"];
    let [bare, ring, dht] = columns.map(|name| format!("{name:>19}"));
    output.heading(&format!("{:>6}  {bare}   {ring}   {dht}", "nodes"));
    for result in results {
        let time = |of: &result::Way| {
            let (half, most) = (seconds(of.median_seconds), seconds(of.p95_seconds));
            format!("{half} ({most})")
        };
        let nodes = show_number(result.nodes.into());
        let [bare, ring, dht] = [&result.successors, &result.shortcuts, &result.dht].map(time);
        output.line(format!("{nodes:>6}  {bare:>19}   {ring:>19}   {dht:>19}"));
    }
}

/// `240 ms`, `1.31 s`, `62 s`.
fn seconds(time: f64) -> String {
    match time {
        ..1.0 => format!("{:.0} ms", time * 1e3),
        1.0..10.0 => format!("{time:.2} s"),
        _ => format!("{time:.0} s"),
    }
}

/// What one sees, in a few words.
const SEEN: [&str; 5] = [
    "A ring asks one node after the other, so its time is its messages. The DHT asks several at",
    "once: more messages, of which few wait for others. Hops are answers that had to come one",
    "after the other; none where the asker's own table has one of the eight nodes that keep the",
    "key, as in small networks. The question to the key's own node is in the times and in no",
    "count.",
];

/// Messages against the number of nodes, theory dashed.
fn messages(results: &[LookupsResult]) -> Lines {
    let lines = Lines::new(Axis::count("nodes").log(), Axis::new("messages of a look-up").log());
    let theory =
        |name: &str, value: fn(&LookupsResult) -> f64| series(name, results, value).dashed();
    lines
        .with(theory("(N−1)/2", |it| it.successors.expected_messages.unwrap_or(0.0)).colour(2))
        .with(series("successors only", results, |it| it.successors.mean_messages).colour(1))
        .with(series("DHT", results, |it| it.dht.mean_messages).colour(3))
        .with(theory("½·log2 N", |it| it.shortcuts.expected_messages.unwrap_or(0.0)).colour(5))
        .with(series("with shortcuts", results, |it| it.shortcuts.mean_messages).colour(4))
}

fn series(name: &str, results: &[LookupsResult], value: impl Fn(&LookupsResult) -> f64) -> Series {
    Series::line(name, results.iter().map(|it| (f64::from(it.nodes), value(it))).collect())
}
