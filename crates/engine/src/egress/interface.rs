use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::Socket;

use super::EgressError;

/// An interface that traffic is kept to, with one of its addresses if that was what was named.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    only: Option<IpAddr>,
}

impl Interface {
    /// Finds it by its name, or by an address of it.
    pub(super) fn find(named: &str) -> Result<Self, EgressError> {
        let refused = |source| EgressError::Refused { name: named.to_owned(), source };
        let all = if_addrs::get_if_addrs().map_err(refused)?;
        let only: Option<IpAddr> = named.parse().ok();
        let found = all.iter().find(|it| it.name == named || Some(it.ip()) == only);
        let Some(found) = found else {
            let known: BTreeSet<&str> = all.iter().map(|it| &*it.name).collect();
            let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
            return Err(EgressError::Unknown { name: named.to_owned(), known: known.join(", ") });
        };
        Ok(Self { name: found.name.clone(), only })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its address of a family, as it is now: one that the world may know rather than another.
    pub(super) fn address(&self, v6: bool) -> Option<IpAddr> {
        let mut all = self.addresses().ok()?;
        all.retain(|ip| ip.is_ipv6() == v6);
        all.into_iter().min_by_key(is_of_link)
    }

    /// What to bind to, where `address` was wished for.
    ///
    /// # Errors
    /// When the interface has no such address.
    pub(super) fn local(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let all = self.addresses()?;
        let is_there = if address.ip().is_unspecified() {
            all.iter().any(|ip| ip.is_ipv6() == address.is_ipv6())
        } else {
            all.contains(&address.ip())
        };
        if !is_there {
            let message = format!("`{}` has no such address", self.name);
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message));
        }
        match self.only {
            Some(only) if address.ip().is_unspecified() => {
                Ok(SocketAddr::new(only, address.port()))
            }
            _ => Ok(address),
        }
    }

    /// Keeps a socket to this interface, whatever the routes say.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn hold(&self, socket: &Socket) -> io::Result<()> {
        socket.bind_device(Some(self.name.as_bytes()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn hold(&self, _socket: &Socket) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no way to"))
    }

    /// Its addresses, as they are now; the one alone, if that was named.
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        let all = if_addrs::get_if_addrs()?.into_iter();
        let ours = all.filter(|it| it.name == self.name).map(|it| it.ip());
        Ok(ours.filter(|ip| self.only.is_none_or(|only| only == *ip)).collect())
    }
}

fn is_of_link(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
