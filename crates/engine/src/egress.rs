//! How everything leaves this machine: the one place where outgoing sockets are made and names are
//! looked up, so that a wish as to the way holds for all of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::watch;

use announce::Scope;
use ipfilter::IpFilter;
use proxy::{ProxyUrl, Scheme};

mod forbidden;
mod interface;
mod names;
mod proxied;
mod relay;
mod standing;

pub(crate) use self::forbidden::Forbidden;
use self::interface::Interface;
use self::proxied::Proxied;
pub(crate) use self::relay::Relay;
pub use self::standing::ProxyStanding;

/// Why traffic cannot take the way that was named.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// No such interface, and no such address of one.
    #[error("there is no interface `{name}` here, nor one with that address; there are {known}")]
    Unknown {
        /// What was named.
        name: String,
        /// What could have been.
        known: String,
    },
    /// The system keeps us from it.
    #[error("traffic cannot be bound to `{name}`: {source}")]
    Refused {
        /// What was named.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Names cannot be looked up that way.
    #[error(
        "no name server can be asked over `{0}`: those of this system are on this machine itself; \
         name another one with --dns"
    )]
    NoServer(String),
}

/// The way that traffic takes: the system's choice, one interface alone, or a proxy; and to whom it
/// never goes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    bound: Option<Arc<Bound>>,
    proxied: Option<Arc<Proxied>>,
    /// Name servers that are asked through the proxy.
    distant: Arc<[SocketAddr]>,
    forbidden: Forbidden,
}

#[derive(Debug)]
struct Bound {
    interface: Interface,
    servers: Vec<SocketAddr>,
}

impl Egress {
    /// All traffic takes one interface, by its name or an address of it; when that goes away,
    /// nothing flows. Names are looked up over it, too, at `servers`, or at those of the system
    /// when there are none.
    ///
    /// # Errors
    /// When there is no such interface, or the system does not let us.
    pub fn over(name: &str, servers: &[IpAddr]) -> Result<Self, EgressError> {
        let interface = Interface::find(name)?;
        let servers = match servers {
            [] => names::servers_of_system(),
            named => named.iter().map(|&ip| SocketAddr::new(ip, names::PORT)).collect(),
        };
        if servers.is_empty() {
            return Err(EgressError::NoServer(name.to_owned()));
        }
        let bound = Some(Arc::new(Bound { interface, servers }));
        let egress = Self { bound, ..Self::default() };
        let probe = || {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            egress.bound().map_or(Ok(()), |bound| bound.interface.hold(&socket))
        };
        probe().map_err(|source| EgressError::Refused { name: name.to_owned(), source })?;
        Ok(egress)
    }

    /// The same, and there to a proxy: it is reached that way, and all else through it or not at
    /// all. It looks up the names of those that are connected to; others are asked for at
    /// `servers`, through it, or at those of the system that the world can reach.
    #[must_use]
    pub fn through(self, proxy: ProxyUrl, servers: &[IpAddr]) -> Self {
        let distant = match servers {
            [] => names::servers_of_system()
                .into_iter()
                .filter(|it| Scope::of(it.ip()) == Scope::Global)
                .collect(),
            named => named.iter().map(|&ip| SocketAddr::new(ip, names::PORT)).collect(),
        };
        Self { proxied: Some(Arc::new(Proxied::new(proxy))), distant, ..self }
    }

    /// The proxy that everything goes through, if one is named.
    pub fn proxy(&self) -> Option<&ProxyUrl> {
        Some(&self.proxied()?.url)
    }

    /// How the proxy does, and when that changes.
    pub fn proxy_standing(&self) -> Option<watch::Receiver<ProxyStanding>> {
        Some(self.proxied()?.standing.subscribe())
    }

    /// Whether names can be looked up whose addresses datagrams are to go to: a proxy looks up only
    /// those that it connects to.
    pub fn looks_up_names(&self) -> bool {
        self.proxied.is_none() || !self.distant.is_empty()
    }

    /// Whether datagrams go anywhere: HTTP proxies take none.
    pub fn carries_datagrams(&self) -> bool {
        self.proxy().is_none_or(|proxy| proxy.scheme() == Scheme::Socks5)
    }

    /// The interface that all traffic takes, by its name, where there is one.
    pub fn interface(&self) -> Option<&str> {
        Some(self.bound()?.interface.name())
    }

    /// The address that others see, of this family, where an interface is named.
    pub fn address(&self, v6: bool) -> Option<IpAddr> {
        self.bound()?.interface.address(v6)
    }

    /// Takes another filter in place of the one before, for all clones of this.
    pub fn set_filter(&self, filter: IpFilter) {
        self.forbidden.set(filter);
    }

    /// The addresses that are not dealt with now.
    pub fn filter(&self) -> IpFilter {
        self.forbidden.get()
    }

    /// What forbids them, whatever that is at the time.
    pub(crate) fn forbidden(&self) -> &Forbidden {
        &self.forbidden
    }

