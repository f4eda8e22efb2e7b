use crate::{Asked, Url};

/// One of a mirror's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub usize);

/// A run of bytes to be fetched over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Over which one.
    pub line: LineId,
    /// From where.
    pub url: Url,
    /// Which bytes.
    pub asked: Asked,
}
