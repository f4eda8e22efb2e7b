use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, Mutex, PoisonError};

use crate::BLOCK_LENGTH;

/// A shared stock of block buffers, so that bulk transfer touches the same few pages again and
/// again instead of returning them to the system.
#[derive(Clone)]
pub struct Pool(Arc<Stock>);

struct Stock {
    spare: Mutex<Vec<Box<[u8]>>>,
    spare_max: usize,
}

impl Pool {
    /// A pool that keeps at most `spare_max` unused buffers of [`BLOCK_LENGTH`] bytes.
    pub fn new(spare_max: usize) -> Self {
        Self(Arc::new(Stock { spare: Mutex::new(Vec::new()), spare_max }))
    }

    /// A buffer of length zero and a capacity of one block.
    pub fn take(&self) -> Buf {
        let spare = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = spare.unwrap_or_else(|| vec![0; BLOCK_LENGTH as usize].into_boxed_slice());
        Buf { bytes: Bytes::Own(bytes), len: 0, home: Some(Arc::clone(&self.0)) }
    }

    /// Drops every unused buffer.
    pub fn shrink(&self) {
        self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool(spare_max: {})", self.0.spare_max)
    }
}

/// One block's bytes; goes back to its pool when dropped.
pub struct Buf {
    bytes: Bytes,
    len: usize,
    home: Option<Arc<Stock>>,
}

enum Bytes {
    Own(Box<[u8]>),
    /// From here on, for the buffer's length; copied before it is changed.
    Shared(Arc<[u8]>, usize),
}

impl Buf {
    /// A buffer outside any pool that holds a copy of `data`, of any length.
    pub fn copy_of(data: &[u8]) -> Self {
        Self { bytes: Bytes::Own(data.into()), len: data.len(), home: None }
    }

    /// A part of bytes that are shared. Nothing is copied until it is written to.
    ///
    /// # Panics
    /// When `range` is not within `all`.
    pub fn window(all: &Arc<[u8]>, range: Range<usize>) -> Self {
        let len = all[range.clone()].len();
        Self { bytes: Bytes::Shared(Arc::clone(all), range.start), len, home: None }
    }

    /// Appends `data`.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn push(&mut self, data: &[u8]) {
        let len = self.len;
        self.own()[len..len + data.len()].copy_from_slice(data);
        self.len += data.len();
    }

    /// The unused rest; follow a write into it with [`Buf::advance`].
    pub fn spare(&mut self) -> &mut [u8] {
        let len = self.len;
        &mut self.own()[len..]
    }

    /// Counts `n` bytes that were written into [`Buf::spare`].
    ///
    /// # Panics
    /// When there was not that much room.
    pub fn advance(&mut self, n: usize) {
        assert!(self.len + n <= self.own().len(), "advance past the end of a buffer");
        self.len += n;
    }

    /// Shortens the contents to `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn own(&mut self) -> &mut [u8] {
        if let Bytes::Shared(..) = self.bytes {
            self.bytes = Bytes::Own(self[..].into());
        }
        match &mut self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(..) => &mut [],
        }
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        let (Some(home), Bytes::Own(bytes)) = (self.home.take(), &mut self.bytes) else {
            return;
        };
        let mut spare = home.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < home.spare_max {
            spare.push(std::mem::take(bytes));
        }
    }
}

impl Deref for Buf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(bytes) => &bytes[..self.len],
            Bytes::Shared(all, start) => &all[*start..*start + self.len],
        }
    }
}

impl DerefMut for Buf {
    fn deref_mut(&mut self) -> &mut [u8] {
        let len = self.len;
        &mut self.own()[..len]
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} bytes)", self.len)
    }
}
