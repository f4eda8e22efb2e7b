//! The tracker jobs: our tracker and others under the crowd of `fluvial lab load`, a core each.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Args;
use super::lab;
use figures::Figures;
use load::Crowd;

mod figures;

/// Where the trackers listen, one after the other.
const PORT: u16 = 16_969;
/// The cores of tracker and crowd.
const CORES: [&str; 2] = ["1", "0"];
/// Time that a tracker has to listen.
const WARM_UP: Duration = Duration::from_millis(800);
/// Part of its limit that a tracker is put under for its times.
const PART: f64 = 0.7;
/// Its priority for its times, ahead of all that is not of this kind (`SCHED_FIFO`, sched(7)).
const PRIORITY: &str = "10";
/// Seconds of one measurement.
const SECONDS: u64 = 4;
/// Until the silent half of a crowd has been dropped: aged for 30 s, swept within a minute.
const CLEANING_SECONDS: u64 = 95;

/// How the crowd comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Datagrams, connects in their share; and announces alone.
    Udp,
    /// Connections that are kept as long as the tracker keeps them.
    Http,
    /// Datagrams, while half of the crowd is dropped for its silence.
    Cleaning,
}

/// A tracker program with its settings.
struct Contender {
    name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    /// Whether it knows what it is asked for; else its answers are wrong.
    knows_peers: bool,
}

impl Contender {
    fn tracker(name: &'static str, program: impl Into<PathBuf>, args: Vec<String>) -> Self {
        Self { name, program: program.into(), args, knows_peers: true }
    }
}

/// What a job needs.
struct Bench<'a> {
    fluvial: PathBuf,
    /// Answers, and nothing else.
    answering: PathBuf,
    folder: PathBuf,
    args: &'a Args,
}

/// Measures the contenders in turn, run by run, and prints the table; returns what it says.
pub(super) fn measure(root: &Path, args: &Args, job: Job) -> Result<Value> {
    let folder = crate::target(root).join("tracker-bench");
    fs::create_dir_all(&folder)?;
    let fluvial = lab::fluvial(root, args)?;
    let answering = lab::example(root, "served", "answering")?;
    let bench = Bench { fluvial, answering, folder, args };
    let contenders = bench.contenders(job)?;
    ensure!(thread::available_parallelism()?.get() > 1, "tracker and crowd need a core each");
    let mut figures: Vec<Figures> = contenders.iter().map(|it| Figures::new(it.name)).collect();
    for run in 0..args.runs as usize {
        for turn in 0..contenders.len() {
            let at = (run + turn) % contenders.len();
            let name = contenders[at].name;
            let measured = bench.run(&contenders[at], job).with_context(|| name.to_owned())?;
            println!("   {job:?} {}/{}: {name}: {}", run + 1, args.runs, figures::line(&measured));
            figures[at].add(measured);
        }
    }
    let title = format!("{job:?}, {} peers, {} torrents", args.crowd, args.crowd / 10);
    println!("\n{}", figures::table(&title, &figures));
    let settings = contenders.iter().map(|it| json!({"name": it.name, "args": it.args}));
    let rows: Vec<Value> = figures.iter().map(Figures::json).collect();
    Ok(json!({"job": title, "contenders": settings.collect::<Vec<_>>(), "rows": rows}))
}

