//! How near a swarm of one program comes to the bound: real processes, each behind an uplink of its
//! own, all beginning together. `cargo xtask bench swarm` runs it.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};
use interop::{TrackerNode, Transmission, Wire, run_program};
use plan::{Class, Plan};

/// How often everybody is asked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many times the bound a swarm may take, and how many seconds at least.
const PATIENCE: (f64, f64) = (8.0, 60.0);

/// One seed and some peers, all beginning together.
#[derive(Debug, Parser)]
struct Args {
    /// Sizes of the swarm, without the seed
    #[arg(long, value_delimiter = ',', default_value = "4,8,16")]
    peers: Vec<u64>,
    /// Each peer's uplink in Mbit/s
    #[arg(long, default_value_t = 10)]
    up: u64,
    /// The seed's uplink in Mbit/s
    #[arg(long, default_value_t = 100)]
    seed_up: u64,
    /// Round trip between any two of them, in ms
    #[arg(long, default_value_t = 0)]
    rtt: u64,
    /// MiB to move
    #[arg(long, default_value_t = 64)]
    mib: u64,
    #[arg(long, default_value_t = 2)]
    runs: u32,
    /// The programs
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    clients: Vec<Kind>,
    /// Write what was measured here, too
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Fluvial,
    Libtorrent,
    Aria2,
    Transmission,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Fluvial, Self::Libtorrent, Self::Aria2, Self::Transmission];

    fn program(self) -> Option<Program> {
        match self {
            Self::Fluvial => None,
            Self::Libtorrent => Some(Program::Libtorrent),
            Self::Aria2 => Some(Program::Aria2),
            Self::Transmission => Some(Program::Transmission),
        }
    }

    fn start(self, lab: &mut Lab) -> Result<Box<dyn Client>> {
        Ok(match self {
            Self::Fluvial => Box::new(Fluvial::start(lab, &["--seed", "forever"])?),
            Self::Libtorrent => Box::new(Libtorrent::start(lab)?),
            Self::Aria2 => Box::new(Aria2::start(lab)?),
            Self::Transmission => Box::new(Transmission::start(lab)?),
        })
    }

    fn start_seed(self, lab: &mut Lab) -> Result<Box<dyn Client>> {
        match self {
            Self::Fluvial => Ok(Box::new(Fluvial::start(lab, &[])?)),
            other => other.start(lab),
        }
    }
}

/// What came of a swarm.
struct Outcome {
    /// When each peer was done.
    seconds: Vec<Option<f64>>,
    /// How busy the machine was.
    busy: f64,
    /// What went over all uplinks, headers and acknowledgements included, in multiples of what
    /// all peers together want.
    wire: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let programs: Vec<Program> = args.clients.iter().filter_map(|kind| kind.program()).collect();
    run_program(&programs, |lab| measure(lab, &args))
}

