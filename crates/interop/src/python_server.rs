//! The web server that is at hand everywhere, and gives whole files only.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::lab::{Lab, Node};
use crate::mirrors::listens;
use crate::process::Process;
use crate::wait::wait_until;

/// `python3 -m http.server`.
#[derive(Debug)]
pub struct PythonServer {
    node: Node,
    _process: Process,
}

impl PythonServer {
    /// Serves `folder` on a machine of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(lab: &mut Lab, folder: &Path) -> Result<Self> {
        let node = lab.node("python")?;
        let mut command = node.command(Path::new("python3"));
        command.args(["-m", "http.server", "8000", "--directory"]).arg(folder);
        let mut process = Process::start("python3", command, &node.path("python.log"))?;
        wait_until("python3 to listen", || {
            process.check()?;
            listens(&node, 8000)
        })?;
        Ok(Self { node, _process: process })
    }

    /// The URL of a name in the folder, percent-encoded as it is to stand there.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}:8000/{name}", self.node.v4())
    }

    /// How often it was asked for anything.
    ///
    /// # Errors
    /// When there is no log.
    pub fn requests(&self) -> Result<usize> {
        Ok(fs::read_to_string(self.node.path("python.log"))?.matches("\"GET ").count())
    }
}
