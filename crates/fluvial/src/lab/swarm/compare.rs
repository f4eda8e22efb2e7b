//! `fluvial lab swarm --compare`: one scenario in several ways, on the same seeds.

use anyhow::anyhow;
use serde::Serialize;

use session::ChokerPolicy;
use sim::{Outcome, Scenario};
use stdx::Duration;
use swarm::PieceOrder;

use super::replay;
use crate::args::{SwarmCompare, SwarmLab};
use crate::events::Event;
use crate::output::Output;
use crate::state::write_whole;
use crate::units::{count, show_duration};

mod page;

/// Sizes that are tried of a swarm, as far as there are so many.
const SIZES: [u32; 13] = [1, 2, 5, 10, 20, 35, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/// One way to do it.
struct Way {
    name: String,
    scenario: Scenario,
}

/// What came of one way over all seeds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    peers: u32,
    runs: u32,
    /// Runs in which every piece was somewhere to the end.
    survived: u32,
    /// Peers that got everything, as a share of all.
    completed: f64,
    /// The mean time of all that got everything.
    mean_seconds: Option<f64>,
    /// Means over the runs; the last peer's only when all peers of all runs got everything.
    last_seconds: Option<f64>,
    bound_seconds: f64,
    /// How long the seeds would take if peers gave nothing.
    alone_seconds: f64,
    /// Bytes that all together received per second.
    throughput: f64,
    /// What all uplinks carry, in bytes per second.
    capacity: Option<u128>,
    traces: Vec<String>,
    /// The share of the peers that was done, by seconds, in the first run.
    #[serde(skip)]
    curve: Vec<(f64, f64)>,
}

/// Runs the scenario in each way over as many seeds as asked for, and says how they compare.
///
/// # Errors
/// When a report cannot be written, or an invariant of a simulated world broke.
pub(super) fn run(
    args: &SwarmLab,
    scenario: &Scenario,
    what: SwarmCompare,
    output: &Output,
) -> anyhow::Result<()> {
    let command = replay::command(args, scenario.seed)?;
    let mut rows = Vec::new();
    for way in ways(scenario, what) {
        let mut outcomes = Vec::new();
        for seed in (scenario.seed..).take(args.runs as usize) {
            let scenario = Scenario { seed, ..way.scenario.clone() };
            let outcome = super::simulate(&scenario, output).map_err(|failure| {
                anyhow!("{}, seed {seed}: {failure}\nreplay: {command}", way.name)
            })?;
            outcomes.push(outcome);
        }
        rows.push(Row::of(&way, &outcomes));
        if let Some(row) = rows.last() {
            tell(row, output);
        }
    }
    if let Some(path) = &args.html {
        let html = page::render(scenario, what, &rows, &command);
        write_whole(path, html.as_bytes())?;
    }
    if let Some(path) = &args.json_file {
        write_whole(path, page::data(&rows, &command).as_bytes())?;
    }
    output.event(&Event::SwarmComparison { ways: &rows });
    for path in args.html.iter().chain(&args.json_file) {
        output.good("Wrote", path.display().to_string());
    }
    Ok(())
}

/// The scenario in each way.
fn ways(scenario: &Scenario, what: SwarmCompare) -> Vec<Way> {
    let way = |name: &str, change: &dyn Fn(&mut Scenario)| {
        let mut scenario = scenario.clone();
        change(&mut scenario);
        Way { name: name.to_owned(), scenario }
    };
    match what {
        SwarmCompare::Picker => [
            ("rarest-first", PieceOrder::RarestFirst),
            ("random", PieceOrder::Random),
            ("sequential", PieceOrder::Sequential),
        ]
        .map(|(name, order)| way(name, &|it| it.tactics.order = order))
        .into(),
        SwarmCompare::Choker => [
            ("tit-for-tat", ChokerPolicy::TitForTat),
            ("seed-style", ChokerPolicy::Turns),
            ("always-open", ChokerPolicy::Open),
        ]
        .map(|(name, choker)| way(name, &|it| it.choker = choker))
        .into(),
        SwarmCompare::Leaving => {
            [("at once", Some(Duration::ZERO)), ("after 30 s", Some(Duration::from_secs(30)))]
                .into_iter()
                .chain([("never", None)])
                .map(|(name, stay)| {
                    way(name, &|it| it.peers.iter_mut().for_each(|group| group.stay = stay))
                })
                .collect()
        }
        SwarmCompare::Peers => {
            let most = scenario.peers.first().map_or(1, |group| group.count);
            let below = SIZES.into_iter().filter(|&size| size < most);
            below
                .chain([most])
                .map(|size| way(&count(size.into(), "peer"), &|it| it.peers[0].count = size))
                .collect()
        }
    }
}

impl Row {
    fn of(way: &Way, outcomes: &[Outcome]) -> Self {
        let mean = |of: &dyn Fn(&Outcome) -> f64| {
            outcomes.iter().map(of).sum::<f64>() / outcomes.len().max(1) as f64
        };
        let completed: f64 = outcomes.iter().map(|it| f64::from(it.completed)).sum();
        let times = outcomes.iter().map(|it| it.mean.as_secs_f64() * f64::from(it.completed));
        let (scenario, peers) = (&way.scenario, way.scenario.leechers());
        let plan = scenario.plan();
        let whole = outcomes.iter().all(|it| it.completed == peers);
        let all = f64::from(peers.max(1));
        let first = outcomes.first().map(|it| &it.history.samples[..]).unwrap_or_default();
        let point = |it: &sim::Sample| (it.at.as_secs_f64(), f64::from(it.completed) / all);
        Self {
            name: way.name.clone(),
            peers,
            runs: outcomes.len() as u32,
            survived: outcomes.iter().filter(|it| !it.dead).count() as u32,
            completed: mean(&|it| f64::from(it.completed) / all),
            mean_seconds: (completed > 0.0).then(|| times.sum::<f64>() / completed),
            last_seconds: whole.then(|| mean(&|it| it.last.as_secs_f64())),
            bound_seconds: mean(&|it| it.bound.as_secs_f64()),
            alone_seconds: plan.map_or(0.0, |it| it.client_server().seconds()),
            throughput: mean(&|it| it.throughput(scenario.size)),
            capacity: plan.and_then(|it| Some(u128::from(it.server_up()?) + it.peers_up()?)),
            traces: outcomes.iter().map(|it| format!("{:016x}", it.trace)).collect(),
            curve: first.iter().map(point).collect(),
        }
    }

    /// The last completion in multiples of the bound; `None` when not everybody completed.
    fn over_bound(&self) -> Option<f64> {
        Some(self.last_seconds? / self.bound_seconds.max(1e-9))
    }
}

fn tell(row: &Row, output: &Output) {
    let time = |seconds: f64| show_duration(Duration::from_secs_f64(seconds));
    let lives = format!("survived {} of {}", row.survived, count(row.runs.into(), "run"));
    let mean = row.mean_seconds.map(|mean| format!("mean {}", time(mean)));
    let done = match row.last_seconds.zip(row.over_bound()) {
        Some((last, over)) => format!("last {}, {over:.3} × the bound", time(last)),
        None => format!("{:.1} % of the peers completed", row.completed * 100.0),
    };
    let parts: Vec<String> = [Some(lives), mean, Some(done)].into_iter().flatten().collect();
    output.row(&row.name, parts.join(", "));
}
