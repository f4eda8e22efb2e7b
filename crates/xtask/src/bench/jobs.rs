//! The work itself: each program making a torrent, each pair of them moving one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::lab::Lab;
use super::process::{Cost, Process};

/// A program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Fluvial,
    Libtorrent,
    /// On two threads; it makes v1 torrents, and nothing else.
    Mktorrent,
    /// It knows v1 alone, chooses the length of pieces itself when it makes a torrent, and goes on
    /// to share it.
    Rqbit,
    /// All cores hash what is in memory: the limit of who makes or checks a torrent.
    Hash,
    /// The content is read in large steps, and nothing done with it: the limit of a disk.
    Read,
}

impl Client {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fluvial => "fluvial",
            Self::Libtorrent => "libtorrent",
            Self::Mktorrent => "mktorrent",
            Self::Rqbit => "rqbit",
            Self::Hash => "hashing alone",
            Self::Read => "reading alone",
        }
    }

    /// Whether it gets ready first and waits for the word to begin.
    fn waits(self) -> bool {
        matches!(self, Self::Libtorrent | Self::Hash)
    }

    /// Whether a torrent is what comes of it, in a file.
    fn makes_torrents(self) -> bool {
        !matches!(self, Self::Hash | Self::Read | Self::Rqbit)
    }

    /// Whether it ends when its work is done.
    fn ends(self) -> bool {
        !self.waits() && self != Self::Rqbit
    }
}

/// What a pair speaks over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Utp,
}

impl Transport {
    /// As both programs spell it.
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Utp => "utp",
        }
    }
}

/// How what is moved goes from one to the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) transport: Transport,
    /// Whether both insist on disguise (MSE), or neither takes it.
    pub(super) encrypted: bool,
}

impl Way {
    /// As our binary takes it.
    fn encryption(self) -> &'static str {
        if self.encrypted { "require" } else { "off" }
    }

    /// As the rival's program takes it.
    fn rival(self) -> String {
        let mse = if self.encrypted { "+mse" } else { "" };
        format!("{}{mse}", self.transport.name())
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// From the word to begin until all is done: connected, fetched, verified and written.
    pub(super) seconds: f64,
    /// Who made or fetched; several count together.
    pub(super) worker: Cost,
    /// Who gave, over the same time.
    pub(super) seeder: Option<Cost>,
}

/// Makes the torrent that the pairs use.
pub(super) fn describe(lab: &Lab) -> Result<()> {
    let mut command = Command::new(&lab.fluvial);
    create_args(lab, &mut command, &lab.torrent());
    let output = command.output().context("cannot start fluvial")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "fluvial create failed: {said}");
    Ok(())
}

/// The version and settings of libtorrent.
pub(super) fn introduce(lab: &Lab) -> Result<Value> {
    let way = Way { transport: Transport::Tcp, encrypted: false };
    let mut command = rival(lab, "seed", &lab.folder().join("source"), way);
    let mut rival = Process::start("libtorrent", &mut command)?;
    let mut ready = rival.wait_for("ready")?;
    Ok(serde_json::json!({
        "version": ready["version"].take(),
        "settings": ready["settings"].take(),
    }))
}

/// One makes a torrent of the content.
pub(super) fn create(lab: &Lab, client: Client) -> Result<Sample> {
    let torrent = lab.fresh("made")?.join("made.torrent");
    let command = match client {
        Client::Fluvial => {
            let mut command = Command::new(&lab.fluvial);
            create_args(lab, &mut command, &torrent);
            command
        }
        Client::Libtorrent => {
            let mut command = Command::new(&lab.python);
            command.arg(&lab.rival).arg("create").arg(lab.content());
            command.arg(&torrent).arg(lab.piece_length.to_string());
            command.arg(lab.format);
            command
        }
        Client::Mktorrent => {
            let power = lab.piece_length.trailing_zeros().to_string();
            let mut command = Command::new("mktorrent");
            command.args(["-t", "2", "-l", &power, "-o"]).arg(&torrent).arg(lab.content());
            command
        }
        Client::Rqbit => {
            let mut command = rqbit();
            command.arg("share").arg(lab.content());
            command
        }
        Client::Hash => hash_alone(lab),
        Client::Read => read_alone(lab),
    };
    let event = match client {
        Client::Fluvial | Client::Libtorrent => Some("created"),
        Client::Rqbit => Some("share this magnet link"),
        Client::Hash => Some("hashed"),
        Client::Mktorrent | Client::Read => None,
    };
    lab.cool_down()?;
    let sample = measure(lab, client, vec![command], event, None)?;
    if client.makes_torrents() {
        lab.verify(&torrent, &lab.content())?;
    }
    Ok(sample)
}

/// One compares the content with its torrent.
pub(super) fn verify(lab: &Lab, client: Client) -> Result<Sample> {
    let (command, event) = match client {
        Client::Hash => (hash_alone(lab), Some("hashed")),
        Client::Read => (read_alone(lab), None),
        Client::Libtorrent => {
            let way = Way { transport: Transport::Tcp, encrypted: false };
            (rival(lab, "check", &lab.folder().join("source"), way), Some("checked"))
        }
        Client::Mktorrent => bail!("mktorrent only makes torrents"),
        Client::Rqbit => {
            let mut command = rqbit();
            command.args(["download", "--disable-http-api", "--overwrite", "--exit-on-finish"]);
            command.arg("--output-folder").arg(lab.folder().join("source")).arg(lab.torrent());
            (command, None)
        }
        Client::Fluvial => {
            let mut command = Command::new(&lab.fluvial);
            command.arg("verify").arg(lab.torrent()).arg(lab.content());
            (command, None)
        }
    };
    lab.cool_down()?;
    measure(lab, client, vec![command], event, None)
}

