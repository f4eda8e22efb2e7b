//! The way through a proxy: every connection is one to the proxy, names included, and never
//! anything else.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use proxy::{Command, Dialogue, ProxyUrl, Step, Target};

use super::Egress;
use super::standing::Standing;

/// Addresses of the proxy that are tried.
const ADDRESSES_MAX: usize = 4;
/// Names that addresses stand for, at a time; the oldest go first.
const NAMES_MAX: usize = 4_096;
/// Addresses that stand for names: of a network where nothing ever arrives (RFC 6666).
const WORLD: u128 = 0x0100 << 112;
/// The same for names that networks use within themselves: unique local addresses (RFC 4193), so
/// that what may not be asked of such an address is not asked of such a name.
const NEARBY: u128 = 0xfd66_6c75_7669_616c << 64;
/// Names without a dot, and those that end like this, are not the world's (RFC 6761, 6762, 8375).
const NEARBY_ENDS: [&str; 7] =
    [".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa", ".intranet"];

/// A proxy, and the names that it is to find out.
#[derive(Debug)]
pub(super) struct Proxied {
    pub(super) url: ProxyUrl,
    pub(super) standing: Standing,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    by_number: BTreeMap<u64, String>,
    by_name: BTreeMap<String, u64>,
    next: u64,
}

impl Proxied {
    pub(super) fn new(url: ProxyUrl) -> Self {
        Self { url, standing: Standing::new(), names: Mutex::default() }
    }

    /// An address that stands for a name here, and nowhere else.
    pub(super) fn stand_in(&self, name: &str) -> IpAddr {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_nearby = !name.contains('.')
            || NEARBY_ENDS.iter().any(|end| name.ends_with(end))
            || ends_in_number(&name);
        let network = if is_nearby { NEARBY } else { WORLD };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Ipv6Addr::from_bits(network | u128::from(names.number(name))).into()
    }

    /// What an address means to the proxy.
    fn target(&self, to: SocketAddr) -> io::Result<Target> {
        let number = match to.ip() {
            IpAddr::V6(ip) if [WORLD, NEARBY].contains(&(ip.to_bits() >> 64 << 64)) => {
                ip.to_bits() as u64
            }
            _ => return Ok(Target::Address(to)),
        };
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = names.by_number.get(&number).cloned();
        let forgotten = || io::Error::new(io::ErrorKind::NotFound, "a name that is forgotten");
        Ok(Target::Name(name.ok_or_else(forgotten)?, to.port()))
    }

    /// Has the proxy connect.
    pub(super) async fn connect(&self, egress: &Egress, to: SocketAddr) -> io::Result<TcpStream> {
        let target = self.target(to)?;
        Ok(self.ask(egress, Command::Connect, &target, None).await?.0)
    }

    /// Has the proxy do what is asked for, over a connection to an address of it, of one family if
    /// that matters. Returns the connection, and what the proxy says that it has bound.
    pub(super) async fn ask(
        &self,
        egress: &Egress,
        command: Command,
        target: &Target,
        v6: Option<bool>,
    ) -> io::Result<(TcpStream, Option<Target>)> {
        let reached = self.reach(egress, v6).await;
        let mut stream = reached.inspect_err(|error| self.standing.unreachable(error))?;
        let failed = |error| {
            let text = format!("{}: {error}", self.url);
            self.standing.did_not(command, error, &text);
            io::Error::other(text)
        };
        let mut dialogue = Dialogue::new(&self.url, command, target).map_err(failed)?;
        let mut buffer = Vec::new();
        loop {
            match dialogue.step() {
                Step::Send(bytes) => stream.write_all(&bytes).await?,
                Step::Read(length) => {
                    buffer.resize(length, 0);
                    let read = stream.read_exact(&mut buffer).await;
                    read.map_err(|_| io::Error::other(format!("{} hung up", self.url)))?;
                    dialogue.handle(&buffer).map_err(failed)?;
                }
                Step::Done(bound) => {
                    self.standing.did(command);
                    return Ok((stream, bound));
                }
            }
        }
    }

    /// Connects to the proxy itself, the one thing that is reached directly.
    async fn reach(&self, egress: &Egress, v6: Option<bool>) -> io::Result<TcpStream> {
        let (host, port) = (self.url.host(), self.url.port());
        let mut found = egress.lookup_directly(host, port).await?;
        found.retain(|it| v6.is_none_or(|v6| it.is_ipv6() == v6));
        let none = io::Error::new(io::ErrorKind::NotFound, "no such address");
        let mut failure = none;
        for address in found.into_iter().take(ADDRESSES_MAX) {
            match egress.connect_directly(address).await {
                Ok(stream) => {
                    let _slower = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(io::Error::new(failure.kind(), format!("cannot reach {}: {failure}", self.url)))
    }
}

/// Whether a proxy may take a name for an IPv4 address in one of its old spellings, `127.1` or
/// `0x7f.0.0.1`: no name of the world ends in a number (RFC 3696 §2, URL Standard).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let (digits, radix) = last.strip_prefix("0x").map_or((last, 10), |digits| (digits, 16));
    digits.chars().all(|digit| digit.is_digit(radix))
}

impl Names {
    fn number(&mut self, name: String) -> u64 {
        if let Some(&number) = self.by_name.get(&name) {
            return number;
        }
        if self.by_number.len() >= NAMES_MAX
            && let Some((_, oldest)) = self.by_number.pop_first()
        {
            self.by_name.remove(&oldest);
        }
        self.next += 1;
        self.by_number.insert(self.next, name.clone());
        self.by_name.insert(name, self.next);
        self.next
    }
}

#[cfg(test)]
mod tests;
