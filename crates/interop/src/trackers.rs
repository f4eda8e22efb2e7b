//! Trackers in the lab, and what they know.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use announce::{AnnounceRequest, Event, ScrapeEntry, announce_url, parse_announce_response};
use announce::{UdpClient, UdpOutcome, parse_scrape_response, scrape_url};
use hash::Sha1Digest;
use stdx::{PeerId, Rng};

use crate::content::Content;
use crate::http;
use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::programs;
use crate::wait::{LOOK_EVERY, wait_until};

const PORT: u16 = 6969;
/// By name, for some clients cannot tell an IPv6 address of a UDP tracker from its port.
const NAME_V4: &str = "v4.tracker.test";
const NAME_V6: &str = "v6.tracker.test";

/// A machine with a tracker at port 6969 of each address, over HTTP and UDP.
#[derive(Debug)]
pub struct TrackerNode {
    node: Node,
    process: Option<Process>,
}

impl TrackerNode {
    /// A machine whose tracker is started by the caller.
    ///
    /// # Errors
    /// When the lab has no room.
    pub fn empty(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("tracker")?;
        lab.name(node.v4().into(), NAME_V4)?;
        lab.name(node.v6().into(), NAME_V6)?;
        Ok(Self { node, process: None })
    }

    /// `fluvial tracker`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        let mut tracker = Self::empty(lab)?;
        let mut command = tracker.node.command(&programs::fluvial()?);
        command.args(["tracker", "--json", "-vv", "--log", "tracker.log"]);
        let log = tracker.node.path("tracker-stderr.log");
        let mut process = Process::start_talking("fluvial tracker", command, &log)?;
        let ready = process.next()?;
        ensure!(ready["event"] == "ready", "fluvial tracker says {ready}");
        tracker.process = Some(process);
        Ok(tracker)
    }

    /// Its IPv4 address.
    pub fn v4(&self) -> Ipv4Addr {
        self.node.v4()
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn wait_until_it_answers(&self) -> Result<()> {
        let server = self.at(false);
        wait_until("the tracker to answer", || Ok(http::ask(server, "/", "", None).is_ok()))
    }

    /// An announce URL over `http` or `udp`.
    pub fn url(&self, scheme: &str, v6: bool) -> String {
        let name = if v6 { NAME_V6 } else { NAME_V4 };
        format!("{scheme}://{name}:{PORT}/announce")
    }

    /// What it says to a scrape over HTTP.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn swarm(&self, content: &Content) -> Result<ScrapeEntry> {
        let info_hash = content.info_hash();
        let url = scrape_url(&self.url("http", false), &[info_hash]).context("an announce URL")?;
        let answer = parse_scrape_response(&self.fetch(&url, false)?)?;
        let found = answer.files.iter().find(|(hash, _)| *hash == info_hash);
        Ok(found.map_or(ScrapeEntry::default(), |(_, entry)| *entry))
    }

    /// The same, over UDP.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn swarm_over_udp(&self, content: &Content) -> Result<ScrapeEntry> {
        let (server, started) = (self.at(false), Instant::now());
        let now = || stdx::Instant::ZERO + started.elapsed();
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        let mut client = UdpClient::new(Rng::new(1));
        client.scrape(now(), 0, server, &[content.info_hash()])?;
        let (mut out, mut buffer) = (Vec::new(), [0; 2048]);
        loop {
            while client.poll_transmit(&mut out).is_some() {
                socket.send_to(&out, server)?;
                out.clear();
            }
            // It is a time-out, mostly; the client counts them.
            if let Ok((length, source)) = socket.recv_from(&mut buffer) {
                client.handle_datagram(now(), source, &buffer[..length]);
            }
            client.handle_timeout(now());
            match client.poll_event().map(|event| event.outcome) {
                Some(UdpOutcome::Scraped(entries)) => {
                    return entries.first().copied().context("a scrape of one has one entry");
                }
                Some(outcome) => bail!("a scrape over UDP: {outcome:?}"),
                None => {}
            }
        }
    }

    /// The peers that it names to someone who asks over one family and leaves at once.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn peers(&self, info_hash: Sha1Digest, v6: bool) -> Result<Vec<SocketAddr>> {
        let mut request = AnnounceRequest {
            info_hash,
            peer_id: PeerId(*b"-XX0000-interop-test"),
            port: 1,
            left: 1,
            event: Event::Started,
            numwant: Some(100),
            ..AnnounceRequest::default()
        };
        let base = self.url("http", v6);
        let answer = parse_announce_response(&self.fetch(&announce_url(&base, &request), v6)?)?;
        request.event = Event::Stopped;
        self.fetch(&announce_url(&base, &request), v6)?;
        Ok(answer.peers)
    }

    /// Waits until so many seed.
    ///
    /// # Errors
    /// When it takes too long.
    pub fn wait_for_seeds(&self, content: &Content, seeds: u32) -> Result<()> {
        let what = format!("the tracker to know {seeds} seeds of {}", content.name());
        wait_until(&what, || Ok(self.swarm(content)?.seeders >= seeds))
    }

    fn at(&self, v6: bool) -> SocketAddr {
        let ip = if v6 { IpAddr::V6(self.node.v6()) } else { IpAddr::V4(self.node.v4()) };
        SocketAddr::new(ip, PORT)
    }

    fn fetch(&self, url: &str, v6: bool) -> Result<Vec<u8>> {
        let target = url.splitn(4, '/').nth(3).context("a path")?;
        Ok(http::ask(self.at(v6), &format!("/{target}"), "", None)?.body)
    }
}
