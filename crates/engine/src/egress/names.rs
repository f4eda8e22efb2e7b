//! Names looked up over a certain interface: the system's resolver would take any.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Egress;

/// Where name servers listen (RFC 1035 §4.2).
pub(super) const PORT: u16 = 53;

/// Servers that are asked, one after the other.
const SERVERS_MAX: usize = 3;
/// Times that each is asked.
const ROUNDS: usize = 2;
/// How long one has to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer in a datagram; a longer one comes over TCP.
const DATAGRAM_MAX: usize = 4_096;
/// Addresses of one name.
const ADDRESSES_MAX: usize = 32;
/// What is read of a file of the system's.
const FILE_MAX: u64 = 1 << 20;

/// The system's name servers, other than those on this machine.
pub(super) fn servers_of_system() -> Vec<SocketAddr> {
    // Where a server of systemd's is in between, it knows the others by this file.
    let files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
    let all = files.map(|file| servers_in(&read(file)));
    all.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default()
}

fn servers_in(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let ip: IpAddr =
            words.next().filter(|it| *it == "nameserver").and(words.next())?.parse().ok()?;
        (!ip.is_loopback() && !ip.is_unspecified()).then_some(SocketAddr::new(ip, PORT))
    };
    text.lines().filter_map(server).take(SERVERS_MAX).collect()
}

/// Finds the addresses of a host, in the system's file of hosts or at a name server.
///
/// # Errors
/// When there are none, or nobody says.
pub(super) async fn lookup(
    egress: &Egress,
    servers: &[SocketAddr],
    host: &str,
) -> io::Result<Vec<IpAddr>> {
    // What this system calls a host is nobody else's business.
    let here = egress.proxy().is_none();
    let mut found = if here { in_hosts(&read("/etc/hosts"), host) } else { Vec::new() };
    let mut failure = None;
    if found.is_empty() {
        let ask = |kind| ask_all(egress, servers, host, kind);
        let (v4, v6) = tokio::join!(ask(TYPE::A), ask(TYPE::AAAA));
        for answer in [v4, v6] {
            match answer {
                Ok(addresses) => found.extend(addresses),
                Err(error) => failure = Some(error),
            }
        }
    }
    // An address that we have none of the family of is none for us.
    found.retain(|ip| !here || egress.address(ip.is_ipv6()).is_some());
    if found.is_empty() {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(failure.unwrap_or_else(none));
    }
    found.truncate(ADDRESSES_MAX);
    Ok(found)
}

fn in_hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip: IpAddr = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(ip)
    };
    text.lines().filter_map(address).take(ADDRESSES_MAX).collect()
}

async fn ask_all(
    egress: &Egress,
    servers: &[SocketAddr],
    host: &str,
    kind: TYPE,
) -> io::Result<Vec<IpAddr>> {
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..ROUNDS {
        for &server in servers.iter().take(SERVERS_MAX) {
            let asked = tokio::time::timeout(PATIENCE, ask(egress, server, host, kind)).await;
            match asked {
                Ok(Ok(Answer::Addresses(addresses))) => return Ok(addresses),
                Ok(Ok(Answer::Failed(reason))) => failure = io::Error::other(reason),
                Ok(Err(error)) => failure = error,
                Err(_) => {}
            }
        }
    }
    Err(failure)
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The addresses, maybe none.
    Addresses(Vec<IpAddr>),
    /// It cannot say; another may.
    Failed(String),
}

/// Asks a server, from a port that nobody can foresee.
async fn ask(egress: &Egress, server: SocketAddr, host: &str, kind: TYPE) -> io::Result<Answer> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let id = u16::from_be_bytes(id);
    let query = query(id, host, kind)?;
    if egress.proxy().is_some() {
        return ask_at_length(egress, server, &query, (id, host, kind)).await;
    }
    let socket = egress.udp_towards(server)?;
    socket.connect(server).await?;
    socket.send(&query).await?;
    let mut buffer = [0; DATAGRAM_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match read_answer(&buffer[..length], id, host, kind) {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(Truncated)) => {
                return ask_at_length(egress, server, &query, (id, host, kind)).await;
            }
            // Not an answer to this.
            None => {}
        }
    }
}

/// Asks over a connection, where answers may be of any length.
async fn ask_at_length(
    egress: &Egress,
    server: SocketAddr,
    query: &[u8],
    (id, host, kind): (u16, &str, TYPE),
) -> io::Result<Answer> {
    let mut stream = egress.connect(server).await?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    match read_answer(&answer, id, host, kind) {
        Some(Ok(answer)) => Ok(answer),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn query(id: u16, host: &str, kind: TYPE) -> io::Result<Vec<u8>> {
    let name = Name::new(host).map_err(io::Error::other)?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(io::Error::other)
}

/// There is more than fits a datagram.
#[derive(Debug, PartialEq, Eq)]
struct Truncated;

/// Reads the answer to a query; `None` when it is none.
fn read_answer(bytes: &[u8], id: u16, host: &str, kind: TYPE) -> Option<Result<Answer, Truncated>> {
    let packet = Packet::parse(bytes).ok()?;
    let asked = packet.questions.first()?;
    let name = asked.qname.to_string();
    let same = name.trim_end_matches('.').eq_ignore_ascii_case(host.trim_end_matches('.'));
    if packet.id() != id
        || !packet.has_flags(PacketFlag::RESPONSE)
        || !same
        || asked.qtype != kind.into()
    {
        return None;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Err(Truncated));
    }
    let address = |data: &RData<'_>| match data {
        RData::A(it) if kind == TYPE::A => Some(IpAddr::from(it.address.to_be_bytes())),
        RData::AAAA(it) if kind == TYPE::AAAA => Some(IpAddr::from(it.address.to_be_bytes())),
        _ => None,
    };
    Some(Ok(match packet.rcode() {
        RCODE::NoError | RCODE::NameError => {
            let all = packet.answers.iter().filter_map(|record| address(&record.rdata));
            Answer::Addresses(all.take(ADDRESSES_MAX).collect())
        }
        code => Answer::Failed(format!("the name server says {code:?}")),
    }))
}

/// A file of the system's, as far as it is there.
fn read(path: &str) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _what_was_read = file.take(FILE_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
