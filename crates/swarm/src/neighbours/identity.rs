use std::net::{IpAddr, SocketAddr};

use stdx::is_local;

/// Who somebody is as far as limits, duplicates and bans go: the IP address, or on loopback,
/// private and link-local addresses, where many share one, the address with its port. Unspecified
/// ones stand for mirrors, each by its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    ip: IpAddr,
    port: Option<u16>,
}

impl Identity {
    /// The identity behind an address.
    pub fn of(addr: SocketAddr) -> Self {
        let ip = addr.ip().to_canonical();
        Self { ip, port: (is_local(ip) || ip.is_unspecified()).then_some(addr.port()) }
    }

    /// Whether others may have the same IP address.
    pub(super) fn is_shared(self) -> bool {
        self.port.is_some()
    }
}

/// Whether a connection to the address makes any sense.
pub(super) fn is_connectable(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    addr.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}
