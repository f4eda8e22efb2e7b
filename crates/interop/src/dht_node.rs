//! `fluvial dht node`: a node of the DHT and nothing else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::content::Content;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::programs;

const PORT: u16 = 6881;

/// A node on a machine of its own.
#[derive(Debug)]
pub struct DhtNode {
    node: Node,
    _process: Process,
}

impl DhtNode {
    /// Starts one; the first of a DHT knows nobody.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab, bootstrap: Option<SocketAddr>) -> Result<Self> {
        let node = lab.node("dht")?;
        let mut command = node.command(&programs::fluvial()?);
        command.args(["dht", "node", "--json", "-v", "--log", "node.log"]);
        command.args(["--listen", &format!("{}:{PORT}", node.v4())]);
        // The first one asks where nobody is, and not the world's routers.
        let bootstrap = bootstrap.unwrap_or_else(|| SocketAddr::from((node.v4(), 9)));
        command.args(["--bootstrap", &bootstrap.to_string()]);
        let log = node.path("stderr.log");
        let mut process = Process::start_talking("fluvial dht node", command, &log)?;
        let ready = process.next()?;
        ensure!(ready["event"] == "ready", "fluvial dht node says {ready}");
        Ok(Self { node, _process: process })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((self.node.v4(), PORT))
    }

    /// Whether the DHT names peers of the content, asked from another port of this machine.
    ///
    /// # Errors
    /// When the command does not start.
    pub fn finds(&self, content: &Content, bootstrap: SocketAddr) -> Result<bool> {
        let mut command = self.node.command(&programs::fluvial()?);
        command.args(["dht", "peers", &content.info_hash().to_string(), "--json"]);
        command.args(["--listen", &format!("{}:0", self.node.v4())]);
        command.args(["--bootstrap", &bootstrap.to_string(), "--state-dir", "asking"]);
        Ok(command.output()?.status.success())
    }
}
