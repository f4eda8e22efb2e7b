//! What is asked of TCP for a connection.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Bytes that the system holds unsent, about. What is behind them waits: requests, haves and
/// chokes would be seconds late behind the megabytes that the system otherwise takes.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// What takes the place of BBR, the better one first; anybody may set the last.
#[cfg(target_os = "linux")]
const INSTEAD_OF_BBR: [&[u8]; 2] = [b"cubic", b"reno"];

/// After so much silence the system asks the other side whether it is still there, so many times,
/// with such pauses. Without it, one that is gone (a network that went away, an address that
/// changed, a machine that sleeps) keeps its place for minutes, and is not connected to anew.
const SILENCE: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_TIMES: u32 = 3;
/// The same where it owes us word of what we sent.
#[cfg(target_os = "linux")]
const OWED: Duration = Duration::from_secs(90);

/// Has TCP serve a connection of small urgent messages between blocks. Failing to say so only
/// makes it slower.
pub(crate) fn tune(stream: &TcpStream) {
    let _slower = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(SILENCE).with_interval(ASK_EVERY);
    let _later = socket.set_tcp_keepalive(&keepalive.with_retries(ASK_TIMES));
    #[cfg(target_os = "linux")]
    {
        let _later = socket.set_tcp_user_timeout(Some(OWED));
        let _slower = socket.set_tcp_notsent_lowat(UNSENT);
        avoid_bbr(&socket);
    }
}

/// BBR takes the least round trip of the last ten seconds for that of the path and sends no more
/// than twice what fits into it. Acknowledgements of a peer whose uplink is full wait in its queue,
/// which is what peers' uplinks are like: its seed then sends a fraction of what it could.
/// Measured (`cargo xtask bench swarm`): four peers at 10 Mbit/s and a seed ten times as fast took
/// 1.26 to 1.48 times the least possible time with BBR, 1.10 with the others.
#[cfg(target_os = "linux")]
fn avoid_bbr(socket: &SockRef<'_>) {
    let is_bbr = socket.tcp_congestion().is_ok_and(|name| name.starts_with(b"bbr"));
    if is_bbr {
        let _taken = INSTEAD_OF_BBR.iter().any(|name| socket.set_tcp_congestion(name).is_ok());
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
