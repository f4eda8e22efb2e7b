//! Reading, writing and syncing.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use cache::{Part, SyncJob};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use stdx::{BLOCK_LENGTH, BlockRange, Buf, FileIndex, PieceIndex};

use super::Storage;
use crate::Error;

/// Buffers in one system call: Linux takes 1,024 at most (`IOV_MAX`).
const VECTOR_MAX: usize = 1_024;

/// What is still to be filled.
struct Rest<'a, 'b>(&'a mut [IoSliceMut<'b>]);

impl Storage {
    /// Writes parts of one piece to their places; padding is skipped.
    ///
    /// # Errors
    /// When a file cannot be opened or written.
    pub fn write(&self, piece: PieceIndex, parts: &[Part]) -> Result<(), Error> {
        let end = |part: &Part| part.begin + part.data.len() as u32;
        for run in parts.chunk_by(|a, b| end(a) == b.begin) {
            let (first, last) = (&run[0], &run[run.len() - 1]);
            self.write_run(piece, first.begin, end(last) - first.begin, run)?;
        }
        Ok(())
    }

    fn write_run(
        &self,
        piece: PieceIndex,
        begin: u32,
        length: u32,
        run: &[Part],
    ) -> Result<(), Error> {
        let mut stored = false;
        let mut at = begin;
        for span in self.content.spans(piece, begin, length) {
            let from = at;
            at += span.length;
            let Some(file) = span.file else { continue };
            if self.is_wanted(file) || self.resume.is_none() {
                let mut slices = slices_of(run, from, at);
                let handle = self.open_to_write(file)?;
                write_all(&handle, &mut slices, span.offset)
                    .map_err(|error| Error::io("write", &self.file_path(file), error))?;
            } else {
                stored = true;
            }
        }
        match &self.resume {
            Some(resume) if stored => resume.put_parts(piece, run),
            _ => Ok(()),
        }
    }

    /// Fills `out` with the bytes of a piece from `begin`; padding reads as zeros.
    ///
    /// # Errors
    /// When a file is missing, too short or unreadable.
    pub fn read(&self, piece: PieceIndex, begin: u32, out: &mut [&mut [u8]]) -> Result<(), Error> {
        self.read_through(piece, begin, out, &mut |file| self.open_to_read(file))
    }

    /// The same through files that `open` opens.
    pub(super) fn read_through(
        &self,
        piece: PieceIndex,
        begin: u32,
        out: &mut [&mut [u8]],
        open: &mut dyn FnMut(FileIndex) -> Result<Arc<File>, Error>,
    ) -> Result<(), Error> {
        let length = out.iter().map(|slice| slice.len() as u32).sum();
        let mut slices: Vec<IoSliceMut<'_>> =
            out.iter_mut().map(|slice| IoSliceMut::new(slice)).collect();
        let mut rest = Rest(&mut slices);
        let mut at = begin;
        for span in self.content.spans(piece, begin, length) {
            match span.file {
                Some(file) => {
                    let place = (file, span.offset);
                    self.read_span((piece, at), place, span.length, &mut rest, open)?;
                }
                None => fill(&mut rest, span.length, |slice| slice.fill(0)),
            }
            at += span.length;
        }
        Ok(())
    }

