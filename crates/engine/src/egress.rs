//! How everything leaves this machine: the one place where outgoing sockets are made and names are
//! looked up, so that a wish as to the way holds for all of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

mod interface;
mod names;

use self::interface::Interface;

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

/// The way that traffic takes: the system's choice, or one interface alone. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Egress(Option<Arc<Bound>>);

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
        let egress = Self(Some(Arc::new(Bound { interface, servers })));
        let probe = || {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            egress.bound().map_or(Ok(()), |bound| bound.interface.hold(&socket))
        };
        probe().map_err(|source| EgressError::Refused { name: name.to_owned(), source })?;
        Ok(egress)
    }

    /// The interface that all traffic takes, by its name, where there is one.
    pub fn interface(&self) -> Option<&str> {
        Some(self.bound()?.interface.name())
    }

    /// The address that others see, of this family, where an interface is named.
    pub fn address(&self, v6: bool) -> Option<IpAddr> {
        self.bound()?.interface.address(v6)
    }

    /// Finds the addresses of a host, which may be one itself (an IPv6 one in brackets or not).
    ///
    /// # Errors
    /// When there are none.
    pub async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let Some(bound) = self.bound() else {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        };
        let found = match host.parse() {
            Ok(ip) => vec![ip],
            Err(_) => names::lookup(self, &bound.servers, host).await?,
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
        if self.0.is_none() {
            return TcpStream::connect(to).await;
        }
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        self.bind(&socket, any(to))?;
        TcpSocket::from_std_stream(socket.into()).connect(to).await
    }

    /// Opens a UDP socket; on IPv6, for IPv6 alone.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(crate) fn udp(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        self.bind(&socket, address)?;
        UdpSocket::from_std(socket.into())
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
    /// When the address cannot be had there.
    pub(crate) fn bind(&self, socket: &Socket, address: SocketAddr) -> io::Result<()> {
        let Some(bound) = self.bound() else {
            return socket.bind(&address.into());
        };
        let address = bound.interface.local(address)?;
        bound.interface.hold(socket)?;
        socket.bind(&address.into())
    }

    fn bound(&self) -> Option<&Bound> {
        self.0.as_deref()
    }
}

/// Any address and port of the family of another one.
fn any(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    }
}

#[cfg(test)]
mod tests;