fn hash_alone(lab: &Lab) -> Command {
    let mut command = Command::new(&lab.limit);
    command.arg(lab.format).arg(lab.piece_length.to_string()).arg(lab.content());
    command
}

fn read_alone(lab: &Lab) -> Command {
    let mut command = Command::new("dd");
    command.arg(format!("if={}", lab.content().display()));
    command.args(["of=/dev/null", "bs=1M", "status=none"]);
    command
}

/// It on loopback, with nothing else known to it.
fn rqbit() -> Command {
    let mut command = Command::new("rqbit");
    command.args(["--disable-dht", "--disable-lsd", "--disable-trackers"]);
    command.args(["--listen-ip", "127.0.0.1", "--disable-upnp-port-forward"]);
    command.args(["--http-api-listen-addr", "127.0.0.1:0"]).stderr(Stdio::null());
    command
}

/// One seeds the content, others fetch it from there, all at once.
pub(super) fn fetch(
    lab: &Lab,
    (seeder, leecher): (Client, Client),
    leechers: u32,
    way: Way,
) -> Result<Sample> {
    let (mut giving, port) = seed(lab, seeder, way)?;
    let (mut commands, mut folders) = (Vec::new(), Vec::new());
    for number in 0..leechers {
        let taken = lab.fresh(&format!("taken by {number}"))?;
        let mut command = if leecher == Client::Fluvial {
            get(lab, &taken, number, way)?
        } else {
            rival(lab, "get", &taken, way)
        };
        let peer = format!("127.0.0.1:{port}");
        command.args(["--peer", &peer]);
        commands.push(command);
        folders.push(taken);
    }
    let sample = measure(lab, leecher, commands, Some("complete"), Some(&mut giving))?;
    drop(giving);
    for taken in folders {
        lab.verify(&lab.torrent(), &taken.join("content"))?;
        fs::remove_dir_all(&taken)?;
    }
    Ok(sample)
}

/// Runs the workers from the word to begin until each has told `event`, or has ended. Who waits for
/// the word gets ready first (an interpreter is no part of it), and what it does after the event
/// does not count; of others everything counts, from the start of the process to its end.
fn measure(
    lab: &Lab,
    client: Client,
    mut commands: Vec<Command>,
    event: Option<&str>,
    mut seeder: Option<&mut Process>,
) -> Result<Sample> {
    let copies = commands.len() as u64;
    let mut workers = Vec::new();
    if client.waits() {
        for mut command in commands.drain(..) {
            let mut rival = Process::start(client.name(), &mut command)?;
            rival.wait_for("ready")?;
            rival.forget_cpu()?;
            workers.push(rival);
        }
    }
    lab.touch_memory(copies);
    if let Some(seeder) = &mut seeder {
        seeder.forget_cpu()?;
    }
    let started = Instant::now();
    for rival in &mut workers {
        rival.go()?;
    }
    for command in &mut commands {
        workers.push(Process::start(client.name(), command)?);
    }
    for worker in &mut workers {
        match event {
            Some(event) => drop(worker.wait_for(event)?),
            None => worker.wait_for_end()?,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let seeder = seeder.map(|seeder| seeder.cost()).transpose()?;
    let ends = client.ends() || event.is_none();
    let cost = |worker: Process| if ends { worker.cost_at_end() } else { worker.cost() };
    let costs: Vec<Cost> = workers.into_iter().map(cost).collect::<Result<_>>()?;
    Ok(Sample { seconds, worker: Cost::sum(costs), seeder })
}

/// A seeder that has checked what it has, and the port where it listens on loopback.
fn seed(lab: &Lab, client: Client, way: Way) -> Result<(Process, u64)> {
    let mut command = match client {
        Client::Fluvial => {
            let mut command = Command::new(&lab.fluvial);
            command.arg("seed").arg(lab.torrent()).arg(lab.content());
            on_loopback(&mut command, &lab.folder().join("state of the seeder"), way);
            command
        }
        _ => rival(lab, "seed", &lab.folder().join("source"), way),
    };
    let mut process = Process::start(client.name(), &mut command)?;
    let ready = process.wait_for("ready")?;
    let port = match client {
        Client::Fluvial => {
            ready["listen"].as_str().and_then(|listen| listen.rsplit(':').next()?.parse().ok())
        }
        _ => ready["port"].as_u64(),
    };
    Ok((process, port.context("the seeder names no port")?))
}

fn get(lab: &Lab, folder: &Path, number: u32, way: Way) -> Result<Command> {
    let mut command = Command::new(&lab.fluvial);
    command.arg("get").arg(lab.torrent()).arg("-o").arg(folder);
    on_loopback(&mut command, &lab.fresh(&format!("state of leecher {number}"))?, way);
    Ok(command)
}

fn on_loopback(command: &mut Command, state: &Path, way: Way) {
    command
        .args(["--json", "--no-discovery", "--listen", "127.0.0.1:0"])
        .args(["--transport", way.transport.name(), "--encryption", way.encryption()])
        .arg("--state-dir")
        .arg(state);
}

fn create_args(lab: &Lab, command: &mut Command, out: &Path) {
    command
        .arg("create")
        .arg(lab.content())
        .arg("-o")
        .arg(out)
        .args(["--json", "--overwrite", "--format", lab.format])
        .args(["--piece-length", &lab.piece_length.to_string()]);
}

fn rival(lab: &Lab, verb: &str, folder: &Path, way: Way) -> Command {
    let mut command = Command::new(&lab.python);
    command.arg(&lab.rival).arg(verb).arg(lab.torrent()).arg(folder).arg(way.rival());
    command
}
