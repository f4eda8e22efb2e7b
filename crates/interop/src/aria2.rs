//! aria2, driven through its RPC.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use metainfo::Metainfo;

use crate::base64;
use crate::client::{Client, FOREIGN_HYBRID, Source};
use crate::content::Content;
use crate::http;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::wait::wait_until;

const RPC_PORT: u16 = 6800;

/// `aria2c` with its defaults, but for discovery, which is off.
#[derive(Debug)]
pub struct Aria2 {
    node: Node,
    process: Process,
    /// Its names for what it was given.
    downloads: BTreeMap<String, String>,
}

impl Aria2 {
    /// Starts it on a machine of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("aria2")?;
        let mut command = node.command(Path::new("aria2c"));
        command
            .args(["--no-conf", "--enable-rpc", "--rpc-listen-all", "--rpc-max-request-size=64M"])
            // Its UDP trackers need its DHT, which here knows nobody to talk to.
            .args(["--enable-dht=true", "--enable-dht6=false", "--bt-enable-lpd=false"])
            // Its own resolver knows no names of IPv6 addresses in a hosts file.
            .arg("--async-dns=false")
            .args(["--enable-peer-exchange=false", "--listen-port=6881", "--seed-ratio=0.0"])
            // What lies there is checked rather than refused.
            .args(["--check-integrity=true", "--max-concurrent-downloads=100"])
            .args(["--console-log-level=info", "--show-console-readout=false"]);
        let process = Process::start("aria2c", command, &node.path("aria2.log"))?;
        let mut client = Self { node, process, downloads: BTreeMap::new() };
        wait_until("aria2's RPC to answer", || {
            client.process.check()?;
            Ok(client.call("getVersion", &json!([])).is_ok())
        })?;
        Ok(client)
    }

    fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let server = SocketAddr::from((self.node.v4(), RPC_PORT));
        let method = format!("aria2.{method}");
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = http::ask(server, "/jsonrpc", "", Some(request.to_string().as_bytes()))?;
        let answer: Value = serde_json::from_slice(&answer.body)?;
        ensure!(answer.get("error").is_none(), "aria2: {method}: {answer}");
        Ok(answer["result"].clone())
    }
}

impl Client for Aria2 {
    fn name(&self) -> &'static str {
        "aria2"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn reads_hybrids(&mut self) -> Result<bool> {
        let options = json!({"dir": self.node.path("probe"), "pause": "true"});
        let torrent = base64::encode(FOREIGN_HYBRID);
        let download = self.call("addTorrent", &json!([torrent, [], options]))?;
        let status = self.call("tellStatus", &json!([download, ["infoHash"]]))?;
        self.call("remove", &json!([download]))?;
        // aria2 1.36 hashes its own rendering, which lacks the empty keys of a file tree (BEP 52).
        let hash = Metainfo::parse(FOREIGN_HYBRID)?.hashes.v1.context("a hybrid has both")?;
        Ok(status["infoHash"] == hash.to_string())
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let options = json!({"dir": self.node.content()});
        let download = match source {
            Source::Torrent => {
                let torrent = base64::encode(&fs::read(content.torrent())?);
                self.call("addTorrent", &json!([torrent, [], options]))?
            }
            Source::Magnet => self.call("addUri", &json!([[content.magnet()], options]))?,
        };
        let download = download.as_str().context("aria2 names no download")?;
        self.downloads.insert(content.name().to_owned(), download.to_owned());
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        let download = self.downloads.get(content.name()).context("not given to aria2")?;
        let keys = ["status", "seeder", "errorMessage", "followedBy"];
        let status = self.call("tellStatus", &json!([download, keys]))?;
        ensure!(status["status"] != "error", "aria2: {}", status["errorMessage"]);
        if let Some(next) = status["followedBy"][0].as_str() {
            // It has the metadata of a magnet link, and begins afresh with it.
            self.downloads.insert(content.name().to_owned(), next.to_owned());
            return Ok(false);
        }
        Ok(status["seeder"] == "true")
    }
}
