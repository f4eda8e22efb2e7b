use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use stdx::{BlockRange, Buf};
use wire::{Message, PIECE_HEADER_LENGTH, piece_header};

/// The most slices given out at a time.
const SLICES_MAX: usize = 64;

/// Memory kept for messages while none are waiting, in bytes.
const CONTROL_KEEP: usize = 1024;

/// What is to be sent: two lanes, of which the messages overtake the blocks, so that requests do
/// not wait behind a second of payload. Within a lane order is kept, and nothing is ever
/// interrupted: a block or message that has begun is finished first.
#[derive(Default)]
pub(crate) struct Outbox {
    control: Vec<u8>,
    /// How much of `control` is sent.
    control_sent: usize,
    blocks: VecDeque<OutBlock>,
    /// How much of the first block is sent, header included. While this is not zero,
    /// `control_sent` is.
    front_sent: usize,
    /// Payload in `blocks`, sent parts of the first one included.
    block_bytes: u64,
}

struct OutBlock {
    range: BlockRange,
    header: [u8; PIECE_HEADER_LENGTH],
    data: Buf,
}

impl OutBlock {
    fn len(&self) -> usize {
        PIECE_HEADER_LENGTH + self.data.len()
    }

    /// What is left after `sent` bytes: of the header, of the payload.
    fn rest(&self, sent: usize) -> [&[u8]; 2] {
        let header = &self.header[sent.min(PIECE_HEADER_LENGTH)..];
        [header, &self.data[sent.saturating_sub(PIECE_HEADER_LENGTH)..]]
    }
}

/// What a write took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub(crate) payload: u64,
    pub(crate) protocol: u64,
}

impl Outbox {
    pub(crate) fn send(&mut self, message: &Message<'_>) {
        message.encode(&mut self.control);
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.control.extend_from_slice(bytes);
    }

    pub(crate) fn send_block(&mut self, range: BlockRange, data: Buf) {
        self.block_bytes += data.len() as u64;
        self.blocks.push_back(OutBlock { range, header: piece_header(range), data });
    }

    /// Forgets the blocks that have not begun.
    pub(crate) fn drop_blocks(&mut self) {
        self.blocks.truncate(usize::from(self.front_sent > 0));
        self.block_bytes = self.blocks.iter().map(|block| block.data.len() as u64).sum();
    }

    /// Forgets a block that has not begun; returns whether it was there.
    pub(crate) fn drop_block(&mut self, range: BlockRange) -> bool {
        let begun = usize::from(self.front_sent > 0);
        let found = self.blocks.iter().skip(begun).position(|block| block.range == range);
        let Some(block) = found.and_then(|at| self.blocks.remove(begun + at)) else {
            return false;
        };
        self.block_bytes -= block.data.len() as u64;
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.control.is_empty() && self.blocks.is_empty()
    }

    /// Messages that are waiting, in bytes.
    pub(crate) fn control_bytes(&self) -> usize {
        self.control.len() - self.control_sent
    }

    /// Payload that is waiting, in bytes.
    pub(crate) fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    pub(crate) fn poll_transmit<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) -> usize {
        let room = out.len() + SLICES_MAX;
        let mut bytes = 0;
        let mut put = |slice: &'a [u8]| {
            if !slice.is_empty() && out.len() < room {
                bytes += slice.len();
                out.push(IoSlice::new(slice));
            }
        };
        let mut blocks = self.blocks.iter();
        if self.front_sent > 0 {
            let begun = blocks.next().into_iter().flat_map(|block| block.rest(self.front_sent));
            begun.for_each(&mut put);
        }
        put(&self.control[self.control_sent..]);
        for block in blocks.take(SLICES_MAX / 2) {
            block.rest(0).into_iter().for_each(&mut put);
        }
        bytes
    }

    pub(crate) fn handle_sent(&mut self, mut n: usize) -> Sent {
        let mut sent = Sent::default();
        if self.front_sent > 0 {
            self.take_block(&mut n, &mut sent);
        }
        let control = n.min(self.control_bytes());
        self.control_sent += control;
        sent.protocol += control as u64;
        n -= control;
        if self.control_sent == self.control.len() {
            self.control_sent = 0;
            self.control.clear();
            if self.control.capacity() > CONTROL_KEEP {
                self.control = Vec::new();
            }
        }
        while n > 0 && !self.blocks.is_empty() {
            self.take_block(&mut n, &mut sent);
        }
        assert!(n == 0, "{n} bytes sent that were not given out");
        sent
    }

    /// Counts up to `n` bytes against the first block.
    fn take_block(&mut self, n: &mut usize, sent: &mut Sent) {
        let Some(block) = self.blocks.front() else {
            return;
        };
        let (before, whole) = (self.front_sent, block.len());
        let after = (before + *n).min(whole);
        *n -= after - before;
        let header = after.min(PIECE_HEADER_LENGTH) - before.min(PIECE_HEADER_LENGTH);
        sent.protocol += header as u64;
        sent.payload += (after - before - header) as u64;
        self.front_sent = after;
        if after == whole {
            self.block_bytes -= block.data.len() as u64;
            self.blocks.pop_front();
            self.front_sent = 0;
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (control, blocks) = (self.control_bytes(), self.blocks.len());
        write!(f, "Outbox({control} bytes of messages, {blocks} blocks)")
    }
}

#[cfg(test)]
mod tests;
