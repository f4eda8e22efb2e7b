use std::io::{self, IoSlice, IoSliceMut};

use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::utps::UtpStream;

/// What carries connections to peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP alone.
    Tcp,
    /// uTP alone (BEP 29).
    Utp,
    /// Whichever answers first, with a head start for TCP; both are accepted.
    #[default]
    Both,
}

/// A connection's bytes, whatever carries them.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Utp(UtpStream),
}

impl Stream {
    /// What carries them.
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::Tcp(_) => Transport::Tcp,
            Self::Utp(_) => Transport::Utp,
        }
    }

    /// Waits until what is asked for may be tried: reading, writing. One of them must be.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn ready(&self, read: bool, write: bool) -> io::Result<(bool, bool)> {
        let stream = match self {
            Self::Utp(stream) => return Ok(stream.ready(read, write).await),
            Self::Tcp(stream) => stream,
        };
        let interest = match (read, write) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (false, true) => Interest::WRITABLE,
            _ => Interest::READABLE,
        };
        let ready = stream.ready(interest).await?;
        let readable = ready.is_readable() || ready.is_read_closed();
        Ok((readable, ready.is_writable() || ready.is_write_closed()))
    }

    /// Reads what is there; none at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there.
    pub(crate) fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_vectored(out),
            Self::Utp(stream) => stream.try_read_vectored(out),
        }
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            Self::Utp(stream) => stream.try_write_vectored(slices),
        }
    }
}
