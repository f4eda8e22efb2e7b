//! rtorrent, driven through XML-RPC over SCGI.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::client::{Client, Manner, Source};
use crate::content::Content;
use crate::http;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::wait::wait_until;

/// What it says of a download that it does not have.
const UNKNOWN: &str = "Could not find info-hash";

const RPC_PORT: u16 = 5000;

/// `rtorrent` as a daemon with its defaults, but for discovery, which is off.
#[derive(Debug)]
pub struct Rtorrent {
    node: Node,
    process: Process,
}

impl Rtorrent {
    /// Starts it on a machine of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        Self::start_in(lab, Manner::Usual)
    }

    /// The same in this manner; it has no uTP.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_in(lab: &mut Lab, manner: Manner) -> Result<Self> {
        let node = lab.node("rtorrent")?;
        let encryption = match manner {
            Manner::Encrypted => "allow_incoming,try_outgoing,require,require_RC4",
            Manner::Usual | Manner::Utp => "none",
        };
        let settings = [
            format!("protocol.encryption.set = {encryption}"),
            "system.daemon.set = true".to_owned(),
            format!("network.scgi.open_port = 0.0.0.0:{RPC_PORT}"),
            "network.port_range.set = 6881-6881".to_owned(),
            "network.port_random.set = no".to_owned(),
            "dht.mode.set = disable".to_owned(),
            "protocol.pex.set = no".to_owned(),
            "trackers.use_udp.set = yes".to_owned(),
            format!("log.open_file = log, {}", node.path("rtorrent.log").display()),
            "log.add_output = debug, log".to_owned(),
            "log.add_output = tracker_debug, log".to_owned(),
        ];
        let config = node.path("rtorrent.rc");
        fs::write(&config, settings.join("\n") + "\n")?;
        let mut command = node.command(Path::new("rtorrent"));
        command.arg("-n").arg("-o").arg(format!("import={}", config.display()));
        let process = Process::start("rtorrent", command, &node.path("rtorrent-said.log"))?;
        let mut client = Self { node, process };
        wait_until("rtorrent's RPC to answer", || {
            client.process.check()?;
            Ok(client.call("system.client_version", &[]).is_ok())
        })?;
        Ok(client)
    }

    /// Seeders that its tracker told it of.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn scraped_seeders(&mut self, content: &Content) -> Result<u64> {
        let hash = format!("{}:t0", content.info_hash().to_string().to_uppercase());
        Ok(self.call("t.scrape_complete", &[&hash])?.parse()?)
    }

    /// The value that a method returns: what stands innermost in the answer.
    fn call(&self, method: &str, params: &[&str]) -> Result<String> {
        let param = |param: &&str| format!("<param><value>{}</value></param>", escape(param));
        let params = params.iter().map(param).collect::<Vec<_>>().concat();
        let body = format!(
            "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName>\
             <params>{params}</params></methodCall>"
        );
        let head = format!("CONTENT_LENGTH\0{}\0SCGI\x001\0", body.len());
        let request = format!("{}:{head},{body}", head.len());
        let server = SocketAddr::from((self.node.v4(), RPC_PORT));
        let answer = http::exchange(server, request.as_bytes())?;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(!answer.contains("<fault>"), "rtorrent: {method}: {answer}");
        let (_, value) = answer.split_once("<value>").context("rtorrent returns no value")?;
        let inner = value.split('<').find_map(|part| {
            let text = part.split_once('>').map_or(part, |(_, text)| text);
            (!text.is_empty()).then(|| text.to_owned())
        });
        Ok(inner.unwrap_or_default())
    }
}

impl Client for Rtorrent {
    fn name(&self) -> &'static str {
        "rtorrent"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let source = match source {
            Source::Torrent => content.torrent().display().to_string(),
            Source::Magnet => content.magnet(),
        };
        let folder = format!("d.directory.set=\"{}\"", self.node.content().display());
        self.call("load.start_verbose", &["", &source, &folder])?;
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        self.process.check()?;
        let hash = content.info_hash().to_string().to_uppercase();
        match self.call("d.complete", &[&hash]) {
            Ok(complete) => Ok(complete == "1"),
            // It loads in its own time, and drops a magnet link's download for the real one.
            Err(error) if error.to_string().contains(UNKNOWN) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
