//! libtorrent (rasterbar), driven through its Python module.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Client, Manner, Source};
use crate::content::Content;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::programs;

/// Where it listens.
const PORT: u16 = 6881;

/// A session with libtorrent's defaults, but for discovery, which is off.
#[derive(Debug)]
pub struct Libtorrent {
    node: Node,
    process: Process,
}

impl Libtorrent {
    /// Starts a session on a machine of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        Self::start_limited(lab, 0)
    }

    /// The same, sending at most so many bytes a second.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_limited(lab: &mut Lab, upload_rate: u32) -> Result<Self> {
        Self::start_with(lab, &json!({"upload_rate_limit": upload_rate}))
    }

    /// The same in this manner.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_in(lab: &mut Lab, manner: Manner) -> Result<Self> {
        Self::start_with(lab, &settings(manner))
    }

    /// The same without a limit, as a node of the DHT that this one is of.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_in_dht(lab: &mut Lab, bootstrap: SocketAddr) -> Result<Self> {
        let bootstrap = bootstrap.to_string();
        Self::start_with(lab, &json!({"enable_dht": true, "dht_bootstrap_nodes": bootstrap}))
    }

    /// The same, with settings by the names that libtorrent gives them.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_with(lab: &mut Lab, settings: &Value) -> Result<Self> {
        let node = lab.node("libtorrent")?;
        let mut command = node.command(&programs::python());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/libtorrent/session.py");
        command.arg(script).arg(node.v4().to_string()).arg(node.v6().to_string());
        command.arg(settings.to_string());
        let log = node.path("libtorrent.log");
        let mut process = Process::start_talking("libtorrent", command, &log)?;
        let ready = process.next()?;
        ensure!(ready["ready"] == true, "libtorrent says {ready}");
        Ok(Self { node, process })
    }

    /// Seeders that a tracker tells it of when it scrapes.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn scraped_seeders(&mut self, content: &Content) -> Result<u64> {
        let answer = self.ask(&json!({"do": "scrape", "name": content.name()}))?;
        answer["complete"].as_u64().context("no count in its scrape")
    }

    /// Where it can be connected to.
    pub fn address(&self) -> SocketAddr {
        (self.node.v4(), PORT).into()
    }

    /// Has it connect to a peer.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn connect(&mut self, content: &Content, to: SocketAddr) -> Result<()> {
        let (name, ip, port) = (content.name(), to.ip().to_string(), to.port());
        self.ask(&json!({"do": "connect", "name": name, "ip": ip, "port": port}))?;
        Ok(())
    }

    /// Nodes of the DHT that it knows; it is told of this one once more.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn dht_nodes(&mut self, node: SocketAddr) -> Result<u64> {
        let (ip, port) = (node.ip().to_string(), node.port());
        let answer = self.ask(&json!({"do": "nodes", "ip": ip, "port": port}))?;
        answer["nodes"].as_u64().context("no count of nodes")
    }

    /// Waits until the DHT names it a peer of what it gets; returns how many seconds that took.
    ///
    /// # Errors
    /// When it never does.
    pub fn first_peer(&mut self, content: &Content) -> Result<f64> {
        let answer = self.ask(&json!({"do": "first_peer", "name": content.name()}))?;
        answer["seconds"].as_f64().context("no time")
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        self.process.say(request)?;
        let answer = self.process.next()?;
        ensure!(answer.get("error").is_none(), "libtorrent: {request}: {answer}");
        Ok(answer)
    }
}

/// Policies of encryption are 0 for "always" and levels 2 for RC4 alone.
fn settings(manner: Manner) -> Value {
    match manner {
        Manner::Usual => json!({}),
        Manner::Utp => json!({"enable_incoming_tcp": false, "enable_outgoing_tcp": false}),
        Manner::Encrypted => {
            json!({"in_enc_policy": 0, "out_enc_policy": 0, "allowed_enc_level": 2})
        }
    }
}

impl Client for Libtorrent {
    fn name(&self) -> &'static str {
        "libtorrent"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn seeds_padding(&self) -> bool {
        false
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let source = match source {
            Source::Torrent => content.torrent().display().to_string(),
            Source::Magnet => content.magnet(),
        };
        let name = content.name();
        let folder = self.node.content();
        self.ask(&json!({"do": "add", "name": name, "source": source, "folder": folder}))?;
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        let status = self.ask(&json!({"do": "status", "name": content.name()}))?;
        Ok(status["seeding"] == true)
    }
}
