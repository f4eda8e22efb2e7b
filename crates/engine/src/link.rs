use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::watch;

use disk::Disk;
use peer::{CloseReason, Order, Peer, Totals};
use session::Flow;
use stdx::{BlockRange, Buf, ConnId, Duration, Instant, Pool};

use crate::clock::Clock;
use crate::mind::Input;
use crate::throttle::Throttle;

/// Orders, grants and read blocks that may wait for one connection; beyond it the peer is not
/// keeping up and is closed.
pub(crate) const LINK_QUEUE_MAX: usize = 8_192;

/// How often totals are told when nothing else is.
const TOTALS_EVERY: Duration = Duration::from_secs(1);

/// The most that one `read` or `write` moves before other connections get their turn.
const BURST: usize = 256 * 1024;

/// Most slices given to one `writev`.
const SLICES_MAX: usize = 64;

thread_local! {
    /// Where sockets are read into; what is payload goes on to a pooled block at once.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BURST]);
}

/// What reaches a connection's task.
#[derive(Debug)]
pub(crate) enum LinkInput {
    /// The mind decided something.
    Order(Order),
    /// The throttle's turn has come for this many bytes.
    Grant(Flow, u64),
    /// Blocks that were to be read; `None` when they could not be.
    Read(Vec<(BlockRange, Option<Buf>)>),
}

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) mind: Sender<Input>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) pool: Pool,
    /// False while the disk is behind and no socket may be read.
    pub(crate) reading: watch::Receiver<bool>,
}

/// One connection: a socket, its `Peer`, and the way to the mind.
pub(crate) struct Link {
    conn: ConnId,
    stream: TcpStream,
    peer: Peer,
    inbox: Receiver<LinkInput>,
    own: Sender<LinkInput>,
    around: Surroundings,
    /// Bytes that may be read and written now, and whether more were asked for.
    allowance: [Allowance; 2],
    told: Totals,
    told_at: Instant,
    told_want: u32,
}

#[derive(Clone, Copy, Default)]
struct Allowance {
    bytes: u64,
    asked: bool,
}

impl Link {
    pub(crate) fn new(
        conn: ConnId,
        stream: TcpStream,
        peer: Peer,
        (own, inbox): (Sender<LinkInput>, Receiver<LinkInput>),
        around: Surroundings,
    ) -> Self {
        let told_at = around.clock.now();
        Self {
            conn,
            stream,
            peer,
            inbox,
            own,
            around,
            allowance: [Allowance::default(); 2],
            told: Totals::default(),
            told_at,
            told_want: 0,
        }
    }

    /// Runs the connection to its end and tells the mind why it ended.
    pub(crate) async fn run(mut self) {
        self.around.throttle.join(self.conn, self.own.clone());
        let reason = match self.turns().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        self.around.throttle.leave(self.conn);
        for flow in [Flow::Up, Flow::Down] {
            self.around.throttle.give_back(flow, self.allowance[flow as usize].bytes);
        }
        // What came before the end still counts: blocks received, bytes moved.
        let last = self.peer.poll_batch();
        let _gone = self.around.mind.send(Input::Closed(self.conn, last, reason)).await;
    }

    async fn turns(&mut self) -> Result<std::convert::Infallible, CloseReason> {
        loop {
            self.start_reads();
            self.report().await?;
            self.wait().await?;
        }
    }

