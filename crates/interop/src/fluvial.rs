//! The binary under test, as a client.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::client::{Client, Source};
use crate::content::Content;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::programs;

/// The port of its first process; the next have the following ones.
const FIRST_PORT: u16 = 7001;

/// One process for each content.
#[derive(Debug)]
pub struct Fluvial {
    node: Node,
    flags: Vec<String>,
    /// Trusted for TLS instead of what is installed.
    trusted: Option<PathBuf>,
    jobs: BTreeMap<String, Job>,
    next_port: u16,
    discovers: bool,
    /// It listens on whatever IPv4 addresses its machine has.
    everywhere: bool,
}

#[derive(Debug)]
struct Job {
    process: Process,
    log: String,
    /// What it has printed.
    events: Vec<Value>,
}

impl Fluvial {
    /// A machine for it; `flags` go to every command.
    ///
    /// # Errors
    /// When the lab has no room.
    pub fn start(lab: &mut Lab, flags: &[&str]) -> Result<Self> {
        Ok(Self::on(lab.node("fluvial")?, flags))
    }

    /// On a machine that is there. It finds peers in every way that `flags` leave it.
    pub fn discovering_on(node: Node, flags: &[&str]) -> Self {
        Self { discovers: true, ..Self::on(node, flags) }
    }

    fn on(node: Node, flags: &[&str]) -> Self {
        let mut ours = Self {
            node,
            flags: Vec::new(),
            trusted: None,
            jobs: BTreeMap::new(),
            next_port: FIRST_PORT - 1,
            discovers: false,
            everywhere: false,
        };
        ours.replace_flags(flags);
        ours
    }

    /// Has it listen on whatever IPv4 addresses its machine has at the time.
    pub fn listen_everywhere(&mut self) {
        self.everywhere = true;
    }

    /// The same on a machine that is there.
    pub fn start_at(node: &Node, flags: &[&str]) -> Self {
        Self::on(node.clone(), flags)
    }

    /// Has it trust those that this file of certificates names, and nobody else.
    pub fn trust(&mut self, certificates: &Path) {
        self.trusted = Some(certificates.to_owned());
    }

    /// What goes to every command from now on.
    pub fn replace_flags(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(ToString::to_string).collect();
    }

    /// Ends a command as a crash would.
    pub fn kill(&mut self, content: &Content) {
        self.jobs.remove(content.name());
    }

    /// Asks a command to end.
    ///
    /// # Errors
    /// When it is not there.
    pub fn terminate(&mut self, content: &Content) -> Result<()> {
        self.job(content)?.process.terminate()
    }

    /// The same, which finds peers in every way that `flags` leave it.
    ///
    /// # Errors
    /// When the lab has no room.
    pub fn start_discovering(lab: &mut Lab, flags: &[&str]) -> Result<Self> {
        Ok(Self { discovers: true, ..Self::start(lab, flags)? })
    }

    /// Where its first process can be connected to.
    pub fn address(&self) -> SocketAddr {
        (self.node.v4(), FIRST_PORT).into()
    }

    /// The same in the DHT that this node is of, and in no other way.
    ///
    /// # Errors
    /// When the lab has no room.
    pub fn start_in_dht(lab: &mut Lab, bootstrap: SocketAddr) -> Result<Self> {
        let bootstrap = bootstrap.to_string();
        Self::start_discovering(lab, &["--no-lsd", "--no-pex", "--bootstrap", &bootstrap])
    }

    /// Whether a line of the log holds this.
    ///
    /// # Errors
    /// When there is no log.
    pub fn has_logged(&self, content: &Content, text: &str) -> Result<bool> {
        let job = self.jobs.get(content.name()).context("it knows nothing of it")?;
        let log = std::fs::read_to_string(self.node.path(&job.log))?;
        Ok(log.lines().any(|line| line.contains(text)))
    }

    /// What `complete` said of a content that was got.
    pub fn complete_event(&self, content: &Content) -> Option<&Value> {
        let mut events = self.jobs.get(content.name())?.events.iter();
        events.find(|event| event["event"] == "complete")
    }

    /// Everything that was printed about a content so far.
    ///
    /// # Errors
    /// When it reports an error, or has ended badly.
    pub fn events(&mut self, content: &Content) -> Result<&[Value]> {
        let job = self.job(content)?;
        while let Some(event) = job.process.next_if_any() {
            ensure!(event["event"] != "error", "fluvial: {}", event["message"]);
            job.events.push(event);
        }
        job.process.check()?;
        Ok(&job.events)
    }

    /// Shares the content from where it was published; returns the address of the page.
    ///
    /// # Errors
    /// When it does not.
    pub fn share(&mut self, content: &Content) -> Result<String> {
        let ready =
            self.launch(content, &["share".as_ref(), content.original().as_os_str()])?.next()?;
        let page = ready["page"].as_str().context("no page")?;
        Ok(page.to_owned())
    }

    /// Waits until the command has ended by itself, as `get` does.
    ///
    /// # Errors
    /// When it fails, or does not end.
    pub fn finish(&mut self, content: &Content) -> Result<()> {
        self.job(content)?.process.finish()
    }

    fn job(&mut self, content: &Content) -> Result<&mut Job> {
        let job = self.jobs.get_mut(content.name());
        job.ok_or_else(|| anyhow::anyhow!("fluvial knows nothing of {}", content.name()))
    }

    fn launch(&mut self, content: &Content, args: &[&std::ffi::OsStr]) -> Result<&mut Process> {
        self.next_port += 1;
        let (port, v6) = (self.next_port, self.node.v6());
        let v4 = if self.everywhere { Ipv4Addr::UNSPECIFIED } else { self.node.v4() };
        let mut command = self.node.command(&programs::fluvial()?);
        let said = format!("{port}.log");
        command
            .args(args)
            .args(["--json", "-vv", "--log", &said])
            .args((!self.discovers).then_some("--no-discovery"))
            .args(["--listen", &SocketAddr::from((v4, port)).to_string()])
            .args(&self.flags);
        if let Some(certificates) = &self.trusted {
            command.env("SSL_CERT_FILE", certificates);
        }
        if !self.node.is_at_home() && !self.everywhere {
            command.args(["--listen", &format!("[{v6}]:{port}")]);
        }
        let log = self.node.path(&format!("{port}-stderr.log"));
        let process = Process::start_talking("fluvial", command, &log)?;
        let job = Job { process, log: said, events: Vec::new() };
        self.jobs.insert(content.name().to_owned(), job);
        Ok(&mut self.job(content)?.process)
    }
}

impl Client for Fluvial {
    fn name(&self) -> &'static str {
        "fluvial"
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn seed(&mut self, content: &Content) -> Result<()> {
        content.lay_in(&self.node.content(), false)?;
        let path = self.path_of(content);
        let args = ["seed".as_ref(), content.torrent().as_os_str(), path.as_os_str()];
        let ready = self.launch(content, &args)?.next()?;
        ensure!(ready["event"] == "ready", "fluvial seed says {ready}");
        Ok(())
    }

    fn get(&mut self, content: &Content, source: Source) -> Result<()> {
        let magnet = content.magnet();
        let source = match source {
            Source::Torrent => content.torrent().as_os_str(),
            Source::Magnet => magnet.as_ref(),
        };
        let folder = self.node.content();
        self.launch(content, &["get".as_ref(), source, "-o".as_ref(), folder.as_os_str()])?;
        Ok(())
    }

    fn is_complete(&mut self, content: &Content) -> Result<bool> {
        Ok(self.events(content)?.iter().any(|event| event["event"] == "complete"))
    }
}
