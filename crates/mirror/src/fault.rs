use std::net::IpAddr;

use stdx::Duration;

/// What went wrong with a [`crate::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An HTTP status other than success.
    #[error("the server answers {}", status_name(*.0))]
    Status(u16),
    /// The server has no time now (HTTP 429, 503; FTP 421), and says when, if it does.
    #[error("the server is too busy")]
    Busy(Option<Duration>),
    /// FTP refused.
    #[error("the FTP server answers `{0}`")]
    Ftp(String),
    /// FTP refused, and will again.
    #[error("the FTP server answers `{0}`")]
    FtpRefused(String),
    /// The server sends files from their beginning, whatever is asked for.
    #[error("the server gives whole files only, not parts of them")]
    NoRanges,
    /// Other bytes than were asked for.
    #[error("the server answers with another range than it was asked for")]
    WrongRange,
    /// The file has another size than the torrent says.
    #[error("the file there has {is} bytes instead of {should}")]
    WrongSize {
        /// What the server says.
        is: u64,
        /// What the torrent says.
        should: u64,
    },
    /// Compressed or otherwise not the file's own bytes.
    #[error("the server sends the file encoded as `{0}`")]
    Encoded(String),
    /// Sent on and on, or to where we do not go.
    #[error("{0}")]
    Redirect(String),
    /// The host is at an address that a torrent may not name, nor a redirect from outside.
    #[error("`{0}` is an address that torrents and redirects may not name")]
    Forbidden(IpAddr),
    /// The host is at an address that the user does not deal with.
    #[error("`{0}` is an address that the IP filter forbids")]
    Filtered(IpAddr),
    /// No connection, or one that broke.
    #[error("{0}")]
    Network(String),
    /// Not whom we want to speak with, by the certificate, or nobody to speak TLS with.
    #[error("{0}")]
    Untrusted(String),
    /// The answer ended too soon.
    #[error("the server ends its answers too soon")]
    Short,
    /// Nothing came for too long, or next to nothing.
    #[error("nothing comes from the server")]
    Silent,
}

/// How far a [`Fault`] reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It may be over the next time.
    Passing,
    /// The server wants fewer connections, or none for a while.
    Busy(Option<Duration>),
    /// The server has to be asked for whole files.
    Ranges,
    /// This file is not there, and will not be.
    File,
    /// The mirror is of no use.
    Whole,
}

impl Fault {
    /// How far it reaches.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Status(status) => match status {
                408 | 425 | 500 | 502 | 504 | 507..=599 => Weight::Passing,
                _ => Weight::File,
            },
            Self::Busy(rest) => Weight::Busy(*rest),
            Self::Ftp(_) | Self::Network(_) | Self::Short | Self::Silent => Weight::Passing,
            Self::NoRanges => Weight::Ranges,
            Self::FtpRefused(_)
            | Self::WrongRange
            | Self::WrongSize { .. }
            | Self::Encoded(_)
            | Self::Redirect(_) => Weight::File,
            Self::Forbidden(_) | Self::Filtered(_) | Self::Untrusted(_) => Weight::Whole,
        }
    }
}

fn status_name(status: u16) -> String {
    let name = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        416 => "Range Not Satisfiable",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        _ => return format!("status {status}"),
    };
    format!("{status} {name}")
}
