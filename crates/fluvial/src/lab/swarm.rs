//! `fluvial lab swarm`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use session::ChokerPolicy;
use sim::{Fidelity, Group, Outcome, PeerOutcome, SCENARIOS, Scenario, SwarmProgress};
use swarm::PieceOrder;

use crate::args::{SwarmChoker, SwarmFidelity, SwarmLab, SwarmPicker};
use crate::events::Event;
use crate::output::Output;
use crate::state::{check_writable, write_whole};
use crate::units::{count, show_duration};

mod compare;
mod page;
mod replay;

pub(crate) use compare::Row as Compared;

/// How often a script is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The most bytes that a file with a scenario may have.
const FILE_MAX: u64 = 1 << 20;

/// Within how long peers that quit do so, in multiples of the bound.
const CHURN_WITHIN: f64 = 1.0;

/// Runs a scenario and says what came of it.
///
/// # Errors
/// When there is no such scenario, it is none, the report cannot be written, or an invariant of
/// the simulated world broke.
pub(crate) fn run(args: &SwarmLab, output: &Output) -> anyhow::Result<()> {
    let scenario = scenario(args)?;
    for path in args.html.iter().chain(&args.json_file) {
        // Better now than after an hour of work.
        check_writable(path)?;
    }
    if let Some(what) = args.compare {
        return compare::run(args, &scenario, what, output);
    }
    let command = replay::command(args, scenario.seed)?;
    let outcome =
        simulate(&scenario, output).map_err(|failure| anyhow!("{failure}\nreplay: {command}"))?;
    if let Some(path) = &args.html {
        let html = page::render(&scenario, &outcome, &command);
        write_whole(path, html.as_bytes())?;
    }
    if let Some(path) = &args.json_file {
        write_whole(path, page::data(&scenario, &outcome, &command).as_bytes())?;
    }
    output.event(&Event::SwarmResult {
        bound_seconds: outcome.bound.as_secs_f64(),
        last_seconds: outcome.last.as_secs_f64(),
        mean_seconds: outcome.mean.as_secs_f64(),
        completed: outcome.completed,
        trace: format!("{:016x}", outcome.trace),
    });
    tell(&scenario, &outcome, output);
    for path in args.html.iter().chain(&args.json_file) {
        output.good("Wrote", path.display().to_string());
    }
    Ok(())
}

/// The scenario that was named, with what the flags change.
fn scenario(args: &SwarmLab) -> anyhow::Result<Scenario> {
    let mut scenario = match &args.scenario {
        None => Scenario::default(),
        Some(name) => match Scenario::named(name) {
            Some(scenario) => scenario,
            None => read(name)?,
        },
    };
    change(&mut scenario, args);
    scenario.check().context("this swarm cannot be simulated")?;
    Ok(scenario)
}

fn read(name: &str) -> anyhow::Result<Scenario> {
    let names: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    let length = std::fs::metadata(name).with_context(|| {
        format!("no scenario `{name}`: it is neither a file nor one of {}", names.join(", "))
    })?;
    if length.len() > FILE_MAX {
        return Err(anyhow!("`{name}` is too large to be a scenario"));
    }
    let text = std::fs::read_to_string(name)
        .with_context(|| format!("cannot read the scenario `{name}`"))?;
    Scenario::parse(&text).with_context(|| format!("the scenario `{name}`"))
}

fn change(scenario: &mut Scenario, args: &SwarmLab) {
    let each = |groups: &mut [Group], change: &dyn Fn(&mut Group)| {
        groups.iter_mut().for_each(change);
    };
    scenario.size = args.size.unwrap_or(scenario.size);
    scenario.rtt = args.rtt.unwrap_or(scenario.rtt);
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    if let (Some(count), Some(group)) = (args.peers, scenario.peers.first_mut()) {
        group.count = count;
    }
    if let (Some(count), Some(group)) = (args.seeds, scenario.seeds.first_mut()) {
        group.count = count;
    }
    if let Some(rate) = args.seed_up {
        each(&mut scenario.seeds, &|group| group.up = rate.0);
    }
    if let Some(rate) = args.peer_up {
        each(&mut scenario.peers, &|group| group.up = rate.0);
    }
    if let Some(rate) = args.peer_down {
        each(&mut scenario.peers, &|group| group.down = rate.0);
    }
    if let Some(picker) = args.picker {
        scenario.tactics.order = match picker {
            SwarmPicker::RarestFirst => PieceOrder::RarestFirst,
            SwarmPicker::Random => PieceOrder::Random,
            SwarmPicker::Sequential => PieceOrder::Sequential,
        };
    }
    if let Some(choker) = args.choker {
        scenario.choker = match choker {
            SwarmChoker::TitForTat => ChokerPolicy::TitForTat,
            SwarmChoker::SeedStyle => ChokerPolicy::Turns,
            SwarmChoker::AlwaysOpen => ChokerPolicy::Open,
        };
    }
    if let Some(fidelity) = args.fidelity {
        scenario.fidelity = match fidelity {
            SwarmFidelity::Messages => Fidelity::Messages,
            SwarmFidelity::Blocks => Fidelity::Blocks,
        };
    }
    if let Some(share) = args.churn {
        let within = scenario.bound().mul_f64(CHURN_WITHIN);
        each(&mut scenario.peers, &|group| group.quit = Some((share, within)));
    }
    if let Some(share) = args.free_riders {
        divide(scenario, share);
    }
}

