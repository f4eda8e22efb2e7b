/// Why a datagram is no uTP packet (BEP 29).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It ends within the header.
    #[error("the packet ends after {0} bytes, within its header of 20")]
    Short(usize),
    /// Its version is not 1.
    #[error("the packet's version is {0}; only 1 is known")]
    Version(u8),
    /// Its type is none of the five.
    #[error("the packet's type is {0}; only 0 to 4 are known")]
    Kind(u8),
    /// An extension does not end before the packet does.
    #[error("an extension runs past the end of the packet")]
    Extension,
    /// The chain of extensions is longer than anybody needs.
    #[error("the packet has more than 16 extensions")]
    Extensions,
}

/// Why a connection was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint has as many as it may have.
    #[error("there are {0} connections already, the most of this endpoint")]
    Full(usize),
    /// Every connection id that was tried is in use with that address.
    #[error("too many connections to one address")]
    Ids,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The other side has never answered.
    #[error("no answer")]
    NoAnswer,
    /// The other side has stopped answering.
    #[error("the other side no longer answers")]
    TimedOut,
    /// The other side knows nothing of the connection, or has ended it at once.
    #[error("reset by the other side")]
    Reset,
}

/// Why a stream gives or takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not now; an [`Event`](crate::Event) will tell when to try again.
    #[error("not now")]
    Blocked,
    /// There is no such connection any more.
    #[error("the connection was closed")]
    Closed,
    /// It ended early.
    #[error(transparent)]
    Ended(#[from] CloseReason),
}
