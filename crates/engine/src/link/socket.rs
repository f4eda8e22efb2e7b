//! The socket's side of a connection.

use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};

use peer::CloseReason;
use session::Flow;
use stdx::ConnId;

use super::Link;
use crate::throttle::Throttle;

/// The most that one `read` or `write` moves before other connections get their turn.
const BURST: usize = 256 * 1024;

/// Most slices given to one `writev`.
const SLICES_MAX: usize = 64;

thread_local! {
    /// Where sockets are read into; what is payload goes on to a pooled block at once.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BURST]);
}

/// What one direction of a connection may move now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    /// Granted and not used.
    pub(super) bytes: u64,
    /// More was asked for; a grant will come.
    pub(super) asked: bool,
}

impl Allowance {
    /// True while nothing may move until the grant comes.
    fn is_held_up(self) -> bool {
        self.asked && self.bytes == 0
    }

    /// How much of `want` may move now; asks for more when nothing may.
    fn take(&mut self, throttle: &Throttle, (conn, flow): (ConnId, Flow), want: usize) -> u64 {
        let want = want as u64;
        if self.bytes == 0 && !self.asked {
            self.bytes = throttle.request(conn, flow, want);
            self.asked = self.bytes == 0;
        }
        self.bytes.min(want)
    }
}

impl Link {
    /// What the socket is watched for, reading and writing; neither while the limits or the peer
    /// hold both ways up.
    pub(super) fn interest(&self) -> (bool, bool) {
        let [up, down] = self.allowance;
        let read = self.may_read() && !down.is_held_up();
        let write = self.peer.has_transmit() && !up.is_held_up();
        (read, write || self.conduit.has_pending())
    }

    fn may_read(&self) -> bool {
        self.peer.wants_input() && *self.around.reading.borrow()
    }

    /// Returns grants that came when there was nothing left to use them for, so that others can.
    pub(super) fn release_unusable(&mut self) {
        let [up, down] = self.allowance;
        if up.bytes > 0 && !self.peer.has_transmit() {
            self.settle(Flow::Up, 0);
        }
        if down.bytes > 0 && !self.may_read() {
            self.settle(Flow::Down, 0);
        }
    }

    pub(super) fn read(&mut self) -> Result<(), CloseReason> {
        if !self.may_read() {
            return Ok(());
        }
        let turn = (self.conn, Flow::Down);
        let allowance = &mut self.allowance[Flow::Down as usize];
        let allowed = allowance.take(&self.around.throttle, turn, BURST) as usize;
        if allowed == 0 {
            return Ok(());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let (direct, rest) = self.fill(scratch, allowed)?;
            // Before they are understood: bytes that end the connection count like others.
            self.settle(Flow::Down, (direct + rest) as u64);
            if direct + rest == 0 {
                return Ok(());
            }
            let now = self.now();
            self.peer.handle_direct(now, direct)?;
            self.peer.handle_received(now, &scratch[..rest], &self.around.pool)?;
            Ok(())
        })
    }

    /// Reads once: how many bytes went straight into the block that is arriving, and how many into
    /// `scratch`. None at all when the socket has nothing.
    fn fill(&mut self, scratch: &mut [u8], allowed: usize) -> Result<(usize, usize), CloseReason> {
        let direct = self.peer.direct().unwrap_or_default();
        let direct_len = direct.len().min(allowed);
        let rest = (allowed - direct_len).min(scratch.len());
        let mut slices =
            [IoSliceMut::new(&mut direct[..direct_len]), IoSliceMut::new(&mut scratch[..rest])];
        match self.conduit.try_read_vectored(&mut slices) {
            Ok(0) => Err(CloseReason::Remote),
            Ok(n) => Ok((n.min(direct_len), n.saturating_sub(direct_len))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok((0, 0)),
            Err(error) => Err(CloseReason::Transport(error.to_string())),
        }
    }

    pub(super) fn write(&mut self) -> Result<(), CloseReason> {
        match self.conduit.flush() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(CloseReason::Transport(error.to_string())),
        }
        let mut slices = Vec::with_capacity(SLICES_MAX);
        let ready = self.peer.poll_transmit(&mut slices);
        if ready == 0 {
            return Ok(());
        }
        let turn = (self.conn, Flow::Up);
        let allowance = &mut self.allowance[Flow::Up as usize];
        let allowed = allowance.take(&self.around.throttle, turn, ready.min(BURST)) as usize;
        let written = match allowed {
            0 => return Ok(()),
            part if part < ready => self.conduit.try_write_vectored(&cut(&slices, part)),
            _ => self.conduit.try_write_vectored(&slices),
        };
        let sent = match written {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(CloseReason::Transport(error.to_string())),
        };
        if sent > 0 {
            let now = self.now();
            self.peer.handle_sent(now, sent);
        }
        self.settle(Flow::Up, sent as u64);
        Ok(())
    }

    /// Counts what was moved and returns the rest of the allowance.
    fn settle(&mut self, flow: Flow, used: u64) {
        let allowance = &mut self.allowance[flow as usize];
        let rest = allowance.bytes.saturating_sub(used);
        allowance.bytes = 0;
        self.around.throttle.give_back(flow, rest);
    }
}

/// The first `length` bytes of `slices`.
fn cut<'a>(slices: &'a [IoSlice<'_>], mut length: usize) -> Vec<IoSlice<'a>> {
    let mut cut = Vec::with_capacity(slices.len());
    for slice in slices {
        let take = slice.len().min(length);
        if take == 0 {
            break;
        }
        cut.push(IoSlice::new(&slice[..take]));
        length -= take;
    }
    cut
}
