//! What is said to proxies, so that others see their address instead of ours: SOCKS5 (RFC 1928,
//! 1929), for connections and datagrams, and HTTP's CONNECT (RFC 9110 §9.3.6).
//!
//! [`ProxyUrl`] is how a person names one; [`Dialogue`] is what is said on a connection to it,
//! until that is a tunnel; [`wrap`] and [`unwrap`] are what datagrams look like on their way.

mod connect;
mod datagram;
mod dialogue;
mod error;
mod socks;
mod target;
mod url;

// The public interface is:
pub use datagram::{HEADER_MAX, unwrap, wrap};
pub use dialogue::{Command, Dialogue, Step};
pub use error::ProxyError;
pub use target::Target;
pub use url::{ProxyUrl, Scheme, UrlError};