impl Bench<'_> {
    /// Who is here, ours first. Rivals that are not installed are left out, which is said.
    fn contenders(&self, job: Job) -> Result<Vec<Contender>> {
        let address = format!("127.0.0.1:{PORT}");
        let way = if job == Job::Http { "--http" } else { "--udp" };
        let mut ours = vec!["tracker".to_owned(), way.to_owned(), address.clone()];
        if job == Job::Cleaning {
            ours.extend(["--interval".to_owned(), "20s".to_owned()]);
        }
        let mut found = vec![Contender::tracker("fluvial", &self.fluvial, ours)];
        let aquatic = self.args.aquatic.clone().unwrap_or("aquatic_udp".into());
        if job != Job::Http && lab::runs(&aquatic) {
            for (name, uring) in [("aquatic io_uring", true), ("aquatic mio", false)] {
                let path = self.folder.join(format!("{}.toml", name.replace(' ', "-")));
                fs::write(&path, aquatic_settings(&address, uring, job))?;
                let args = vec!["-c".to_owned(), path.display().to_string()];
                found.push(Contender::tracker(name, &aquatic, args));
            }
        } else if job != Job::Http {
            println!("== no aquatic_udp; cargo install aquatic_udp --features io-uring");
        }
        // Its peers live for 45 minutes, whatever one asks of it.
        if job != Job::Cleaning && lab::runs("opentracker") {
            let args = self.opentracker_settings()?;
            found.push(Contender::tracker("opentracker", "opentracker", args));
        } else if job != Job::Cleaning {
            println!("== no opentracker");
        }
        if job != Job::Http {
            let (program, args) = (self.answering.clone(), vec![address]);
            found.push(Contender { name: "answering alone", program, args, knows_peers: false });
        }
        Ok(found)
    }

    fn torrents(&self) -> u64 {
        (self.args.crowd / 10).max(1)
    }

    /// Both protocols at our address. Debian builds it to serve listed torrents only.
    fn opentracker_settings(&self) -> Result<Vec<String>> {
        let crowd = Crowd::new(1, self.torrents(), (Ipv4Addr::LOCALHOST, 1), 0.0);
        let crowd = crowd.context("a crowd has torrents")?;
        let lines = (0..self.torrents()).map(|torrent| format!("{}\n", crowd.info_hash(torrent)));
        // It looks from the folder, which becomes its root.
        let list = "opentracker.txt";
        fs::write(self.folder.join(list), lines.collect::<String>())?;
        let (port, folder) = (PORT.to_string(), self.folder.display().to_string());
        let args = ["-i", "127.0.0.1", "-p", &port, "-P", &port, "-d", &folder, "-w", list];
        Ok(args.map(str::to_owned).into())
    }

    fn run(&self, contender: &Contender, job: Job) -> Result<Vec<(&'static str, f64)>> {
        let tracker = Tracker::start(contender, job)?;
        let part = |limit: &Value| -> Result<u64> {
            let rate = limit["requests_per_second"].as_f64().context("no rate")?;
            Ok((rate * PART) as u64)
        };
        let alone = ["--connects", "0", "--scrapes", "0"].map(str::to_owned);
        let mixed = ["--connects", "0.28", "--scrapes", "0.02"].map(str::to_owned);
        let paced = |rate: u64| ["--rate".to_owned(), rate.to_string()];
        match job {
            Job::Udp => {
                let announces = self.load(&tracker, &alone, SECONDS)?;
                let limit = self.load(&tracker, &mixed, SECONDS)?;
                let at = [&mixed[..], &paced(part(&limit)?)].concat();
                tracker.put_first();
                let times = self.load(&tracker, &at, SECONDS)?;
                figures::udp(&announces, &limit, &times)
            }
            Job::Http => {
                let limit = self.load(&tracker, &[], SECONDS)?;
                tracker.put_first();
                let times = self.load(&tracker, &paced(part(&limit)?), SECONDS)?;
                figures::http(&limit, &times)
            }
            Job::Cleaning => {
                let limit = self.load(&tracker, &mixed, SECONDS)?;
                let silent = ["--silent", "0.5"].map(str::to_owned);
                let at = [&mixed[..], &paced(part(&limit)?), &silent].concat();
                tracker.put_first();
                let times = self.load(&tracker, &at, CLEANING_SECONDS)?;
                figures::latency(&times)
            }
        }
    }

    /// Has a crowd ask for so long; returns what it says of the tracker.
    fn load(&self, tracker: &Tracker, flags: &[String], seconds: u64) -> Result<Value> {
        let url = if tracker.by_http {
            format!("http://127.0.0.1:{PORT}/announce")
        } else {
            format!("udp://127.0.0.1:{PORT}")
        };
        let crowd = self.args.crowd;
        let mut command = Command::new("taskset");
        command.args(["-c", CORES[1]]).arg(&self.fluvial).args(["lab", "load", &url, "--json"]);
        command.args(["--peers", &crowd.to_string()]);
        command.args(["--torrents", &self.torrents().to_string()]);
        command.args(["--time", &format!("{seconds}s"), "--pid", &tracker.child.id().to_string()]);
        let output = command.args(flags).output().context("cannot start taskset")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let Some(result) = events.into_iter().find(|event| event["event"] == "result") else {
            bail!("the crowd came to nothing: {}", String::from_utf8_lossy(&output.stderr));
        };
        ensure!(result["wrong"] == 0 || !tracker.knows_peers, "answers are wrong: {result}");
        Ok(result)
    }
}

/// A running tracker; it is killed when dropped.
struct Tracker {
    child: Child,
    by_http: bool,
    knows_peers: bool,
}

impl Tracker {
    fn start(contender: &Contender, job: Job) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", CORES[0]]).arg(&contender.program).args(&contender.args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("cannot start taskset")?;
        thread::sleep(WARM_UP);
        let knows_peers = contender.knows_peers;
        Ok(Self { child, by_http: job == Job::Http, knows_peers })
    }

    /// Gives it its core whenever it has something to do. Else the machine's own housekeeping comes
    /// between for milliseconds, which is what its slowest answers would tell of.
    fn put_first(&self) {
        let mut command = Command::new("chrt");
        command.args(["--all-tasks", "--fifo", "--pid", PRIORITY, &self.child.id().to_string()]);
        if !command.status().is_ok_and(|status| status.success()) {
            println!("== its times are those of an ordinary priority: chrt may not change it");
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One worker at our address, with as many peers in an answer as others give; the rest is what it
/// comes with, which is a receive buffer of eight million bytes and no statistics.
fn aquatic_settings(address: &str, uring: bool, job: Job) -> String {
    let mut settings = format!(
        "socket_workers = 1\nlog_level = \"error\"\n\
         [network]\naddress = \"{address}\"\nuse_io_uring = {uring}\n\
         [protocol]\nmax_response_peers = 50\n"
    );
    if job == Job::Cleaning {
        settings.push_str("[cleaning]\ntorrent_cleaning_interval = 30\nmax_peer_age = 30\n");
    }
    settings
}
