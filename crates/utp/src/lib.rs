//! uTP (BEP 29): ordered, reliable streams over datagrams, with LEDBAT (RFC 6817) as congestion
//! control, which fills what others leave of a link and gives way to them.
//!
//! [`Endpoint`] is one socket's side of all its connections, a pure core: it is handed datagrams
//! and moments and hands out datagrams and events. Where this implementation goes beyond the text
//! of BEP 29, the modules say so: losses are found by order of sending as in QUIC (RFC 9002 §6.1),
//! windows shrink in proportion and are let drain at times (LEDBAT++), packets are paced, and the
//! size of packets is searched for with padding instead of payload.
//!
//! - `packet`: headers and extensions, to and from bytes.
//! - `endpoint`: who a datagram is for; half-open connections, strays, timers.
//! - `connection`: one connection's state machine, over `send`, `receive` and what measures the
//!   path: `rtt`, `delay`, `ledbat`, `pacer`, `mtu`.

mod config;
mod connection;
mod delay;
mod endpoint;
mod error;
mod ledbat;
mod mtu;
mod pacer;
mod packet;
mod receive;
mod rtt;
mod send;
mod seq;

// The public interface is:
pub use config::{Config, DATAGRAM_MAX};
pub use connection::{Stats, TIMEOUTS_MAX};
pub use endpoint::{Endpoint, Event, Handle, Transmit};
pub use error::{CloseReason, ConnectError, PacketError, StreamError};
pub use ledbat::TARGET;
pub use packet::{Header, Kind, Packet, SelectiveAck, looks_like_utp};
pub use seq::Seq;

#[cfg(test)]
mod tests;
