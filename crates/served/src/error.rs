use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {protocol} {address}: {source}")]
    Listen {
        /// "UDP" or "TCP".
        protocol: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A list cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    ReadList {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A list is longer than any that is read.
    #[error("{}: longer than the {limit} bytes that a list may have", .path.display())]
    LongList {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A line of a list is not what it should be.
    #[error("{}, {source}", .path.display())]
    BadList {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: announce::Error,
    },
    /// The system has no randomness to give.
    #[error("cannot draw a random secret: {0}")]
    Random(getrandom::Error),
}
