//! What passes an interface.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::lab::Node;
use crate::process::Process;
use crate::wait::wait_until;

/// Where nobody is: what goes there tells that the capture works.
const MARK: &str = "203.0.113.99";

/// A running `tcpdump`.
#[derive(Debug)]
pub struct Capture {
    node: Node,
    log: PathBuf,
    _tcpdump: Process,
}

impl Capture {
    /// Begins to watch an interface of a machine. What the system itself says of connections that
    /// are gone is left out, for no program has a say in where that goes.
    ///
    /// # Errors
    /// When `tcpdump` does not start.
    pub fn start(node: &Node, interface: &str) -> Result<Self> {
        let log = node.path(&format!("{interface}.capture.log"));
        let mut command = node.command(Path::new("tcpdump"));
        command.args(["-l", "-n", "-i", interface, "not tcp[tcpflags] & tcp-rst != 0"]);
        let tcpdump = Process::start("tcpdump", command, &log)?;
        let text = || Ok(fs::read_to_string(&log)?.contains("listening on"));
        wait_until("tcpdump to listen", text)?;
        Ok(Self { node: node.clone(), log, _tcpdump: tcpdump })
    }

    /// The packets that have passed, a line each.
    ///
    /// # Errors
    /// When it does not work.
    pub fn seen(&self) -> Result<Vec<String>> {
        // Sent by the default route, which leads here: as soon as it is seen, so is all before.
        let mut mark = self.node.command(Path::new("bash"));
        mark.args(["-c", &format!("echo mark > /dev/udp/{MARK}/9")]);
        ensure!(mark.status()?.success(), "cannot send a mark");
        let text = || fs::read_to_string(&self.log);
        wait_until("the capture to see its mark", || Ok(text()?.contains(MARK)))?;
        // The mark needs ARP; whatever else does is seen itself after that.
        let ours = |line: &&str| line.contains(" IP") && !line.contains(MARK);
        Ok(text()?.lines().filter(ours).map(str::to_owned).collect())
    }
}

/// A running `tcpdump` that keeps every byte.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
    _tcpdump: Process,
}

impl Recording {
    /// Begins to record all that an interface of a machine sends and receives.
    ///
    /// # Errors
    /// When `tcpdump` does not start.
    pub fn start(node: &Node, interface: &str, name: &str) -> Result<Self> {
        let (file, log) = (node.path(&format!("{name}.pcap")), node.path(&format!("{name}.log")));
        let mut command = node.command(Path::new("tcpdump"));
        // As the user that it runs as it may write where the lab is; as another it may not.
        command.args(["-U", "-n", "-s", "0", "-Z", "root", "-i", interface, "-w"]).arg(&file);
        let tcpdump = Process::start("tcpdump", command, &log)?;
        let text = || Ok(fs::read_to_string(&log)?.contains("listening on"));
        wait_until("tcpdump to listen", text)?;
        Ok(Self { file, _tcpdump: tcpdump })
    }

    /// Whether these bytes have passed, letters in either case.
    ///
    /// # Errors
    /// When the recording cannot be read.
    pub fn holds(&self, bytes: &[u8]) -> Result<bool> {
        let all = fs::read(&self.file)?;
        Ok(all.windows(bytes.len()).any(|part| part.eq_ignore_ascii_case(bytes)))
    }
}
