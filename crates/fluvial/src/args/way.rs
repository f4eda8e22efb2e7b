//! The way that traffic takes.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use engine::{Egress, EgressError};
use proxy::ProxyUrl;

/// Flags of the commands that speak with the world.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network")]
#[command(group(ArgGroup::new("way").args(["bind", "proxy"]).multiple(true)))]
pub(crate) struct Way {
    /// Send and receive by this interface alone, DNS included: a name such as tun0, or an IP of
    /// it; when it goes away, nothing flows
    #[arg(long, value_name = "IFACE")]
    pub(crate) bind: Option<String>,
    /// Send everything through this proxy: socks5://HOST:PORT (or USER:PASSWORD@HOST:PORT), or
    /// http://… which takes no UDP, and so no DHT and no uTP; what it does not take is not sent
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<ProxyUrl>,
    /// With --bind or --proxy, ask this name server, over that way; repeat for several
    /// [default: the system's]
    #[arg(long, value_name = "IP", requires = "way")]
    pub(crate) dns: Vec<IpAddr>,
    /// Deal with no peer or node whose address is in this list: networks, ranges, PeerGuardian's
    /// .p2p or eMule's .dat; read again on SIGHUP; repeat for several
    #[arg(long, value_name = "FILE")]
    pub(crate) ip_filter: Vec<PathBuf>,
}

impl Way {
    /// The way itself.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn open(&self) -> Result<Egress, EgressError> {
        let direct = match &self.bind {
            Some(interface) => Egress::over(interface, &self.dns)?,
            None => Egress::default(),
        };
        Ok(match &self.proxy {
            Some(proxy) => direct.through(proxy.clone(), &self.dns),
            None => direct,
        })
    }
}
