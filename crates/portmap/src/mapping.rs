use std::fmt;
use std::net::SocketAddr;

/// What carries the traffic of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// As UPnP writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A port of ours that others should reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapping {
    /// What carries its traffic.
    pub transport: Transport,
    /// Its number on this machine.
    pub port: u16,
}

/// What a router was asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Port Control Protocol (RFC 6887).
    Pcp,
    /// NAT Port Mapping Protocol (RFC 6886).
    NatPmp,
    /// UPnP Internet Gateway Device, version 1 or 2.
    Upnp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}

/// Where a port of ours is reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The router's address and port; its IP may be one of another network inside, where routers
    /// stand in a row.
    pub external: SocketAddr,
    /// How the router was asked.
    pub by: Protocol,
}

/// By what a router may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// Whether PCP is tried.
    pub pcp: bool,
    /// Whether NAT-PMP is tried.
    pub nat_pmp: bool,
    /// Whether UPnP is tried.
    pub upnp: bool,
}

impl Methods {
    /// All of them.
    pub const ALL: Self = Self { pcp: true, nat_pmp: true, upnp: true };
}
