use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::conduit::Conduit;
use crate::egress::Egress;
use crate::greet::{Encryption, Greeter, Hello};
use crate::stream::Stream;
use crate::tuning;
use crate::utps::Utp;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long TCP is tried alone. Where it works, it has answered by then, mostly; where an address
/// translator or a firewall is in the way, it never would.
const HEAD_START: Duration = Duration::from_millis(400);

/// What carries connections to peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP alone.
    Tcp,
    /// uTP alone (BEP 29).
    Utp,
    /// Whichever answers first, with a head start for TCP; both are accepted.
    #[default]
    Both,
}

/// Opens connections.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) transport: Transport,
    pub(crate) utp: Vec<Utp>,
    pub(crate) greeter: Greeter,
    pub(crate) egress: Egress,
}

impl Dialer {
    /// Connects to a peer and says hello, where one is given.
    ///
    /// # Errors
    /// When no transport reaches it in time, or nothing that we speak is heard there.
    pub(crate) async fn connect(
        &self,
        to: SocketAddr,
        hello: Option<Hello>,
    ) -> io::Result<Conduit> {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.begin(to, hello)).await;
        connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn begin(&self, to: SocketAddr, hello: Option<Hello>) -> io::Result<Conduit> {
        let stream = self.race(to).await?;
        let Some(hello) = hello else {
            return Ok(Conduit::plain(stream));
        };
        match self.greeter.encryption {
            Encryption::Off => Ok(Conduit::plain(stream)),
            Encryption::Require => self.greeter.ask(stream, &hello).await,
            Encryption::Prefer => match self.greeter.ask_plainly(stream, &hello).await {
                Ok(conduit) => Ok(conduit),
                // Who wants disguise hangs up on plain words.
                Err(error) => {
                    let stream = self.race(to).await?;
                    self.greeter.ask(stream, &hello).await.map_err(|_| error)
                }
            },
        }
    }

    async fn race(&self, to: SocketAddr) -> io::Result<Stream> {
        let utp = self.utp.iter().find(|utp| utp.is_ipv6() == to.is_ipv6());
        let Some(utp) = utp.filter(|_| self.transport != Transport::Tcp) else {
            if self.transport == Transport::Utp {
                return Err(io::Error::other("no UDP socket of the peer's address family"));
            }
            return self.tcp(to).await;
        };
        if self.transport == Transport::Utp {
            return utp.connect(to).await.map(Stream::Utp);
        }
        let mut first = std::pin::pin!(self.tcp(to));
        let failed = match tokio::time::timeout(HEAD_START, &mut first).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let mut second = std::pin::pin!(utp.connect(to));
        if let Some(error) = failed {
            // What TCP said tells more than a time-out.
            return second.await.map(Stream::Utp).map_err(|_| error);
        }
        tokio::select! {
            stream = &mut first => match stream {
                Ok(stream) => Ok(stream),
                Err(error) => second.await.map(Stream::Utp).map_err(|_| error),
            },
            stream = &mut second => match stream {
                Ok(stream) => Ok(Stream::Utp(stream)),
                Err(_) => first.await,
            },
        }
    }

    async fn tcp(&self, to: SocketAddr) -> io::Result<Stream> {
        let stream = self.egress.connect(to).await?;
        tuning::tune(&stream);
        Ok(Stream::Tcp(stream))
    }
}
