//! A stage of small torrents, and who seeds them all: our binary, or libtorrent in its seed mode.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hash::Sha1Digest;

use super::Args;
use super::lab;
use super::process::Process;
use stage::Stage;

mod stage;

/// How long an answer may take.
pub(super) const ANSWER_MAX: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Fluvial,
    Libtorrent,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fluvial => "fluvial",
            Self::Libtorrent => "libtorrent",
        }
    }
}

/// The programs that can seed.
pub(super) struct Programs {
    fluvial: PathBuf,
    python: PathBuf,
    rival: PathBuf,
    folder: PathBuf,
}

impl Programs {
    pub(super) fn find(root: &Path, args: &Args) -> Result<Self> {
        Ok(Self {
            fluvial: lab::fluvial(root, args)?,
            python: lab::python(root, &crate::target(root))?,
            rival: root.join("crates/xtask/src/bench/rival.py"),
            folder: args.dir.clone().unwrap_or("/dev/shm".into()).join("fluvial-bench-many"),
        })
    }

    /// So many torrents to seed, which our binary has verified: its later starts trust that.
    pub(super) fn stage(&self, count: u32) -> Result<Seeds<'_>> {
        let stage = Stage::set(self.folder.join(count.to_string()), count)?;
        let seeds = Seeds { programs: self, stage };
        let began = Instant::now();
        let mut first = seeds.start(Program::Fluvial, 0)?;
        seeds.wait_for_all(&mut first)?;
        println!("   {count}: verified in {:.1} s", began.elapsed().as_secs_f64());
        first.interrupt()?;
        first.cost_at_end()?;
        Ok(seeds)
    }
}

/// Torrents, and who can seed them.
pub(super) struct Seeds<'a> {
    programs: &'a Programs,
    stage: Stage,
}

impl Seeds<'_> {
    pub(super) fn count(&self) -> u32 {
        self.stage.count
    }

    /// The info-hash of the last torrent.
    pub(super) fn last(&self) -> Sha1Digest {
        self.stage.last
    }

    /// Waits until our binary has told that each torrent is ready.
    pub(super) fn wait_for_all(&self, ours: &mut Process) -> Result<()> {
        for _ in 0..self.count() {
            ours.wait_for("ready")?;
        }
        Ok(())
    }

    /// Begins to seed all at this port of loopback.
    pub(super) fn start(&self, program: Program, port: u16) -> Result<Process> {
        let (torrents, data) = (self.stage.torrents(), self.stage.data());
        let mut command = match program {
            Program::Fluvial => {
                let mut command = Command::new(&self.programs.fluvial);
                command.arg("seed").arg("--dir").arg(torrents).arg("--data").arg(data);
                command.args(["--listen", &format!("127.0.0.1:{port}"), "--no-discovery"]);
                command.arg("--state-dir").arg(self.stage.state()).arg("--json");
                command
            }
            Program::Libtorrent => {
                let mut command = Command::new(&self.programs.python);
                command.arg(&self.programs.rival).arg("many");
                command.arg(torrents).arg(data).arg(port.to_string());
                command
            }
        };
        command.stderr(Stdio::inherit());
        Process::start(program.name(), &mut command)
    }
}

/// Says hello for this torrent (BEP 3), as the peer of this number; true when that is answered by
/// one.
pub(super) fn shake_hands(
    stream: &mut TcpStream,
    torrent: Sha1Digest,
    number: u32,
) -> std::io::Result<bool> {
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let peer_id = format!("-XT0000-{number:012}");
    let hello = [b"\x13BitTorrent protocol", &[0; 8][..], &torrent.0, peer_id.as_bytes()];
    stream.write_all(&hello.concat())?;
    let mut answer = [0; 68];
    stream.read_exact(&mut answer)?;
    Ok(answer[28..48] == torrent.0)
}

/// Where a seeder listens.
pub(super) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    let port = TcpListener::bind(loopback(0))?.local_addr()?.port();
    ensure!(port != 0, "no port is free");
    Ok(port)
}
