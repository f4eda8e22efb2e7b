//! rqbit, driven through its HTTP interface.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::client::{Client, Source};
use crate::content::Content;
use crate::http;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::programs;
use crate::wait::wait_until;

const API_PORT: u16 = 3030;

/// `rqbit server` with its defaults, but for discovery, which is off.
#[derive(Debug)]
pub struct Rqbit {
    node: Node,
    process: Process,
}

impl Rqbit {
    /// Starts it on a machine of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("rqbit")?;
        let mut command = node.command(&programs::rqbit());
        command
            .args(["--disable-dht", "--disable-lsd", "--disable-upnp-port-forward", "-v", "debug"])
            .args(["--http-api-listen-addr", &format!("0.0.0.0:{API_PORT}")])
            .args(["server", "start", "--disable-persistence"])
            .arg(node.content());
        let process = Process::start("rqbit", command, &node.path("rqbit.log"))?;
        let mut client = Self { node, process };
        wait_until("rqbit's interface to answer", || {
            client.process.check()?;
            Ok(client.ask("/torrents", None).is_ok())
        })?;
        Ok(client)
    }

    fn ask(&self, target: &str, body: Option<&[u8]>) -> Result<Value> {
        let server = SocketAddr::from((self.node.v4(), API_PORT));
        let answer = http::ask(server, target, "", body)?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "rqbit: {target}: {said}");
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

impl Client for Rqbit {
    fn name(&self) -> &'static str {
        "rqbit"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn seeds_padding(&self) -> bool {
        false
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let source = match source {
            Source::Torrent => fs::read(content.torrent())?,
            Source::Magnet => content.magnet().into_bytes(),
        };
        self.ask("/torrents?overwrite=true", Some(&source))?;
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        self.process.check()?;
        let stats = self.ask(&format!("/torrents/{}/stats/v1", content.info_hash()), None)?;
        ensure!(stats["error"].is_null(), "rqbit: {}", stats["error"]);
        Ok(stats["finished"] == true)
    }
}
