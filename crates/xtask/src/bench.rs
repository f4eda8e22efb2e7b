//! `cargo xtask bench`: our binary and libtorrent, or our tracker and others, side by side, on the
//! same work, in one run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use jobs::{Client, Sample, Transport, Way};
use lab::Lab;
use report::{Row, Table};

mod connections;
mod jobs;
mod lab;
mod many;
mod process;
mod report;
mod seeds;
mod statistics;
mod swarm;
mod tracker;

/// What to measure, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure
    #[arg(value_enum, default_values_t = [Job::Create, Job::Pair])]
    jobs: Vec<Job>,
    /// Sizes of the swarms, without the seed
    #[arg(long, value_name = "N,…", default_value = "4,8,16")]
    peers: String,
    /// Round trip between any two peers of a swarm, in ms
    #[arg(long, value_name = "MS", default_value_t = 0)]
    rtt: u64,
    /// How much to make a torrent of and to move
    #[arg(long, default_value = "2GiB", value_parser = parse_size)]
    size: u64,
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = parse_size)]
    piece_length: u64,
    /// Peers at a tracker, ten on a torrent
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(10..))]
    crowd: u64,
    /// The aquatic_udp to compare with [default: the one in PATH]
    #[arg(long, value_name = "FILE")]
    aquatic: Option<PathBuf>,
    /// Numbers of torrents that nobody wants
    #[arg(long, value_name = "N,…", default_value = "1000,10000")]
    torrents: String,
    /// Seconds over which their rest is looked at
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,
    /// How often, each time in another order
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[arg(long, value_enum, default_value = "v1")]
    format: Format,
    /// How many fetch at once in a fan-out
    #[arg(long, value_name = "N", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    leechers: u32,
    /// Divide the content into so many files
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    files: u32,
    /// Have creating and verifying begin with nothing of the content in memory; give a --dir
    /// on a disk
    #[arg(long)]
    cold: bool,
    /// Peers that are connected and ask for nothing
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..))]
    connections: u32,
    /// Have what is moved disguised (MSE with RC4)
    #[arg(long)]
    encrypted: bool,
    /// Work in this folder [default: /dev/shm, or target where there is too little memory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Write what was measured here, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this build of fluvial instead of making one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Job {
    /// Make a torrent
    Create,
    /// Compare content with its torrent
    Verify,
    /// One seeder, one leecher, loopback
    Pair,
    /// The same over uTP alone
    Utp,
    /// One seeder, several leechers, loopback
    FanOut,
    /// One seed, many peers, each behind an uplink of its own: time ÷ bound
    Swarm,
    /// Announces to trackers by UDP
    Tracker,
    /// The same by HTTP, over connections that are kept
    TrackerHttp,
    /// The same by UDP while half of the peers are dropped
    TrackerCleaning,
    /// Thousands of torrents that nobody wants: loading them, memory, processor time
    Many,
    /// Peers that are connected to a seeder and ask for nothing: memory of each
    Connections,
}

impl Job {
    /// The tracker job that it is.
    fn tracker(self) -> Option<tracker::Job> {
        match self {
            Self::Tracker => Some(tracker::Job::Udp),
            Self::TrackerHttp => Some(tracker::Job::Http),
            Self::TrackerCleaning => Some(tracker::Job::Cleaning),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    V1,
    V2,
    Hybrid,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        }
    }
}

/// A row of a table: how it is called, and what measures it once.
type Contender = (String, Box<dyn Fn(&Lab) -> Result<Sample>>);

