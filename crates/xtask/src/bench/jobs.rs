//! The work itself: each program making a torrent, each pair of them moving one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::lab::Lab;
use super::process::{Cost, Process};

/// A program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Fluvial,
    Libtorrent,
}

impl Client {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fluvial => "fluvial",
            Self::Libtorrent => "libtorrent",
        }
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

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// From the word to begin until all is done: connected, fetched, verified and written.
    pub(super) seconds: f64,
    /// Who made or fetched.
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
    let mut command = rival(lab, "seed", &lab.folder().join("source"), Transport::Tcp);
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
    let mut command = match client {
        Client::Fluvial => Command::new(&lab.fluvial),
        Client::Libtorrent => Command::new(&lab.python),
    };
    match client {
        Client::Fluvial => create_args(lab, &mut command, &torrent),
        Client::Libtorrent => {
            command.arg(&lab.rival).arg("create").arg(lab.content());
            command.arg(&torrent).arg(lab.piece_length.to_string());
            command.arg(lab.format);
        }
    }
    let sample = measure(lab, client, command, "created", None)?;
    lab.verify(&torrent, &lab.content())?;
    Ok(sample)
}

/// One seeds the content, the other fetches it.
pub(super) fn pair(
    lab: &Lab,
    (seeder, leecher): (Client, Client),
    transport: Transport,
) -> Result<Sample> {
    let taken = lab.fresh("taken")?;
    let (mut giving, port) = seed(lab, seeder, transport)?;
    let command = match leecher {
        Client::Fluvial => get(lab, &taken, port, transport)?,
        Client::Libtorrent => {
            let mut command = rival(lab, "get", &taken, transport);
            command.arg(port.to_string());
            command
        }
    };
    let sample = measure(lab, leecher, command, "complete", Some(&mut giving))?;
    drop(giving);
    lab.verify(&lab.torrent(), &taken.join("content"))?;
    fs::remove_dir_all(&taken)?;
    Ok(sample)
}

/// Runs the worker from the word to begin until `event`. A rival first gets ready (its
/// interpreter is no part of it), and what it does after the event does not count; of ours
/// everything counts, from the start of the process to its end.
fn measure(
    lab: &Lab,
    client: Client,
    mut command: Command,
    event: &str,
    mut seeder: Option<&mut Process>,
) -> Result<Sample> {
    let mut waiting = None;
    if client == Client::Libtorrent {
        let mut rival = Process::start(client.name(), &mut command)?;
        rival.wait_for("ready")?;
        rival.forget_cpu()?;
        waiting = Some(rival);
    }
    lab.touch_memory();
    if let Some(seeder) = &mut seeder {
        seeder.forget_cpu()?;
    }
    let started = Instant::now();
    let mut worker = match waiting {
        Some(mut rival) => {
            rival.go()?;
            rival
        }
        None => Process::start(client.name(), &mut command)?,
    };
    worker.wait_for(event)?;
    let seconds = started.elapsed().as_secs_f64();
    let seeder = seeder.map(|seeder| seeder.cost()).transpose()?;
    let worker = match client {
        Client::Fluvial => worker.cost_at_end()?,
        Client::Libtorrent => worker.cost()?,
    };
    Ok(Sample { seconds, worker, seeder })
}

/// A seeder that has checked what it has, and the port where it listens on loopback.
fn seed(lab: &Lab, client: Client, transport: Transport) -> Result<(Process, u64)> {
    let mut command = match client {
        Client::Fluvial => {
            let mut command = Command::new(&lab.fluvial);
            command.arg("seed").arg(lab.torrent()).arg(lab.content());
            on_loopback(&mut command, &lab.folder().join("state of the seeder"), transport);
            command
        }
        Client::Libtorrent => rival(lab, "seed", &lab.folder().join("source"), transport),
    };
    let mut process = Process::start(client.name(), &mut command)?;
    let ready = process.wait_for("ready")?;
    let port = match client {
        Client::Fluvial => {
            ready["listen"].as_str().and_then(|listen| listen.rsplit(':').next()?.parse().ok())
        }
        Client::Libtorrent => ready["port"].as_u64(),
    };
    Ok((process, port.context("the seeder names no port")?))
}

fn get(lab: &Lab, folder: &Path, peer_port: u64, transport: Transport) -> Result<Command> {
    let mut command = Command::new(&lab.fluvial);
    command.arg("get").arg(lab.torrent()).arg("-o").arg(folder);
    command.arg("--peer").arg(format!("127.0.0.1:{peer_port}"));
    on_loopback(&mut command, &lab.fresh("state of the leecher")?, transport);
    Ok(command)
}

fn on_loopback(command: &mut Command, state: &Path, transport: Transport) {
    command
        .args(["--json", "--no-discovery", "--listen", "127.0.0.1:0"])
        .args(["--transport", transport.name(), "--encryption", "off"])
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

fn rival(lab: &Lab, verb: &str, folder: &Path, transport: Transport) -> Command {
    let mut command = Command::new(&lab.python);
    command.arg(&lab.rival).arg(verb).arg(lab.torrent()).arg(folder).arg(transport.name());
    command
}
