//! The many job: thousands of torrents that nobody wants, ours beside libtorrent in its seed mode.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hash::Sha1Digest;
use serde_json::{Value, json};

use super::Args;
use super::lab;
use super::process::Process;
use stage::Stage;

mod stage;

/// Beyond so many, what each one more costs is told.
const FIRST: u32 = 1_000;
/// Time between two tries to be answered.
const KNOCK_EVERY: Duration = Duration::from_millis(5);
/// How long an answer may take, from the start.
const ANSWER_MAX: Duration = Duration::from_mins(2);
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
    let target = crate::target(root);
    let fluvial = lab::fluvial(root, args)?;
    let python = lab::python(root, &target)?;
    let rival = root.join("crates/xtask/src/bench/rival.py");
    let folder = args.dir.clone().unwrap_or("/dev/shm".into()).join("fluvial-bench-many");
    let numbers = args.torrents.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>();
    let numbers = numbers.context("write for example --torrents 1000,10000")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for count in numbers {
        let stage = Stage::set(folder.join(count.to_string()), count)?;
        let bench = Bench { fluvial: &fluvial, python: &python, rival: &rival, stage, args };
        bench.verify_once()?;
        let ours_now = bench.run(Program::Fluvial).context("fluvial")?;
        let theirs_now = bench.run(Program::Libtorrent).context("libtorrent")?;
        println!("   {count}: fluvial {ours_now:?}");
        println!("   {count}: libtorrent {theirs_now:?}");
        ours.push(ours_now);
        theirs.push(theirs_now);
    }
    println!("\n{}", table(&ours, &theirs));
    let all = |rows: &[Figures]| rows.iter().map(Figures::json).collect::<Vec<_>>();
    Ok(json!({
        "fluvial": all(&ours), "libtorrent": all(&theirs),
        "fluvial_bytes_each_beyond_the_first": beyond(&ours),
        "libtorrent_bytes_each_beyond_the_first": beyond(&theirs),
    }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Fluvial,
    Libtorrent,
}

struct Bench<'a> {
    fluvial: &'a Path,
    python: &'a Path,
    rival: &'a Path,
    stage: Stage,
    args: &'a Args,
}

impl Bench<'_> {
    /// The first start, which reads all content; those after it trust what was found.
    fn verify_once(&self) -> Result<()> {
        let began = Instant::now();
        let mut first = Process::start("fluvial", &mut self.command(Program::Fluvial, 0))?;
        for _ in 0..self.stage.count {
            first.wait_for("ready")?;
        }
        println!("   {}: verified in {:.1} s", self.stage.count, began.elapsed().as_secs_f64());
        first.interrupt()?;
        first.cost_at_end().map(drop)
    }

    fn run(&self, program: Program) -> Result<Figures> {
        let port = free_port()?;
        let began = Instant::now();
        let answered = knock(began, port, self.stage.last);
        let mut process = Process::start("the seed", &mut self.command(program, port))?;
        let load = match program {
            Program::Fluvial => {
                for _ in 0..self.stage.count {
                    process.wait_for("ready")?;
                }
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
        thread::sleep(Duration::from_secs(self.args.idle));
        let idle = process.cost()?.cpu / self.args.idle as f64;
        Ok(Figures { torrents: self.stage.count, load, answer: answer?, rss: process.rss()?, idle })
    }

    fn command(&self, program: Program, port: u16) -> Command {
        let (torrents, data) = (self.stage.torrents(), self.stage.data());
        let mut command = match program {
            Program::Fluvial => {
                let mut command = Command::new(self.fluvial);
                command.arg("seed").arg("--dir").arg(torrents).arg("--data").arg(data);
                command.args(["--listen", &format!("127.0.0.1:{port}"), "--no-discovery"]);
                command.arg("--state-dir").arg(self.stage.state()).arg("--json");
                command
            }
            Program::Libtorrent => {
                let mut command = Command::new(self.python);
                command.arg(self.rival).arg("many").arg(torrents).arg(data).arg(port.to_string());
                command
            }
        };
        command.stderr(Stdio::inherit());
        command
    }
}

/// Asks for a torrent until that is answered; gives the seconds since `began`.
fn knock(began: Instant, port: u16, torrent: Sha1Digest) -> JoinHandle<Result<f64>> {
    thread::spawn(move || {
        while began.elapsed() < ANSWER_MAX {
            if let Ok(true) = shake_hands(port, torrent) {
                return Ok(began.elapsed().as_secs_f64());
            }
            thread::sleep(KNOCK_EVERY);
        }
        bail!("no handshake was answered in {ANSWER_MAX:?}")
    })
}

/// Whether a handshake for this torrent (BEP 3) is answered by one.
fn shake_hands(port: u16, torrent: Sha1Digest) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let hello = [b"\x13BitTorrent protocol", &[0; 8][..], &torrent.0, b"-XT0000-bench-of-ma-"];
    stream.write_all(&hello.concat())?;
    let mut answer = [0; 68];
    stream.read_exact(&mut answer)?;
    Ok(answer[28..48] == torrent.0)
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    ensure!(port != 0, "no port is free");
    Ok(port)
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
