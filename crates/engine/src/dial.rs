use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::conduit::Conduit;
use crate::egress::Egress;
use crate::greet::{Greeter, Hello, Manner};
use crate::stream::{Stream, Transport};
use crate::tuning;
use crate::utps::Utp;

/// All attempts at one peer together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a peer may take to answer our hello: some accept connections and never look at them.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often a handshake is begun that has bad luck with its keys. One in 256 has.
const TRIES: usize = 3;

/// How long TCP is tried alone. Where it works, it has answered by then, mostly; where an address
/// translator or a firewall is in the way, it never would.
const HEAD_START: Duration = Duration::from_millis(400);

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
        let first = stream.transport();
        let failure = match self.greet(to, first, Some(stream), &hello).await {
            Ok(conduit) => return Ok(conduit),
            Err(failure) => failure,
        };
        let Some(other) = self.other(first, to) else {
            return Err(failure);
        };
        self.greet(to, other, None, &hello).await.map_err(|_| failure)
    }

    /// Says hello over one transport, in each manner that is allowed; the first one on what has
    /// been opened, if anything has.
    async fn greet(
        &self,
        to: SocketAddr,
        transport: Transport,
        mut opened: Option<Stream>,
        hello: &Hello,
    ) -> io::Result<Conduit> {
        let mut failure = io::ErrorKind::NotConnected.into();
        for manner in self.greeter.manners() {
            for _ in 0..TRIES {
                let stream = match opened.take() {
                    Some(stream) => stream,
                    None => self.open(to, transport).await?,
                };
                match self.hear(stream, *manner, hello).await {
                    Ok(conduit) => return Ok(conduit),
                    // Silence means that nobody listens there; who wants another manner hangs up.
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
                    Err(error) => failure = error,
                }
                if failure.kind() != io::ErrorKind::Interrupted {
                    break;
                }
            }
        }
        Err(failure)
    }

    async fn hear(&self, stream: Stream, manner: Manner, hello: &Hello) -> io::Result<Conduit> {
        let said = async {
            match manner {
                Manner::Plain => self.greeter.ask_plainly(stream, hello).await,
                Manner::Disguised => self.greeter.ask(stream, hello).await,
            }
        };
        let heard = tokio::time::timeout(PATIENCE, said).await;
        heard.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What else may be tried.
    fn other(&self, first: Transport, to: SocketAddr) -> Option<Transport> {
        self.utp(to).filter(|_| self.transport == Transport::Both)?;
        Some(if first == Transport::Utp { Transport::Tcp } else { Transport::Utp })
    }

    async fn open(&self, to: SocketAddr, transport: Transport) -> io::Result<Stream> {
        match (transport, self.utp(to)) {
            (Transport::Utp, Some(utp)) => utp.connect(to).await.map(Stream::Utp),
            _ => self.tcp(to).await,
        }
    }

    fn utp(&self, to: SocketAddr) -> Option<&Utp> {
        self.utp.iter().find(|utp| utp.is_ipv6() == to.is_ipv6())
    }

    async fn race(&self, to: SocketAddr) -> io::Result<Stream> {
        let utp = self.utp(to).filter(|_| self.transport != Transport::Tcp);
        let Some(utp) = utp else {
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

#[cfg(test)]
mod tests;
