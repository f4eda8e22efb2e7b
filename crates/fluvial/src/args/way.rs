//! The way that traffic takes.

use std::net::IpAddr;

use clap::Args;

use engine::{Egress, EgressError};

/// Flags of the commands that speak with the world.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network")]
pub(crate) struct Way {
    /// Send and receive by this interface alone, DNS included: a name such as tun0, or an IP of
    /// it; when it goes away, nothing flows
    #[arg(long, value_name = "IFACE")]
    pub(crate) bind: Option<String>,
    /// With --bind, ask this name server; repeat for several [default: the system's]
    #[arg(long, value_name = "IP", requires = "bind")]
    pub(crate) dns: Vec<IpAddr>,
}

impl Way {
    /// The way itself.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn open(&self) -> Result<Egress, EgressError> {
        match &self.bind {
            Some(interface) => Egress::over(interface, &self.dns),
            None => Ok(Egress::default()),
        }
    }
}
