//! The socket's side of a connection.

use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};

use peer::CloseReason;
use session::Flow;
use stdx::ConnId;
use wire::Landing;

use super::Link;
use crate::throttle::Throttle;

/// The most that one `read` or `write` moves before other connections get their turn.
pub(super) const BURST: usize = 256 * 1024;

/// Most slices given to one `writev`.
const SLICES_MAX: usize = 64;

thread_local! {
    /// Where sockets are read into: blocks where they are likely, and all else in one piece.
    static ROOM: RefCell<(Landing, Vec<u8>)> =
        RefCell::new((Landing::default(), vec![0; BURST]));
}

/// Where the bytes of one read went, in this order.
#[derive(Clone, Copy, Debug)]
struct Filled {
    /// Into the block that is arriving.
    direct: usize,
    /// Into the blocks that are likely to come next.
    landed: usize,
    /// Behind all that.
    rest: usize,
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
        ROOM.with_borrow_mut(|(landing, scratch)| {
            let Filled { direct, landed, rest } = self.fill(landing, scratch, allowed)?;
            let all = direct + landed + rest;
            // Before they are understood: bytes that end the connection count like others.
            self.settle(Flow::Down, all as u64);
            if all == 0 {
                return Ok(());
            }
            let (now, pool) = (self.now(), &self.around.pool);
            self.peer.handle_direct(now, direct)?;
            self.peer.handle_landed(now, (landing, landed), pool)?;
            self.peer.handle_received(now, &scratch[..rest], pool)?;
            Ok(())
        })
    }

    /// Reads once, `allowed` bytes at most; none at all when the socket has nothing.
    fn fill(
        &mut self,
        landing: &mut Landing,
        scratch: &mut [u8],
        allowed: usize,
    ) -> Result<Filled, CloseReason> {
        let likely = self.peer.likely_blocks();
        let direct = self.peer.direct().unwrap_or_default();
        let direct_len = direct.len().min(allowed);
        let blocks = likely.min((allowed - direct_len) / Landing::PLACE);
        let landing_len = blocks * Landing::PLACE;
        let rest = (allowed - direct_len - landing_len).min(scratch.len());
        let mut slices = Vec::with_capacity(2 * blocks + 2);
        slices.push(IoSliceMut::new(&mut direct[..direct_len]));
        slices.extend(landing.room(blocks, &self.around.pool).map(IoSliceMut::new));
        slices.push(IoSliceMut::new(&mut scratch[..rest]));
        let n = match self.conduit.try_read_vectored(&mut slices) {
            Ok(0) => return Err(CloseReason::Remote),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(CloseReason::Transport(error.to_string())),
        };
        let direct = n.min(direct_len);
        let landed = (n - direct).min(landing_len);
        Ok(Filled { direct, landed, rest: n - direct - landed })
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
