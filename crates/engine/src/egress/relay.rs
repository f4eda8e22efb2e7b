//! Datagrams through a SOCKS5 proxy: an address of it that passes them on, for as long as a
//! connection lasts.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use proxy::{Command, Target};

use super::{Egress, nowhere};
use crate::tuning;

/// All of asking for it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long is waited for it where the first datagrams matter.
const SETTLING_MAX: Duration = Duration::from_secs(5);
/// Pause after it ended or was refused, at first and at most.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// Where the datagrams of one socket go, whoever they are for: somewhere, or for a time nowhere.
/// Ends when dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    place: watch::Receiver<Option<SocketAddr>>,
    asking: JoinHandle<()>,
}

impl Relay {
    /// Has one asked for, again and again; it is spoken to over one address family.
    pub(super) fn start(egress: Egress, v6: bool) -> Self {
        let (put, place) = watch::channel(None);
        let asking = tokio::spawn(keep(egress, v6, put));
        Self { place, asking }
    }

    /// Where datagrams are to be sent now.
    pub(crate) fn place(&self) -> Option<SocketAddr> {
        *self.place.borrow()
    }

    /// Waits until there is such a place, for the first time at least, but not for long.
    pub(crate) async fn settle(&self) {
        let mut place = self.place.clone();
        let _late = timeout(SETTLING_MAX, place.wait_for(Option::is_some)).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn keep(egress: Egress, v6: bool, put: watch::Sender<Option<SocketAddr>>) {
    let mut pause = PAUSE_MIN;
    loop {
        let late = |_| Err(io::ErrorKind::TimedOut.into());
        match timeout(PATIENCE, ask(&egress, v6)).await.unwrap_or_else(late) {
            Ok((mut connection, to)) => {
                tracing::info!(%to, "the proxy passes on datagrams");
                pause = PAUSE_MIN;
                // Else nobody would notice a proxy that is gone without a word.
                tuning::tune(&connection);
                put.send_replace(Some(to));
                // It says nothing more: whatever comes, the end included, is the end.
                let _how = connection.read_u8().await;
                put.send_replace(None);
                tracing::info!("the proxy passes on datagrams no more; nothing is sent without it");
            }
            // People are told by the proxy's standing.
            Err(error) => tracing::info!(%error, "no datagrams go through the proxy"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn ask(egress: &Egress, v6: bool) -> io::Result<(TcpStream, SocketAddr)> {
    let proxied = egress.proxied().ok_or(io::ErrorKind::Unsupported)?;
    let from = Target::Address(nowhere(v6));
    let asked = proxied.ask(egress, Command::Associate, &from, Some(v6));
    let (connection, bound) = asked.await?;
    let there = connection.peer_addr()?.ip();
    let to = match bound {
        Some(Target::Address(to)) => SocketAddr::new(place_of(to.ip(), there), to.port()),
        Some(Target::Name(_, port)) => SocketAddr::new(there, port),
        None => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok((connection, to))
}

/// Proxies that do not know which of their addresses we see name none; it is the one that we see.
fn place_of(named: IpAddr, there: IpAddr) -> IpAddr {
    let named = named.to_canonical();
    let usable = !named.is_unspecified() && named.is_ipv4() == there.is_ipv4();
    if usable { named } else { there }
}
