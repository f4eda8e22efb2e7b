use std::net::{IpAddr, SocketAddr};

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

/// How far an address is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Site,
    World,
}

fn reach(ip: IpAddr) -> Reach {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        Reach::Machine
    } else if is_local(ip) {
        Reach::Site
    } else {
        Reach::World
    }
}

/// Whether somebody at `giver` can mean `named`: an address of the world is good for everybody,
/// one of a site for its neighbours. Otherwise it means nothing here, or a machine that is nobody's
/// business.
pub(crate) fn may_name(giver: SocketAddr, named: SocketAddr) -> bool {
    reach(named.ip()) >= reach(giver.ip())
}

/// Loopback, private (RFC 1918, RFC 4193) or link-local.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether a connection to the address makes any sense.
pub(super) fn is_connectable(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    addr.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}
