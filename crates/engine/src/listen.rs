use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::egress::Egress;
use crate::mind::Input;
use crate::stream::Stream;
use crate::tuning;
use crate::udp::UdpPort;
use crate::utps::UtpStream;

/// Where peers were expected when no address was named.
pub const DEFAULT_PORT: u16 = 6881;

const BACKLOG: i32 = 1024;

/// Pause when the system has no more sockets to give: others must end first.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// Why a named address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; name another address or port 0")]
pub struct ListenError {
    /// What was named.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// Opens the named addresses; with none, the default port (or any free one) on IPv4 and IPv6. None
/// behind a proxy: who comes from outside would see where we are.
///
/// # Errors
/// When an address that was named cannot be had.
pub(crate) fn open(egress: &Egress, named: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    if egress.proxy().is_some() {
        return Ok(Vec::new());
    }
    if named.is_empty() {
        return open_default(|address| bind(egress, address), TcpListener::local_addr);
    }
    named
        .iter()
        .map(|&address| bind(egress, address).map_err(|source| ListenError { address, source }))
        .collect()
}

/// Opens the UDP ports that go with listening sockets: TCP and UDP take the same number. Without
/// one that nobody named, uTP and the DHT are left out.
///
/// # Errors
/// When the port of an address that was named cannot be had.
pub(crate) fn open_udp(
    egress: &Egress,
    named: &[SocketAddr],
    listening: &[SocketAddr],
) -> Result<Vec<Arc<UdpPort>>, ListenError> {
    let mut ports = Vec::new();
    for &address in listening {
        match UdpPort::bind(egress, address) {
            Ok(port) => ports.push(Arc::new(port)),
            Err(source) if named.contains(&address) => {
                return Err(ListenError { address, source });
            }
            Err(error) => tracing::info!(%error, "no UDP at {address}, and so no uTP and no DHT"),
        }
    }
    Ok(ports)
}

/// Opens the default port, or any free one, on IPv4 and IPv6, as far as there are both.
///
/// # Errors
/// When neither is to be had.
pub(crate) fn open_default<T>(
    bind: impl Fn(SocketAddr) -> io::Result<T>,
    port_of: impl Fn(&T) -> io::Result<SocketAddr>,
) -> Result<Vec<T>, ListenError> {
    let v4 = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let first = bind(v4(DEFAULT_PORT)).or_else(|_| {
        tracing::info!("port {DEFAULT_PORT} is busy; taking another");
        bind(v4(0)).map_err(|source| ListenError { address: v4(0), source })
    });
    let port = match &first {
        Ok(first) => port_of(first).map_or(0, |address| address.port()),
        Err(_) => DEFAULT_PORT,
    };
    // A host without IPv6 still serves IPv4, and the other way round.
    match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Ok(second) => Ok(first.into_iter().chain([second]).collect()),
        Err(_) => first.map(|first| vec![first]),
    }
}

fn bind(egress: &Egress, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    egress.bind(&socket, address)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Hands connections to the mind, for ever.
pub(crate) async fn accept(listener: TcpListener, inputs: Sender<Input>) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                failing = false;
                tuning::tune(&stream);
                let stream = Stream::Tcp(stream);
                if inputs.send(Input::Incoming(stream, remote)).await.is_err() {
                    return;
                }
            }
            // That connection is gone; the next may be there already.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept connections for now");
                }
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// The same for uTP's.
pub(crate) async fn accept_utp(
    mut streams: Receiver<(UtpStream, SocketAddr)>,
    inputs: Sender<Input>,
) {
    while let Some((stream, remote)) = streams.recv().await {
        if inputs.send(Input::Incoming(Stream::Utp(stream), remote)).await.is_err() {
            return;
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests;
