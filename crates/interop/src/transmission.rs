//! Transmission, driven through its RPC.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::base64;
use crate::client::{Client, FOREIGN_HYBRID, Manner, Source};
use crate::content::Content;
use crate::http;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::wait::wait_until;

const RPC_PORT: u16 = 9091;
/// Where it listens.
const PORT: u16 = 51413;
/// The value of `status` of a torrent that seeds.
const SEEDING: u64 = 6;

/// `transmission-daemon` with its defaults, but for discovery and uTP, which are off.
///
/// Transmission 3 dials over uTP first; alone among peers that speak TCP only it was seen to send
/// one uTP packet and then to wait for minutes, without ever trying TCP.
#[derive(Debug)]
pub struct Transmission {
    node: Node,
    process: Process,
    session: String,
}

impl Transmission {
    /// Starts it on a machine of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        Self::start_with(lab, &json!({}))
    }

    /// The same in this manner; over uTP it would use TCP, too, with those who do.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_in(lab: &mut Lab, manner: Manner) -> Result<Self> {
        let settings = match manner {
            Manner::Usual => json!({}),
            Manner::Utp => json!({"utp-enabled": true}),
            // 0 is as little as possible, 1 the default, 2 always.
            Manner::Encrypted => json!({"encryption": 2}),
        };
        Self::start_with(lab, &settings)
    }

    /// The same, with settings by the names that its file has for them.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_with(lab: &mut Lab, more: &Value) -> Result<Self> {
        let node = lab.node("transmission")?;
        let config = node.path("config");
        fs::create_dir_all(&config)?;
        let mut settings = json!({
            "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false,
            "port-forwarding-enabled": false, "utp-enabled": false, "peer-port": PORT,
            "rpc-bind-address": "0.0.0.0", "rpc-port": RPC_PORT,
            "rpc-whitelist-enabled": false, "rpc-host-whitelist-enabled": false,
            "download-dir": node.content(),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        fs::write(config.join("settings.json"), settings.to_string())?;
        let mut command = node.command(Path::new("transmission-daemon"));
        command.args(["--foreground", "--log-debug", "--config-dir"]).arg(&config);
        let log = node.path("transmission.log");
        let process = Process::start("transmission-daemon", command, &log)?;
        let mut client = Self { node, process, session: String::new() };
        let call = json!({"method": "session-get"});
        wait_until("Transmission's RPC to answer", || {
            client.process.check()?;
            Ok(client.call(&call).is_ok())
        })?;
        Ok(client)
    }

    /// Where it can be connected to.
    pub fn address(&self) -> SocketAddr {
        (self.node.v4(), PORT).into()
    }

    /// Seeders that a tracker told it of when it last scraped; 0 before that.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn scraped_seeders(&mut self, content: &Content) -> Result<u64> {
        let tracker = self.torrent(content)?["trackerStats"][0].clone();
        let scraped = tracker["lastScrapeSucceeded"] == true;
        Ok(tracker["seederCount"].as_u64().filter(|_| scraped).unwrap_or(0))
    }

    fn torrent(&mut self, content: &Content) -> Result<Value> {
        let ids = [content.info_hash().to_string()];
        let answer =
            self.call(&json!({"method": "torrent-get", "arguments": {"ids": ids, "fields": [
                "leftUntilDone", "status", "error", "errorString", "metadataPercentComplete",
                "trackerStats",
            ]}}))?;
        Ok(answer["torrents"][0].clone())
    }

    /// Calls the RPC; the first answer names a session that the next must show.
    fn call(&mut self, request: &Value) -> Result<Value> {
        let server = SocketAddr::from((self.node.v4(), RPC_PORT));
        let body = request.to_string();
        for _ in 0..2 {
            let header = format!("X-Transmission-Session-Id: {}\r\n", self.session);
            let answer = http::ask(server, "/transmission/rpc", &header, Some(body.as_bytes()))?;
            if answer.status == 409 {
                let session = answer.header("X-Transmission-Session-Id");
                session.context("no session in its 409")?.clone_into(&mut self.session);
                continue;
            }
            let answer: Value = serde_json::from_slice(&answer.body)?;
            ensure!(answer["result"] == "success", "Transmission: {request}: {answer}");
            return Ok(answer["arguments"].clone());
        }
        anyhow::bail!("Transmission takes no session");
    }
}

impl Client for Transmission {
    fn name(&self) -> &'static str {
        "Transmission"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    /// Transmission 3 does not.
    fn makes_empty_files(&self) -> bool {
        false
    }

    fn reads_hybrids(&mut self) -> Result<bool> {
        let torrent = base64::encode(FOREIGN_HYBRID);
        let add = json!({"method": "torrent-add", "arguments": {
            "metainfo": torrent, "paused": true, "download-dir": self.node.path("probe"),
        }});
        // Transmission 3 has it that the empty keys of a file tree (BEP 52) are corrupt.
        Ok(self.call(&add).is_ok())
    }

    fn seed(&mut self, content: &Content) -> Result<()> {
        content.lay_in(&self.node.content(), content.is_hybrid())?;
        self.get(content, Source::Torrent)?;
        let ids = [content.info_hash().to_string()];
        self.call(&json!({"method": "torrent-verify", "arguments": {"ids": ids}}))?;
        wait_until("Transmission to have checked its files", || self.is_complete(content))
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let source = match source {
            Source::Torrent => content.torrent().display().to_string(),
            Source::Magnet => content.magnet(),
        };
        let arguments = json!({"filename": source, "download-dir": self.node.content()});
        self.call(&json!({"method": "torrent-add", "arguments": arguments}))?;
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        let torrent = self.torrent(content)?;
        // Errors 1 and 2 are a tracker's; it may not be asked again before long.
        ensure!(torrent["error"] != 3, "Transmission: {}", torrent["errorString"]);
        let has_metadata = torrent["metadataPercentComplete"].as_f64() == Some(1.0);
        let has_all = torrent["leftUntilDone"] == 0 && torrent["status"] == SEEDING;
        Ok(has_metadata && has_all)
    }
}