fn measure(lab: &mut Lab, args: &Args) -> Result<()> {
    let mut rows = Vec::new();
    println!(
        "{:>6} {:>3}  {:<14}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7}",
        "peers", "run", "", "bound", "mean", "last", "ratio", "wire", "busy"
    );
    for &peers in &args.peers {
        let bound = bound(args, peers)?;
        for run in 1..=args.runs {
            for &kind in &args.clients {
                let outcome = swarm(lab, args, kind, (peers, run, bound))?;
                rows.push(row(kind, (peers, run, bound), &outcome));
            }
        }
    }
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", Value::Array(rows));
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The least time for the payload alone.
fn bound(args: &Args, peers: u64) -> Result<f64> {
    let rate = |mbit: u64| Some(mbit * 1_000_000 / 8);
    let class = Class { count: peers, up: rate(args.up), down: None };
    Ok(Plan::new(args.mib << 20, rate(args.seed_up), [class])?.peer_to_peer().seconds())
}

fn swarm(
    lab: &mut Lab,
    args: &Args,
    kind: Kind,
    (peers, run, bound): (u64, u32, f64),
) -> Result<Outcome> {
    let tracker = TrackerNode::start(lab)?;
    if args.rtt > 0 {
        // There and back, each time over two links.
        lab.set_wire(Wire { delay: Duration::from_micros(args.rtt * 250), loss: 0.0 })?;
    }
    let name = format!("{kind:?} {peers} {run}");
    let what = (Shape::File, Format::V1);
    let content =
        Content::publish_as(lab, &name, what, args.mib << 20, &tracker.url("http", false))?;
    let mut seed = kind.start_seed(lab)?;
    seed.node().limit_uplink(args.seed_up * 1_000_000)?;
    let mut getters = (0..peers).map(|_| kind.start(lab)).collect::<Result<Vec<_>>>()?;
    for getter in &getters {
        getter.node().limit_uplink(args.up * 1_000_000)?;
    }
    seed.seed(&content)?;
    tracker.wait_for_seeds(&content, 1)?;
    let patience = PATIENCE.1.max(bound * PATIENCE.0);
    let (started, busy) = (Instant::now(), Busy::now()?);
    for getter in &mut getters {
        getter.get(&content, Source::Torrent)?;
    }
    let mut seconds: Vec<Option<f64>> = vec![None; getters.len()];
    while seconds.iter().any(Option::is_none) && started.elapsed().as_secs_f64() < patience {
        for (getter, seconds) in getters.iter_mut().zip(&mut seconds) {
            if seconds.is_none() && getter.is_complete(&content)? {
                *seconds = Some(started.elapsed().as_secs_f64());
            }
        }
        thread::sleep(LOOK_EVERY);
    }
    let busy = Busy::now()?.since(&busy);
    let mut sent = seed.node().uplink_sent()?;
    for getter in &getters {
        sent += getter.node().uplink_sent()?;
    }
    let wire = sent as f64 / (peers * (args.mib << 20)) as f64;
    for (getter, _) in getters.iter_mut().zip(&seconds).filter(|(_, seconds)| seconds.is_some()) {
        getter.wait_complete(&content)?;
        fs::remove_file(getter.path_of(&content))?;
    }
    Ok(Outcome { seconds, busy, wire })
}

fn row(kind: Kind, (peers, run, bound): (u64, u32, f64), outcome: &Outcome) -> Value {
    let done: Vec<f64> = outcome.seconds.iter().filter_map(|it| *it).collect();
    let mean = done.iter().sum::<f64>() / done.len().max(1) as f64;
    let all = done.len() == outcome.seconds.len();
    let last = all.then(|| done.iter().copied().fold(0.0, f64::max));
    let ratio = last.map(|last| last / bound);
    let show = |number: Option<f64>| number.map_or("never".to_owned(), |it| format!("{it:.2}"));
    let name = format!("{kind:?}");
    let (times, busy) = (format!("{bound:>8.2}{mean:>8.2}"), outcome.busy * 100.0);
    let ratios = format!("{:>8}{:>8.3}", show(ratio), outcome.wire);
    let measured = format!("{:>8}{ratios}{busy:>6.0}%", show(last));
    println!("{peers:>6} {run:>3}  {name:<14}{times}{measured}");
    json!({
        "client": name, "peers": peers, "run": run, "bound_seconds": bound, "mean_seconds": mean,
        "last_seconds": last, "ratio": ratio, "wire": outcome.wire, "busy": outcome.busy,
        "seconds": outcome.seconds,
    })
}

/// What all processors did since the machine started, in ticks.
struct Busy {
    idle: f64,
    all: f64,
}

impl Busy {
    fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("a line for all processors")?;
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).filter_map(|it| it.parse().ok()).collect();
        // Idle, and waiting for the disk.
        Ok(Self { idle: ticks.iter().skip(3).take(2).sum(), all: ticks.iter().take(8).sum() })
    }

    /// The share of the time in which they were busy.
    fn since(&self, before: &Self) -> f64 {
        1.0 - (self.idle - before.idle) / (self.all - before.all).max(1.0)
    }
}
