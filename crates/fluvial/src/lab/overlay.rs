//! `fluvial lab overlay`.

use serde::Serialize;

use sim::{Method, Progress, SearchRow, Shape, Stage, Trial, TrialReport};

use super::watch::Watch;
use crate::args::OverlayLab;
use crate::events::Event;
use crate::output::Output;
use crate::state::{check_writable, write_whole};
use crate::units::{count, show_number, show_size};

mod page;

/// Neighbours that a member should have, at least and at most.
const DEGREES: (usize, usize) = (4, 12);

/// What an overlay came to, in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct OverlayResult {
    nodes: u32,
    seed: u64,
    #[serde(flatten)]
    settled: Looks,
    upkeep_messages: f64,
    upkeep_bytes: f64,
    join_messages: f64,
    broadcast: BroadcastResult,
    searches: Vec<SearchResult>,
    killed: u32,
    survivors: u32,
    torn: Looks,
    reached: Vec<u32>,
    whole_from_period: Option<u32>,
    healed: Option<Looks>,
    period_seconds: f64,
    trace: String,
}

/// The shape of an overlay.
#[derive(Debug, Serialize)]
struct Looks {
    components: u32,
    largest: u32,
    degrees: Vec<u32>,
    degree_in_range: f64,
    mean_degree: f64,
    diameter: u32,
    mean_path: f64,
}

#[derive(Debug, Serialize)]
struct BroadcastResult {
    count: u32,
    complete: u32,
    first_payloads: u64,
    payloads: u64,
    control: u64,
    hops: u16,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct SearchResult {
    method: &'static str,
    copies: u32,
    searches: u32,
    found: u32,
    mean_messages: f64,
    mean_hops: f64,
}

/// Runs the experiment.
///
/// # Errors
/// When the report cannot be written.
pub(crate) fn run(args: &OverlayLab, output: &Output) -> anyhow::Result<()> {
    for path in args.html.iter().chain(&args.json_file) {
        check_writable(path)?;
    }
    let trial = args.trial();
    let mut watch = Watch::new(output);
    let report = trial.run(&mut |progress| show(&mut watch, progress));
    watch.finish();
    let result = OverlayResult::new(args.seed(), &trial, &report);
    let data = serde_json::to_string(&result)?;
    if let Some(path) = &args.json_file {
        write_whole(path, data.as_bytes())?;
    }
    if let Some(path) = &args.html {
        let html = page::page(args, &trial, &report).data(&data).html();
        write_whole(path, html.as_bytes())?;
    }
    output.event(&Event::OverlayResult(&result));
    tell(&trial, &report, output);
    for (name, path) in [("Report", &args.html), ("Numbers", &args.json_file)] {
        if let Some(path) = path {
            output.row(name, path.display().to_string());
        }
    }
    Ok(())
}

/// Shows how far it is.
fn show(watch: &mut Watch<'_>, progress: Progress) {
    let stage = match progress.stage {
        Stage::Joining => ("Joining", "joining"),
        Stage::Broadcasting => ("Telling all", "broadcasting"),
        Stage::Searching => ("Searching", "searching"),
        Stage::Healing => ("Healing", "healing"),
    };
    watch.show(stage, progress.done.into(), progress.total.into());
}

impl OverlayResult {
    fn new(seed: u64, trial: &Trial, report: &TrialReport) -> Self {
        let broadcasts = &report.broadcasts;
        Self {
            nodes: report.nodes,
            seed,
            settled: Looks::new(&report.settled),
            upkeep_messages: report.upkeep_messages,
            upkeep_bytes: report.upkeep_bytes,
            join_messages: report.join_messages,
            broadcast: BroadcastResult {
                count: broadcasts.count,
                complete: broadcasts.complete,
                first_payloads: broadcasts.first_payloads,
                payloads: broadcasts.last_payloads,
                control: broadcasts.last_control,
                hops: broadcasts.hops,
                seconds: broadcasts.seconds,
            },
            searches: report.searches.iter().map(SearchResult::new).collect(),
            killed: report.killed,
            survivors: report.survivors,
            torn: Looks::new(&report.torn),
            reached: report.after.iter().map(|it| it.reached).collect(),
            whole_from_period: report.whole_from(),
            healed: report.after.last().map(|it| Looks::new(&it.shape)),
            period_seconds: trial.crowd.member.period.as_secs_f64(),
            trace: format!("{:016x}", report.trace),
        }
    }
}

impl Looks {
    fn new(shape: &Shape) -> Self {
        Self {
            components: shape.components,
            largest: shape.largest,
            degrees: shape.degrees.clone(),
            degree_in_range: in_range(shape),
            mean_degree: shape.mean_degree(),
            diameter: shape.diameter,
            mean_path: shape.mean_path,
        }
    }
}

impl SearchResult {
    fn new(row: &SearchRow) -> Self {
        Self {
            method: method(row.method),
            copies: row.copies,
            searches: row.searches,
            found: row.found,
            mean_messages: row.mean_messages,
            mean_hops: row.mean_hops,
        }
    }
}

fn in_range(shape: &Shape) -> f64 {
    shape.share_within(DEGREES.0, DEGREES.1)
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Flood => "flood",
        Method::Walk => "walk",
        Method::Ring => "ring",
    }
}