    /// Finds the addresses of a host, which may be one itself (an IPv6 one in brackets or not).
    ///
    /// # Errors
    /// When there are none.
    pub async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if self.proxied.is_none() {
            return self.lookup_directly(host, port).await;
        }
        let host = bare(host);
        let found = match host.parse() {
            Ok(ip) => vec![ip],
            Err(_) if self.distant.is_empty() => return Err(io::Error::other(NO_SERVER)),
            Err(_) => names::lookup(self, &self.distant, host).await?,
        };
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Where to connect to for a host. With a proxy, that is an address that stands for its name:
    /// what it is really, the proxy finds out.
    ///
    /// # Errors
    /// When it has no address.
    pub(crate) async fn places(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match (&self.proxied, bare(host).parse()) {
            (None, _) => self.lookup(host, port).await,
            (Some(_), Ok(ip)) => Ok(vec![SocketAddr::new(ip, port)]),
            (Some(proxied), Err(_)) => Ok(vec![SocketAddr::new(proxied.stand_in(host), port)]),
        }
    }

    /// Finds the addresses of a host as if there were no proxy: of that itself.
    async fn lookup_directly(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = bare(host);
        let Some(bound) = self.bound() else {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        };
        let direct = self.without_proxy();
        let found = match host.parse() {
            Ok(ip) => vec![ip],
            // Connecting to a proxy looks up, and looking up may connect.
            Err(_) => Box::pin(names::lookup(&direct, &bound.servers, host)).await?,
        };
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// The same for `HOST:PORT`.
    ///
    /// # Errors
    /// When it is not written so, or there are none.
    pub async fn lookup_named(&self, named: &str) -> io::Result<Vec<SocketAddr>> {
        let parts =
            named.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = parts else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not `HOST:PORT`"));
        };
        self.lookup(host, port).await
    }

    /// Connects by TCP.
    ///
    /// # Errors
    /// When nobody answers, or there is no way.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        match self.proxied() {
            Some(proxied) => proxied.connect(self, to).await,
            None => self.connect_directly(to).await,
        }
    }

    async fn connect_directly(&self, to: SocketAddr) -> io::Result<TcpStream> {
        if self.bound.is_none() {
            return TcpStream::connect(to).await;
        }
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        self.take(&socket, any(to))?;
        TcpSocket::from_std_stream(socket.into()).connect(to).await
    }

    /// Opens a UDP socket; on IPv6, for IPv6 alone.
    ///
    /// # Errors
    /// When the address cannot be had, or there is a proxy, which such a socket would get round.
    pub(crate) fn udp(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        self.bind(&socket, address)?;
        UdpSocket::from_std(socket.into())
    }

    /// Opens a UDP socket whose datagrams go through the proxy, where there is one.
    ///
    /// # Errors
    /// When there is no socket to be had, or the proxy takes no datagrams.
    pub(crate) fn relayed(&self) -> io::Result<Option<(UdpSocket, Relay)>> {
        let Some(proxied) = self.proxied() else {
            return Ok(None);
        };
        if !self.carries_datagrams() {
            return Err(io::Error::other(proxy::ProxyError::NoDatagrams));
        }
        let v6 = proxied.url.host().contains(':');
        let socket = self.without_proxy().udp(nowhere(v6))?;
        Ok(Some((socket, Relay::start(self.clone(), v6))))
    }

    /// Opens a UDP socket to speak to `to` from.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) fn udp_towards(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        self.udp(any(to))
    }

    /// Gives a socket its address, and keeps it to the interface.
    ///
    /// # Errors
    /// When the address cannot be had there, or there is a proxy, which this would get round.
    pub(crate) fn bind(&self, socket: &Socket, address: SocketAddr) -> io::Result<()> {
        self.refuse_round_proxy()?;
        self.take(socket, address)
    }

    /// Has a socket hear, on the interface that all goes through, what is sent to others than one
    /// address: a group.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub(crate) fn bind_all(&self, socket: &Socket, address: SocketAddr) -> io::Result<()> {
        self.refuse_round_proxy()?;
        if let Some(bound) = self.bound() {
            bound.interface.hold(socket)?;
        }
        socket.bind(&address.into())
    }

    fn refuse_round_proxy(&self) -> io::Result<()> {
        match self.proxied {
            Some(_) => Err(io::Error::other("it would not go through the proxy")),
            None => Ok(()),
        }
    }

    fn take(&self, socket: &Socket, address: SocketAddr) -> io::Result<()> {
        let Some(bound) = self.bound() else {
            return socket.bind(&address.into());
        };
        let address = bound.interface.local(address)?;
        bound.interface.hold(socket)?;
        socket.bind(&address.into())
    }

    fn without_proxy(&self) -> Self {
        Self { proxied: None, ..self.clone() }
    }

    fn proxied(&self) -> Option<&Proxied> {
        self.proxied.as_deref()
    }

    fn bound(&self) -> Option<&Bound> {
        self.bound.as_deref()
    }
}

/// Why names have no address where datagrams are to go.
const NO_SERVER: &str =
    "names are not looked up beside the proxy; name a server that it reaches with --dns";

/// Any address and port of the family of another one.
fn any(like: SocketAddr) -> SocketAddr {
    nowhere(like.is_ipv6())
}

/// Any address and port of a family.
fn nowhere(v6: bool) -> SocketAddr {
    if v6 { ([0_u16; 8], 0).into() } else { ([0; 4], 0).into() }
}

/// A host without the brackets of IPv6.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests;
