/// Why a message or an address could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A query lacks a key that it must have.
    #[error("the query has no {0}")]
    MissingKey(&'static str),
    /// A key of a query has a value that cannot be.
    #[error("the query's {0} is not valid")]
    BadValue(&'static str),
    /// A datagram is none of BEP 15.
    #[error("not a tracker datagram: {0}")]
    BadDatagram(&'static str),
    /// A tracker's answer is not what BEP 3 or BEP 48 describes.
    #[error("the tracker's answer has no valid {0}")]
    BadAnswer(&'static str),
    /// A tracker's answer is not bencoded.
    #[error("the tracker's answer is not bencoded: {0}")]
    NotBencoded(#[from] bencode::Error),
    /// A tracker's address cannot be used.
    #[error("tracker address \"{url}\": {reason}")]
    BadUrl {
        /// The address, shortened when long.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A line of an access list is not an info-hash.
    #[error("line {line}: expected an info-hash of 40 or 64 hexadecimal digits, found \"{found}\"")]
    BadAccessList {
        /// The line's number, from 1.
        line: usize,
        /// What stands there, shortened when long.
        found: String,
    },
    /// A line of a list of passkeys is not a passkey.
    #[error(
        "line {line}: expected a passkey, 1 to 128 letters, digits, \"-\", \".\", \"_\" or \"~\""
    )]
    BadPasskey {
        /// The line's number, from 1.
        line: usize,
    },
    /// Too many requests are under way.
    #[error("more than {limit} tracker requests under way")]
    TooManyRequests {
        /// The limit.
        limit: usize,
    },
}