/// Has a share of each group give nothing.
fn divide(scenario: &mut Scenario, share: f64) {
    let mut groups = Vec::new();
    for group in scenario.peers.drain(..) {
        let riders = (f64::from(group.count) * share).round() as u32;
        let name = format!("{} free riders", group.name).trim().to_owned();
        let rest = group.count - riders.min(group.count);
        groups.push(Group { count: rest, ..group.clone() });
        groups.push(Group { count: riders, name, free_riders: true, ..group });
    }
    groups.retain(|group| group.count > 0);
    scenario.peers = groups;
}

fn simulate(scenario: &Scenario, output: &Output) -> Result<Outcome, sim::Failure> {
    let bar = output.live_bar();
    let mut told = Instant::now();
    let outcome = scenario.run(|SwarmProgress { bound, at, done }| {
        if told.elapsed() < TELL_EVERY {
            return;
        }
        told = Instant::now();
        let (at, bound) = (at.since(stdx::Instant::ZERO), *bound);
        let text = format!(
            "{:.0} % of what is wanted is there after {}; the bound is {}",
            done * 100.0,
            show_duration(at),
            show_duration(bound)
        );
        bar.set_message(text);
        output.event(&Event::SwarmProgress {
            at: at.as_secs_f64(),
            done: *done,
            bound_seconds: bound.as_secs_f64(),
        });
    });
    bar.finish_and_clear();
    outcome
}

fn tell(scenario: &Scenario, outcome: &Outcome, output: &Output) {
    let all = scenario.leechers();
    let (bound, last) = (show_duration(outcome.bound), show_duration(outcome.last));
    let peers = count(outcome.completed.into(), "peer");
    if outcome.completed == all {
        output.row("Last", format!("{last}, {:.3} × the bound", outcome.over_bound()));
    } else if outcome.completed > 0 {
        output.row("Last", &last);
    }
    output.row("Bound", format!("{bound} (nobody could be faster)"));
    output.row("Mean", show_duration(outcome.mean));
    output.row("Completed", format!("{peers} of {all}"));
    if outcome.dead {
        output.row("Lost", "some piece is nowhere any more");
    }
    if scenario.peers.len() > 1 {
        for (at, group) in scenario.peers.iter().enumerate() {
            let (mean, done) = outcome.mean_of(scenario.seeds.len() + at);
            let name = if group.name.is_empty() { "peers" } else { &group.name };
            let text = format!("{done} of {}, mean {}", group.count, show_duration(mean));
            output.row(name, text);
        }
    }
    troubles(outcome, output);
    output.row(
        "In vain",
        format!("{:.2} % of what was received", outcome.wasted(scenario.size) * 100.0),
    );
    output.row("Trace", format!("{:016x} (seed {})", outcome.trace, scenario.seed));
}

/// What went wrong, where anything was to.
fn troubles(outcome: &Outcome, output: &Output) {
    let sum = |of: fn(&PeerOutcome) -> u32| -> u64 {
        outcome.peers.iter().map(|peer| u64::from(of(peer))).sum()
    };
    let liars = outcome.peers.iter().filter(|peer| peer.liar).count() as u64;
    if liars > 0 {
        let lies = count(sum(|peer| peer.lied), "wrong block");
        let bad = count(sum(|peer| peer.pieces_failed), "bad piece");
        let bans = count(sum(|peer| peer.bans), "ban");
        output.row("Liars", format!("{liars}, who sent {lies}: {bad}, {bans}"));
    }
    let cuts = sum(|peer| peer.power_cuts);
    if cuts > 0 {
        output.row("Power cuts", cuts.to_string());
    }
}
