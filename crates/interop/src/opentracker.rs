//! opentracker, as Debian builds it: only torrents on a list are served.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::content::Content;
use crate::process::Process;
use crate::trackers::TrackerNode;

/// A tracker that is not ours.
#[derive(Debug)]
pub struct Opentracker {
    _process: Process,
}

impl Opentracker {
    /// Starts it on a tracker's node.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(at: &TrackerNode, contents: &[Content]) -> Result<Self> {
        let node = at.node();
        let list: Vec<_> = contents.iter().map(|one| one.info_hash().to_string()).collect();
        fs::write(node.path("whitelist"), list.join("\n") + "\n")?;
        // It refuses to be root, and here nobody else need exist.
        let mut command = node.command(Path::new("unshare"));
        command
            .args(["--user", "opentracker"])
            .args(["-i", "0.0.0.0", "-p", "6969", "-P", "6969", "-w", "whitelist"])
            .arg("-d")
            .arg(node.path(""));
        let process = Process::start("opentracker", command, &node.path("opentracker.log"))?;
        at.wait_until_it_answers()?;
        Ok(Self { _process: process })
    }
}
