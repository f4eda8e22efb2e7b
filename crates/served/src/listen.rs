use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::Error;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Bytes of datagrams that may wait to be read: about a second of a busy tracker.
const UDP_BUFFER: usize = 4 << 20;

/// Listens for connections. IPv6 sockets take IPv6 only, so that each family has its own.
pub(crate) fn tcp(address: SocketAddr, interface: Option<&str>) -> Result<TcpListener, Error> {
    let listen = || {
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        // A server that restarts must not wait for its old connections to be forgotten.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        keep_to(&socket, interface)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(|source| Error::Listen { protocol: "TCP", address, source })
}

/// Listens for datagrams.
pub(crate) fn udp(address: SocketAddr, interface: Option<&str>) -> Result<UdpSocket, Error> {
    let listen = || {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        // The system may grant less; that only matters under load.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER);
        let _ = socket.set_send_buffer_size(UDP_BUFFER);
        keep_to(&socket, interface)?;
        socket.bind(&address.into())?;
        // A thread waits for them.
        socket.set_nonblocking(false)?;
        Ok(socket.into())
    };
    listen().map_err(|source| Error::Listen { protocol: "UDP", address, source })
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Keeps a socket to one interface, whatever the routes say.
fn keep_to(socket: &Socket, interface: Option<&str>) -> io::Result<()> {
    let Some(name) = interface else {
        return Ok(());
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.bind_device(Some(name.as_bytes()));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    return Err(io::Error::new(io::ErrorKind::Unsupported, format!("cannot keep to `{name}`")));
}