    /// Waits for whatever comes first, and handles it.
    async fn wait(&mut self) -> Result<(), CloseReason> {
        let interest = self.interest();
        let (interest, watched) = (interest.unwrap_or(Interest::ERROR), interest.is_some());
        let mut deadline = self.peer.poll_timeout();
        if self.peer.totals() != self.told {
            let tell = self.told_at + TOTALS_EVERY;
            deadline = Some(deadline.map_or(tell, |deadline| deadline.min(tell)));
        }
        tokio::select! {
            biased;
            input = self.inbox.recv() => {
                let input = input.ok_or(CloseReason::Stopped)?;
                self.handle(input)?;
                while let Ok(input) = self.inbox.try_recv() {
                    self.handle(input)?;
                }
            }
            ready = self.stream.ready(interest), if watched => {
                let ready = ready.map_err(|error| CloseReason::Transport(error.to_string()))?;
                if ready.is_readable() || ready.is_read_closed() {
                    self.read()?;
                }
                if ready.is_writable() || ready.is_write_closed() {
                    self.write()?;
                }
            }
            // The mind lives as long as its links; an error would mean that it has ended.
            changed = self.around.reading.changed() => {
                changed.map_err(|_| CloseReason::Stopped)?;
            }
            () = self.around.clock.sleep_until(deadline) => {
                self.peer.handle_timeout(self.now())?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, input: LinkInput) -> Result<(), CloseReason> {
        let now = self.now();
        match input {
            LinkInput::Order(order) => self.peer.handle_order(now, order),
            LinkInput::Grant(flow, bytes) => {
                let allowance = &mut self.allowance[flow as usize];
                allowance.bytes += bytes;
                allowance.asked = false;
                Ok(())
            }
            LinkInput::Read(blocks) => {
                for (range, data) in blocks {
                    self.peer.handle_read(now, range, data);
                }
                Ok(())
            }
        }
    }
}

/// The socket's side.
impl Link {
    /// What the socket is watched for; nothing while the limits or the peer hold both ways up.
    fn interest(&self) -> Option<Interest> {
        let [up, down] = self.allowance;
        let read = self.may_read() && !(down.asked && down.bytes == 0);
        let write = self.has_transmit() && !(up.asked && up.bytes == 0);
        match (read, write) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        }
    }

    fn may_read(&self) -> bool {
        self.peer.wants_input() && *self.around.reading.borrow()
    }

    fn has_transmit(&self) -> bool {
        self.peer.poll_transmit(&mut Vec::new()) > 0
    }

    fn read(&mut self) -> Result<(), CloseReason> {
        if !self.may_read() {
            return Ok(());
        }
        let allowed = self.allow(Flow::Down, BURST as u64) as usize;
        if allowed == 0 {
            return Ok(());
        }
        let now = self.now();
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let direct = self.peer.direct().unwrap_or_default();
            let direct_len = direct.len().min(allowed);
            let rest = (allowed - direct_len).min(scratch.len());
            let mut slices =
                [IoSliceMut::new(&mut direct[..direct_len]), IoSliceMut::new(&mut scratch[..rest])];
            let n = match self.stream.try_read_vectored(&mut slices) {
                Ok(0) => return Err(CloseReason::Remote),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) => return Err(CloseReason::Transport(error.to_string())),
            };
            let filled = n.min(direct_len);
            self.peer.handle_direct(now, filled)?;
            self.peer.handle_received(now, &scratch[..n - filled], &self.around.pool)?;
            Ok(n)
        })?;
        self.settle(Flow::Down, read as u64);
        Ok(())
    }

    fn write(&mut self) -> Result<(), CloseReason> {
        let mut slices = Vec::with_capacity(SLICES_MAX);
        let ready = self.peer.poll_transmit(&mut slices);
        if ready == 0 {
            return Ok(());
        }
        let allowed = allow(
            &mut self.allowance[Flow::Up as usize],
            &self.around.throttle,
            (self.conn, Flow::Up),
            ready.min(BURST) as u64,
        );
        if allowed == 0 {
            return Ok(());
        }
        let slices = cut(&slices, allowed as usize);
        let sent = match self.stream.try_write_vectored(&slices) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(CloseReason::Transport(error.to_string())),
        };
        let now = self.now();
        self.peer.handle_sent(now, sent);
        self.settle(Flow::Up, sent as u64);
        Ok(())
    }

    fn allow(&mut self, flow: Flow, want: u64) -> u64 {
        let allowance = &mut self.allowance[flow as usize];
        allow(allowance, &self.around.throttle, (self.conn, flow), want)
    }

    /// Counts what was moved and returns the rest of the allowance.
    fn settle(&mut self, flow: Flow, used: u64) {
        let allowance = &mut self.allowance[flow as usize];
        let rest = allowance.bytes.saturating_sub(used);
        allowance.bytes = 0;
        self.around.throttle.give_back(flow, rest);
    }
}

/// The mind's and the disk's side.
impl Link {
    /// Asks the disk for the blocks that are to be sent next.
    fn start_reads(&mut self) {
        let Some(torrent) = self.peer.torrent().map(|torrent| torrent.id) else {
            return;
        };
        let ranges: Vec<BlockRange> = std::iter::from_fn(|| self.peer.poll_read()).collect();
        if ranges.is_empty() {
            return;
        }
        let own = self.own.clone();
        self.around.disk.read(
            torrent,
            ranges,
            Box::new(move |blocks| {
                // Bounded by the upload watermark, far below the queue's length.
                let _closed = own.try_send(LinkInput::Read(blocks));
            }),
        );
    }

    /// Tells the mind what happened, if there is anything to tell.
    async fn report(&mut self) -> Result<(), CloseReason> {
        let (now, batch) = (self.now(), self.peer.poll_batch());
        let due = batch.totals != self.told && now - self.told_at >= TOTALS_EVERY;
        if batch.reports.is_empty() && batch.want <= self.told_want && !due {
            self.told_want = batch.want;
            return Ok(());
        }
        (self.told, self.told_at, self.told_want) = (batch.totals, now, batch.want);
        let input = Input::Batch(self.conn, batch);
        self.around.mind.send(input).await.map_err(|_| CloseReason::Stopped)
    }

    fn now(&self) -> Instant {
        self.around.clock.now()
    }
}

/// Takes from the allowance, or asks the throttle for more.
fn allow(
    allowance: &mut Allowance,
    throttle: &Throttle,
    (conn, flow): (ConnId, Flow),
    want: u64,
) -> u64 {
    if allowance.bytes == 0 && !allowance.asked {
        allowance.bytes = throttle.request(conn, flow, want);
        allowance.asked = allowance.bytes == 0;
    }
    allowance.bytes.min(want)
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
