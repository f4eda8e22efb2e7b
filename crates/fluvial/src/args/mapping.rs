//! How a router is asked to let peers in.

use std::time::Duration;

use clap::{Args, ValueEnum};

use portmap::Methods;

use crate::units::parse_duration;

/// Flags about ports at the router.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct Mapping {
    /// Do not ask the router to let peers in
    #[arg(long = "no-port-mapping", id = "no_port_mapping")]
    off: bool,
    /// How the router is asked to let peers in [default: PCP, then NAT-PMP, and UPnP beside]
    #[arg(long = "port-mapping", value_enum, value_name = "pcp|natpmp|upnp")]
    #[arg(hide_possible_values = true, conflicts_with = "no_port_mapping")]
    method: Option<Method>,
    /// How long the router keeps a port open when nobody renews it
    #[arg(long = "port-mapping-lease", value_name = "DUR", value_parser = parse_duration)]
    lease: Option<Duration>,
}

/// What routers understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    Pcp,
    Natpmp,
    Upnp,
}

impl Mapping {
    /// What the flags say, if ports are to be mapped at all.
    pub(crate) fn get(&self, no_discovery: bool) -> Option<engine::PortMapping> {
        let is_off = self.off || (no_discovery && self.method.is_none());
        let methods = self.method.map_or(Methods::ALL, |only| Methods {
            pcp: only == Method::Pcp,
            nat_pmp: only == Method::Natpmp,
            upnp: only == Method::Upnp,
        });
        let lease = self.lease.unwrap_or(engine::MAPPING_LEASE);
        (!is_off).then_some(engine::PortMapping { methods, lease })
    }
}
