//! The many job: thousands of torrents that nobody wants, ours beside libtorrent in its seed mode.

use std::net::TcpStream;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hash::Sha1Digest;
use serde_json::{Value, json};

use super::Args;
use super::seeds::{ANSWER_MAX, Program, Programs, Seeds, free_port, loopback, shake_hands};

/// Beyond so many, what each one more costs is told.
const FIRST: u32 = 1_000;
/// Time between two tries to be answered.
const KNOCK_EVERY: Duration = Duration::from_millis(5);
/// Time from when all are loaded until what it costs to do nothing is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// What one program needs for so many torrents.
#[derive(Clone, Copy, Debug)]
struct Figures {
    torrents: u32,
    /// Seconds from the start of the process (of libtorrent: of loading) until all are there.
    load: f64,
    /// Seconds from the start of the process until a handshake for the last torrent is answered.
    answer: f64,
    /// Resident bytes at rest.
    rss: u64,
    /// Processor time at rest, in parts of one core.
    idle: f64,
}

impl Figures {
    fn json(&self) -> Value {
        json!({
            "torrents": self.torrents, "load_seconds": self.load, "answer_seconds": self.answer,
            "rss": self.rss, "idle_cpu": self.idle,
        })
    }
}

/// Measures both with each number of torrents, and prints the table; returns what it says.
pub(super) fn measure(root: &Path, args: &Args) -> Result<Value> {
    let programs = Programs::find(root, args)?;
    let numbers = args.torrents.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>();
    let numbers = numbers.context("write for example --torrents 1000,10000")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for count in numbers {
        let seeds = programs.stage(count)?;
        ours.push(run(&seeds, Program::Fluvial, args.idle)?);
        theirs.push(run(&seeds, Program::Libtorrent, args.idle)?);
    }
    println!("\n{}", table(&ours, &theirs));
    let all = |rows: &[Figures]| rows.iter().map(Figures::json).collect::<Vec<_>>();
    Ok(json!({
        "fluvial": all(&ours), "libtorrent": all(&theirs),
        "fluvial_bytes_each_beyond_the_first": beyond(&ours),
        "libtorrent_bytes_each_beyond_the_first": beyond(&theirs),
    }))
}

fn run(seeds: &Seeds<'_>, program: Program, idle_seconds: u64) -> Result<Figures> {
    let port = free_port()?;
    let began = Instant::now();
    let answered = knock(began, port, seeds.last());
    let mut process = seeds.start(program, port)?;
    let load = match program {
        Program::Fluvial => {
            seeds.wait_for_all(&mut process)?;
            began.elapsed().as_secs_f64()
        }
        Program::Libtorrent => {
            let ready = process.wait_for("ready")?;
            ready["seconds"].as_f64().context("it tells how long it took")?
        }
    };
    let Ok(answer) = answered.join() else { bail!("the one who knocks failed") };
    // Whoever was woken by that may fall asleep again.
    thread::sleep(SETTLE);
    process.forget_cpu()?;
    thread::sleep(Duration::from_secs(idle_seconds));
    let idle = process.cost()?.cpu / idle_seconds as f64;
    let figures =
        Figures { torrents: seeds.count(), load, answer: answer?, rss: process.rss()?, idle };
    println!("   {}: {} {figures:?}", seeds.count(), program.name());
    Ok(figures)
}

/// Asks for a torrent until that is answered; gives the seconds since `began`.
fn knock(began: Instant, port: u16, torrent: Sha1Digest) -> JoinHandle<Result<f64>> {
    thread::spawn(move || {
        while began.elapsed() < ANSWER_MAX {
            let connected = TcpStream::connect(loopback(port));
            if let Ok(true) = connected.and_then(|mut stream| shake_hands(&mut stream, torrent, 0))
            {
                return Ok(began.elapsed().as_secs_f64());
            }
            thread::sleep(KNOCK_EVERY);
        }
        bail!("no handshake was answered in {ANSWER_MAX:?}")
    })
}

/// Resident bytes that each torrent beyond the first thousand costs.
fn beyond(rows: &[Figures]) -> Option<u64> {
    let first = rows.iter().find(|row| row.torrents == FIRST)?;
    let most = rows.iter().max_by_key(|row| row.torrents).filter(|row| row.torrents > FIRST)?;
    Some(most.rss.saturating_sub(first.rss) / u64::from(most.torrents - FIRST))
}

fn table(ours: &[Figures], theirs: &[Figures]) -> String {
    let mut lines = vec![
        "| torrents | program    | loaded s | answers after s | RSS MiB | idle CPU |".to_owned(),
        "|---------:|------------|---------:|----------------:|--------:|---------:|".to_owned(),
    ];
    for (ours, theirs) in ours.iter().zip(theirs) {
        for (name, row) in [("fluvial", ours), ("libtorrent", theirs)] {
            let Figures { torrents, load, answer, rss, idle } = row;
            let (rss, idle) = (*rss as f64 / f64::from(1 << 20), idle * 100.0);
            lines.push(format!(
                "| {torrents:>8} | {name:<10} | {load:>8.2} | {answer:>15.2} | {rss:>7.1} | \
                 {idle:>6.2} % |"
            ));
        }
        let (load, rss) = (ours.load / theirs.load, ours.rss as f64 / theirs.rss as f64);
        let (torrents, empty) = (ours.torrents, "");
        lines.push(format!(
            "| {torrents:>8} | {:<10} | {load:>8.2} | {empty:>15} | {rss:>7.2} | {empty:>8} |",
            "ratio"
        ));
    }
    for (name, rows) in [("fluvial", ours), ("libtorrent", theirs)] {
        let each =
            beyond(rows).map(|bytes| format!("{name}: {bytes} bytes for each beyond {FIRST}"));
        lines.extend(each);
    }
    lines.join("\n")
}