/// What a person reads.
fn tell(trial: &Trial, report: &TrialReport, output: &Output) {
    let period = trial.crowd.member.period.as_secs();
    output.row("Overlay", describe(&report.settled));
    output.row("Joining", format!("{:.0} messages each", report.join_messages));
    let bytes = show_size(report.upkeep_bytes.round() as u64);
    let upkeep = format!("{:.1} messages, {bytes} a member and {period} s", report.upkeep_messages);
    output.row("Upkeep", upkeep);
    let it = &report.broadcasts;
    let payloads = show_number(it.last_payloads);
    let broadcast = format!(
        "{} of {} whole; the last took {payloads} payloads, {} other messages, {:.1} s",
        it.complete,
        it.count,
        show_number(it.last_control),
        it.seconds,
    );
    output.row("Broadcasts", broadcast);
    output.line("");
    output
        .row("Search", format!("{:>8} {:>8} {:>10} {:>8}", "copies", "found", "messages", "hops"));
    for row in &report.searches {
        output.row(&format!("  {}", method(row.method)), search_line(row));
    }
    output.line("");
    let torn = count(u64::from(report.torn.components), "part");
    let killed = show_number(report.killed.into());
    let left = show_number(report.survivors.into());
    output.row("Killed", format!("{killed} at once; the {left} others fall into {torn}"));
    for it in &report.after {
        let share = percent(it.reached, report.survivors);
        let (now, whole) = (show_number(it.reached.into()), it.reached == report.survivors);
        let mark = if whole { ", all" } else { "" };
        output.row(&format!("  period {}", it.period), format!("{share} reached ({now}{mark})"));
        if report.whole_from() == Some(it.period) {
            break;
        }
    }
    match (report.whole_from(), report.after.last()) {
        (Some(_), Some(last)) => output.row("Healed", describe(&last.shape)),
        (None, Some(last)) => output.row("Not healed", describe(&last.shape)),
        _ => {}
    }
    output.row("Trace", format!("{:016x}", report.trace));
}

fn search_line(row: &SearchRow) -> String {
    let copies = match row.method {
        Method::Ring => "–".to_owned(),
        _ => show_number(row.copies.into()),
    };
    let found = percent(row.found, row.searches);
    let messages = show_number(row.mean_messages.round() as u64);
    format!("{copies:>8} {found:>8} {messages:>10} {:>8.1}", row.mean_hops)
}

fn describe(shape: &Shape) -> String {
    let degree = |it: &u32| *it > 0;
    let low = shape.degrees.iter().position(degree).unwrap_or(0);
    let high = shape.degrees.iter().rposition(degree).unwrap_or(0);
    format!(
        "{}, {}, {low} to {high} neighbours ({:.1} on average), diameter {}, mean way {:.1}",
        count(shape.nodes.into(), "member"),
        count(shape.components.into(), "part"),
        shape.mean_degree(),
        shape.diameter,
        shape.mean_path,
    )
}

/// `99.98 %`, and `100 %` only for all of them.
fn percent(part: u32, whole: u32) -> String {
    if part == whole {
        return "100 %".to_owned();
    }
    let share = f64::from(part) / f64::from(whole.max(1)) * 100.0;
    format!("{:.2} %", (share * 100.0).floor() / 100.0)
}
