//! Ports opened at a router, so that peers outside reach those inside.
//!
//! - `mapper`: the state machine that asks by whatever the router understands.
//! - `gateway`: its part that speaks PCP or NAT-PMP; `epoch`: whether the router has restarted.
//! - `device`: its part that speaks UPnP.
//! - `pcp` (RFC 6887), `natpmp` (RFC 6886), `ssdp`, `igd` (UPnP IGD 1 and 2): messages, to and
//!   from bytes; `xml`: what they share.
//! - `mapping`: what is asked for.

mod device;
mod epoch;
mod gateway;
mod igd;
mod mapper;
mod mapping;
mod natpmp;
mod pcp;
mod ssdp;
mod xml;

// The public interface is:
pub use igd::{Answer, Request};
pub use mapper::{Config, Event, MAPPINGS_MAX, Mapper, REMOVAL_MAX, Transmit};
pub use mapping::{Mapped, Mapping, Methods, Protocol, Transport};

#[cfg(test)]
mod tests;