/// Measures, prints the tables, writes the JSON.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let (trackers, others): (Vec<Job>, Vec<Job>) =
        args.jobs.iter().partition(|job| job.tracker().is_some());
    let trackers: Vec<tracker::Job> = trackers.into_iter().filter_map(Job::tracker).collect();
    if !trackers.is_empty() {
        measure_trackers(root, args, &trackers)?;
    }
    if others.contains(&Job::Many) {
        measure_crowd(root, args, "many", many::measure)?;
    }
    if others.contains(&Job::Connections) {
        measure_crowd(root, args, "connections", connections::measure)?;
    }
    let crowds = [Job::Many, Job::Connections];
    let others: Vec<Job> = others.into_iter().filter(|job| !crowds.contains(job)).collect();
    if others.is_empty() {
        return Ok(());
    }
    let lab = Lab::set_up(root, args)?;
    jobs::describe(&lab)?;
    let rival = jobs::introduce(&lab)?;
    let load = load_before();
    if others.contains(&Job::Swarm) {
        swarm::measure(root, &lab, args)?;
    }
    let mut tables = Vec::new();
    for &job in others.iter().filter(|&&job| job != Job::Swarm) {
        tables.push(measure(&lab, job, args)?);
    }
    for table in &tables {
        println!("\n{}", table.show());
    }
    let measured = json!({
        "runs": args.runs,
        "piece_length": lab.piece_length,
        "format": lab.format,
        "files": args.files,
        "cold": args.cold,
        "folder": lab.folder(),
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "load_before": load,
        "libtorrent": rival,
        "tables": tables.iter().map(Table::json).collect::<Vec<_>>(),
    });
    write(args, "json", &measured)
}

/// The load average, which is told before anything is measured.
fn load_before() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("== load average before: {}", load.trim());
    load.trim().to_owned()
}