    /// Reads a run into one buffer, behind what it holds.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_block(&self, range: BlockRange, out: &mut Buf) -> Result<(), Error> {
        let length = range.length as usize;
        self.read(range.piece, range.begin, &mut [&mut out.spare()[..length]])?;
        out.advance(length);
        Ok(())
    }

    fn read_span(
        &self,
        (piece, begin): (PieceIndex, u32),
        (file, mut offset): (FileIndex, u64),
        length: u32,
        rest: &mut Rest<'_, '_>,
        open: &mut dyn FnMut(FileIndex) -> Result<Arc<File>, Error>,
    ) -> Result<(), Error> {
        if !self.is_wanted(file)
            && let Some(resume) = &self.resume
            && let Some(bytes) = resume.parts(piece, begin, length)?
        {
            let mut bytes = &bytes[..];
            fill(rest, length, |slice| {
                let (now, later) = bytes.split_at(slice.len());
                slice.copy_from_slice(now);
                bytes = later;
            });
            return Ok(());
        }
        let handle = open(file)?;
        let mut left = length as usize;
        while left > 0 {
            let n = read_some(&handle, rest.0, left, offset)
                .map_err(|error| Error::io("read", &self.file_path(file), error))?;
            if n == 0 {
                return Err(Error::Short { path: self.file_path(file) });
            }
            left -= n;
            offset += n as u64;
            IoSliceMut::advance_slices(&mut rest.0, n);
        }
        Ok(())
    }

    /// Fills `out` with the bytes of one file from `offset`.
    ///
    /// # Errors
    /// When the file is missing, too short or unreadable.
    pub fn read_file(&self, file: FileIndex, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let handle = self.open_to_read(file)?;
        let mut done = 0;
        while done < out.len() {
            let (slice, at) = (&mut out[done..], offset + done as u64);
            match rustix::io::pread(&*handle, slice, at) {
                Ok(0) => return Err(Error::Short { path: self.file_path(file) }),
                Ok(n) => done += n,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Error::io("read", &self.file_path(file), error)),
            }
        }
        Ok(())
    }

    /// Makes the contents of files durable, and the folders of new ones. Files that are not there
    /// are passed over: what is not wanted is in the resume store.
    ///
    /// # Errors
    /// When the system reports that data was lost.
    pub fn sync(&self, files: &[FileIndex]) -> Result<(), Error> {
        for &file in files {
            let handle = match self.open_to_read(file) {
                Ok(handle) => handle,
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            handle
                .sync_data()
                .map_err(|error| Error::io("make durable", &self.file_path(file), error))?;
        }
        self.sync_folders()
    }

    /// Does a [`SyncJob`]: makes the files durable, then records the rest.
    ///
    /// # Errors
    /// When either fails; then nothing new is claimed.
    pub fn commit(&self, job: &SyncJob) -> Result<(), Error> {
        match &self.resume {
            Some(resume) => resume.commit(self, job),
            None => self.sync(&job.files),
        }
    }

    pub(super) fn sync_folders(&self) -> Result<(), Error> {
        let mut folders = self.new_entries.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(folder) = folders.first() {
            let base = if folder.as_os_str().is_empty() { Path::new(".") } else { Path::new("") };
            let path = self.base.join(folder).join(base);
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
            rustix::fs::openat(CWD, &path, flags, Mode::empty())
                .and_then(rustix::fs::fsync)
                .map_err(|error| Error::io("make durable", &path, error))?;
            folders.pop_first();
        }
        Ok(())
    }
}

/// The bytes `from..to` of the piece out of a run of parts.
fn slices_of(run: &[Part], from: u32, to: u32) -> Vec<IoSlice<'_>> {
    let cut = |part: &Part| {
        let end = part.begin + part.data.len() as u32;
        let (start, stop) = (from.max(part.begin), to.min(end));
        (start < stop).then(|| (start - part.begin) as usize..(stop - part.begin) as usize)
    };
    run.iter().filter_map(|part| Some(IoSlice::new(&part.data[cut(part)?]))).collect()
}

fn write_all(file: &File, mut slices: &mut [IoSlice<'_>], mut offset: u64) -> Result<(), Errno> {
    while !slices.is_empty() {
        let now = slices.len().min(VECTOR_MAX);
        let n = match rustix::io::pwritev(file, &slices[..now], offset) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(n) => n,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        offset += n as u64;
        IoSlice::advance_slices(&mut slices, n);
    }
    Ok(())
}

/// One read of at most `left` bytes into the first slices.
fn read_some(
    file: &File,
    slices: &mut [IoSliceMut<'_>],
    left: usize,
    offset: u64,
) -> Result<usize, Errno> {
    let mut room = 0;
    let whole = slices.iter().take(VECTOR_MAX).take_while(|slice| {
        room += slice.len();
        room <= left
    });
    let whole = whole.count();
    loop {
        // A slice that reaches beyond the span is filled in two reads.
        let result = match whole {
            0 => {
                let end = left.min(slices[0].len());
                rustix::io::pread(file, &mut slices[0][..end], offset)
            }
            whole => rustix::io::preadv(file, &mut slices[..whole], offset),
        };
        if result != Err(Errno::INTR) {
            return result;
        }
    }
}

/// Takes `length` bytes off the front of the slices, piece by piece.
fn fill(rest: &mut Rest<'_, '_>, length: u32, mut with: impl FnMut(&mut [u8])) {
    let mut left = length as usize;
    while left > 0 {
        let now = left.min(rest.0[0].len());
        with(&mut rest.0[0][..now]);
        IoSliceMut::advance_slices(&mut rest.0, now);
        left -= now;
    }
}

/// The number of blocks that a run of bytes touches.
pub(crate) fn blocks(begin: u32, length: u32) -> std::ops::Range<u32> {
    begin / BLOCK_LENGTH..(begin + length).div_ceil(BLOCK_LENGTH)
}
