use crate::connect::Connect;
use crate::error::ProxyError;
use crate::socks::Socks;
use crate::target::Target;
use crate::url::{ProxyUrl, Scheme};

/// What a proxy is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A connection.
    Connect,
    /// To pass on datagrams for as long as the connection to it lasts.
    Associate,
}

/// What comes next in a [`Dialogue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this.
    Send(Vec<u8>),
    /// Read exactly so many bytes, and hand them to [`Dialogue::handle`]: what comes after them may
    /// be the other side's already.
    Read(usize),
    /// It is done. With [`Command::Connect`], the connection is the tunnel now; with
    /// [`Command::Associate`], this is where datagrams are to be sent.
    Done(Option<Target>),
}

/// What is said on a connection to a proxy, until that does what was asked. A pure core: do what
/// [`step`](Self::step) says until it is done.
#[derive(Debug)]
pub struct Dialogue(Kind);

#[derive(Debug)]
enum Kind {
    Socks(Socks),
    Http(Connect),
}

impl Dialogue {
    /// Begins. The target of [`Command::Associate`] is where datagrams will come from, of which
    /// nothing need be known: any address with port 0.
    ///
    /// # Errors
    /// When the proxy cannot be asked for that.
    pub fn new(proxy: &ProxyUrl, command: Command, target: &Target) -> Result<Self, ProxyError> {
        Ok(Self(match (proxy.scheme(), command) {
            (Scheme::Socks5, _) => Kind::Socks(Socks::new(proxy.user(), command, target)?),
            (Scheme::Http, Command::Connect) => Kind::Http(Connect::new(proxy.user(), target)),
            (Scheme::Http, Command::Associate) => return Err(ProxyError::NoDatagrams),
        }))
    }

    /// What is to be done next.
    pub fn step(&mut self) -> Step {
        match &mut self.0 {
            Kind::Socks(socks) => socks.step(),
            Kind::Http(connect) => connect.step(),
        }
    }

    /// The proxy has said this: as much as [`Step::Read`] asked for.
    ///
    /// # Errors
    /// When it refuses; there is no going on then.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        match &mut self.0 {
            Kind::Socks(socks) => socks.handle(bytes),
            Kind::Http(connect) => connect.handle(bytes),
        }
    }
}