/// Writes what was measured where `--json` says, with another extension.
fn write(args: &Args, extension: &str, measured: &Value) -> Result<()> {
    let Some(path) = &args.json else {
        return Ok(());
    };
    let path = path.with_extension(extension);
    fs::write(&path, format!("{measured:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Measures what has a stage of its own.
fn measure_crowd(
    root: &Path,
    args: &Args,
    name: &str,
    measure: fn(&Path, &Args) -> Result<Value>,
) -> Result<()> {
    let load = load_before();
    let measured = measure(root, args)?;
    write(args, &format!("{name}.json"), &json!({"load_before": load, name: measured}))
}

/// Measures trackers, which need nothing of the lab.
fn measure_trackers(root: &Path, args: &Args, jobs: &[tracker::Job]) -> Result<()> {
    let load = load_before();
    let measure = |job: &tracker::Job| tracker::measure(root, args, *job);
    let tables = jobs.iter().map(measure).collect::<Result<Vec<_>>>()?;
    let measured = json!({"runs": args.runs, "load_before": load, "tables": tables});
    write(args, "tracker.json", &measured)
}

/// Who takes part; the rival on its own comes last.
fn contenders(job: Job, args: &Args) -> Vec<Contender> {
    use Client::{Fluvial, Libtorrent, Mktorrent, Rqbit};
    let way = |transport| Way { transport, encrypted: args.encrypted };
    let mixed = [(Fluvial, Libtorrent), (Libtorrent, Fluvial)];
    let (ours, theirs) = ((Fluvial, Fluvial), (Libtorrent, Libtorrent));
    // What cannot be done better: to read what is on a disk, or to hash what is in memory.
    let yardstick = if args.cold { Client::Read } else { Client::Hash };
    let yardstick = (args.files == 1).then_some(yardstick);
    let v1 = matches!(args.format, Format::V1);
    // It keeps every file open, and stops where a process may not have so many.
    let fits_rqbit = v1 && args.files == 1 && matches!(job, Job::Create | Job::Verify);
    let rqbit = (fits_rqbit && lab::runs("rqbit")).then_some(Rqbit);
    if fits_rqbit && rqbit.is_none() {
        println!("== no rqbit; cargo install rqbit --no-default-features --features rust-tls");
    }
    match job {
        Job::Create => {
            let clients = [Some(Fluvial), v1.then_some(Mktorrent), rqbit, yardstick];
            alone(clients.into_iter().flatten().chain([Libtorrent]), jobs::create)
        }
        Job::Verify => {
            let clients = [Some(Fluvial), rqbit, yardstick];
            alone(clients.into_iter().flatten().chain([Libtorrent]), jobs::verify)
        }
        Job::Pair => fetches(&[ours, mixed[0], mixed[1], theirs], 1, way(Transport::Tcp)),
        Job::Utp => fetches(&[ours, mixed[0], mixed[1], theirs], 1, way(Transport::Utp)),
        Job::FanOut => fetches(&[ours, theirs], args.leechers, way(Transport::Tcp)),
        // They have tables of their own.
        Job::Swarm
        | Job::Many
        | Job::Connections
        | Job::Tracker
        | Job::TrackerHttp
        | Job::TrackerCleaning => Vec::new(),
    }
}

/// Each of these by itself.
fn alone(
    clients: impl IntoIterator<Item = Client>,
    job: fn(&Lab, Client) -> Result<Sample>,
) -> Vec<Contender> {
    let contender = |client: Client| -> Contender {
        (client.name().to_owned(), Box::new(move |lab: &Lab| job(lab, client)))
    };
    clients.into_iter().map(contender).collect()
}

/// Each of these as seeder and as leechers.
fn fetches(pairs: &[(Client, Client)], leechers: u32, way: Way) -> Vec<Contender> {
    let contender = |&(seeder, leecher): &(Client, Client)| -> Contender {
        let measure = move |lab: &Lab| jobs::fetch(lab, (seeder, leecher), leechers, way);
        let many = if leechers > 1 { format!("{leechers} × ") } else { String::new() };
        (format!("{} → {many}{}", seeder.name(), leecher.name()), Box::new(measure))
    };
    pairs.iter().map(contender).collect()
}

/// Runs the contenders in turn, run by run, so that what slows the machine down slows all.
fn measure(lab: &Lab, job: Job, args: &Args) -> Result<Table> {
    let (contenders, runs) = (contenders(job, args), args.runs);
    let mut samples = vec![Vec::new(); contenders.len()];
    for run in 0..runs as usize {
        for turn in 0..contenders.len() {
            let at = (run + turn) % contenders.len();
            let (name, measure) = &contenders[at];
            let sample = measure(lab).with_context(|| format!("{job:?}, {name}"))?;
            println!("   {job:?} {}/{runs}: {name}: {:.2} s", run + 1, sample.seconds);
            samples[at].push(sample);
        }
    }
    let rows = contenders.into_iter().zip(samples);
    Ok(Table {
        title: format!("{job:?}, {}, {runs} runs", circumstances(lab, job, args)),
        bytes: lab.size * if job == Job::FanOut { u64::from(args.leechers) } else { 1 },
        rows: rows.map(|((name, _), samples)| Row { name, samples }).collect(),
    })
}

/// What is moved or hashed, and what makes it hard.
fn circumstances(lab: &Lab, job: Job, args: &Args) -> String {
    let (mib, piece) = (lab.size >> 20, lab.piece_length >> 10);
    let is_local = matches!(job, Job::Create | Job::Verify);
    let files = if args.files > 1 { format!(", {} files", args.files) } else { String::new() };
    let cold = if args.cold && is_local { ", cold" } else { "" };
    let disguised = if args.encrypted && !is_local { ", MSE" } else { "" };
    format!("{mib} MiB, {} in {piece} KiB{files}{cold}{disguised}", lab.format)
}

/// Reads a size such as `2GiB` or `65536`.
fn parse_size(text: &str) -> Result<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let shift = match &text[end..] {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        unit => anyhow::bail!("unknown unit `{unit}`; write KiB, MiB or GiB"),
    };
    let number: u64 = text[..end].parse().context("write for example 2GiB")?;
    let size = number.checked_mul(1 << shift).context("it is too large")?;
    ensure!(size > 0, "it must be positive");
    Ok(size)
}

#[cfg(test)]
mod tests;
