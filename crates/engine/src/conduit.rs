use std::io::{self, IoSlice, IoSliceMut};

use mse::Ciphers;
use peer::Carrier;

use crate::stream::Stream;

/// Disguised bytes that may wait for the stream to take them.
const PENDING_MAX: usize = 64 << 10;

/// A connection on which both sides know how to read each other: a stream, what was read of it
/// ahead, and how its bytes are disguised, if they are.
#[derive(Debug)]
pub(crate) struct Conduit {
    stream: Stream,
    /// What has come and was not taken, as it was meant.
    early: Vec<u8>,
    /// How many of the first bytes that its user has to say were said by others.
    said: usize,
    ciphers: Option<Box<Ciphers>>,
    /// Disguised, and not taken by the stream from this place on.
    pending: (Vec<u8>, usize),
}

impl Conduit {
    /// A connection as it is.
    pub(crate) fn plain(stream: Stream) -> Self {
        Self { stream, early: Vec::new(), said: 0, ciphers: None, pending: (Vec::new(), 0) }
    }

    /// With what has come already.
    pub(crate) fn with_early(mut self, early: Vec<u8>) -> Self {
        self.early = early;
        self
    }

    /// Its user will begin with so many bytes that the other side has been told.
    pub(crate) fn with_said(mut self, said: usize) -> Self {
        self.said = said;
        self
    }

    /// Disguised from now on.
    pub(crate) fn with_ciphers(mut self, ciphers: Option<Ciphers>) -> Self {
        self.ciphers = ciphers.map(Box::new);
        self
    }

    /// What carries it, as other peers may be told.
    pub(crate) fn carrier(&self) -> Carrier {
        let utp = matches!(self.stream, Stream::Utp(_));
        Carrier { utp, encrypted: self.ciphers.is_some() }
    }

    /// Waits until what is asked for may be tried: reading, writing. One of them must be.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn ready(&self, read: bool, write: bool) -> io::Result<(bool, bool)> {
        let at_once = (read && !self.early.is_empty(), write && self.said > 0);
        if at_once.0 || at_once.1 {
            return Ok(at_once);
        }
        self.stream.ready(read, write).await
    }

    /// Reads what is there; none at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there.
    pub(crate) fn try_read_vectored(&mut self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if !self.early.is_empty() {
            return Ok(self.take_early(out));
        }
        let n = self.stream.try_read_vectored(out)?;
        if let Some(ciphers) = &mut self.ciphers {
            let mut left = n;
            for slice in out {
                let part = left.min(slice.len());
                ciphers.decrypt(&mut slice[..part]);
                left -= part;
            }
        }
        Ok(n)
    }

    fn take_early(&mut self, out: &mut [IoSliceMut<'_>]) -> usize {
        let mut taken = 0;
        for slice in out {
            let part = slice.len().min(self.early.len() - taken);
            slice[..part].copy_from_slice(&self.early[taken..taken + part]);
            taken += part;
        }
        self.early.drain(..taken);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        taken
    }

    /// Writes what there is room for. What is disguised counts as written when it is so; see
    /// [`Self::has_pending`].
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    pub(crate) fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.said > 0 {
            let all: usize = slices.iter().map(|slice| slice.len()).sum();
            let told = self.said.min(all);
            self.said -= told;
            return Ok(told);
        }
        let Some(ciphers) = &mut self.ciphers else {
            return self.stream.try_write_vectored(slices);
        };
        let pending = &mut self.pending.0;
        if !pending.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for slice in slices {
            let room = PENDING_MAX - pending.len();
            pending.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        ciphers.encrypt(pending);
        let n = pending.len();
        self.flush()?;
        Ok(n)
    }

    /// Whether there are disguised bytes that the stream has not taken.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.0.is_empty()
    }

    /// Writes disguised bytes that are left; false when some still are.
    ///
    /// # Errors
    /// Why it cannot be written to any more.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let (pending, place) = &mut self.pending;
        while *place < pending.len() {
            match self.stream.try_write_vectored(&[IoSlice::new(&pending[*place..])]) {
                Ok(n) => *place += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // Its memory is worth more elsewhere while the connection has nothing to say.
        (*pending, *place) = (Vec::new(), 0);
        Ok(true)
    }
}
