use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use stdx::{Duration, Instant};

use crate::ledbat::Ledbat;
use crate::mtu::MtuSearch;
use crate::pacer::Pacer;
use crate::packet::HEADER_LENGTH;
use crate::receive::Receiver;
use crate::rtt::Rtt;
use crate::send::Sender;
use crate::{CloseReason, Config, DATAGRAM_MAX, Seq, StreamError};

use path::Path;

mod input;
mod output;
mod path;
mod timers;

/// Time-outs in a row after which the other side is given up.
pub const TIMEOUTS_MAX: u32 = 6;

/// How long an orphan may take to deliver what was written.
const LINGER: Duration = Duration::from_secs(10);
/// How long to wait for the other side of a half-open connection to say something.
const HALF_OPEN: Duration = Duration::from_secs(5);
/// How often the room for what comes in is reconsidered where no round trip is known.
const TUNE_EVERY: Duration = Duration::from_millis(100);

/// What a connection has to tell, as bits.
pub(crate) mod told {
    pub(crate) const INCOMING: u8 = 1;
    pub(crate) const CONNECTED: u8 = 2;
    pub(crate) const READABLE: u8 = 4;
    pub(crate) const WRITABLE: u8 = 8;
    pub(crate) const CLOSED: u8 = 16;
}

/// What a connection has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets sent, of all kinds.
    pub packets_sent: u64,
    /// Of these, such as were sent before.
    pub packets_resent: u64,
    /// Packets received that belonged to it.
    pub packets_received: u64,
    /// Times that nothing was answered for long.
    pub timeouts: u64,
    /// Bytes that may be under way now.
    pub window: u64,
    /// The size of datagrams with data, in bytes of UDP payload.
    pub mtu: usize,
    /// The smoothed round trip.
    pub round_trip: Option<Duration>,
    /// What of it is spent in queues on the way to the other side.
    pub queueing: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// We asked; no answer yet.
    SynSent,
    /// We were asked, and answered; whoever asked may not be who he says.
    SynReceived,
    /// Both sides have proved that they hear each other.
    Open,
    /// Over.
    Closed,
}

/// What is owed to the other side.
#[derive(Debug, Default)]
struct Acks {
    /// Packets that are not acknowledged.
    packets: u32,
    /// It is to be told at once.
    now: bool,
    /// When it is to be told in any case.
    due: Option<Instant>,
    /// Where it believes our room to end.
    edge: u64,
}

/// One connection (BEP 29). Its datagrams are [`Self::handle_packet`] and [`Self::poll_transmit`];
/// its streams [`Self::read`] and [`Self::write`].
#[derive(Debug)]
pub(crate) struct Connection {
    remote: SocketAddr,
    /// Which of our addresses they speak to, once known.
    local: Option<IpAddr>,
    /// The id in what we are sent.
    receive_id: u16,
    /// The id in what we send, but for the first packet.
    send_id: u16,
    state: State,
    sender: Sender,
    receiver: Receiver,
    rtt: Rtt,
    ledbat: Ledbat,
    pacer: Pacer,
    mtu: MtuSearch,
    path: Path,
    /// Bytes that the other side has room for.
    their_window: u64,
    acks: Acks,
    /// When what is under way counts as lost, or a shut window is tried.
    retransmit_at: Option<Instant>,
    /// Time-outs in a row.
    timeouts: u32,
    /// One packet may go whatever the windows say.
    forced: bool,
    /// The first packet is to be sent (again).
    syn_due: bool,
    paced_until: Option<Instant>,
    /// When something was sent last.
    sent_at: Instant,
    tune_at: Instant,
    reader_waits: bool,
    writer_waits: bool,
    /// What is to be told, of [`told`].
    tidings: u8,
    /// Nobody holds it any more, and it has until then to end in good order.
    orphaned: Option<Instant>,
    /// The other side is to be told that it is over.
    reset_due: bool,
    reason: Option<CloseReason>,
    limits: Limits,
    stats: Stats,
    /// A mask that is being written.
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    send: usize,
    unsent: usize,
    receive: (usize, usize),
}

impl Connection {
    /// A connection that we begin; `seq` is random.
    pub(crate) fn connect(
        now: Instant,
        config: &Config,
        remote: SocketAddr,
        receive_id: u16,
        seq: Seq,
    ) -> Self {
        let ids = (receive_id, receive_id.wrapping_add(1));
        let mut it = Self::new(now, config, remote, ids, (seq.plus(1), Seq(0)));
        it.syn_due = true;
        it.retransmit_at = Some(now + timers::SYN_TIMEOUT);
        it
    }

    /// A connection that somebody begins with packet `syn` and this id; `seq` is random.
    pub(crate) fn accept(
        now: Instant,
        config: &Config,
        (remote, local): (SocketAddr, Option<IpAddr>),
        (id, syn, seq): (u16, Seq, Seq),
    ) -> Self {
        let mut it = Self::new(now, config, remote, (id.wrapping_add(1), id), (seq, syn.plus(1)));
        it.state = State::SynReceived;
        it.local = local;
        it.acks.now = true;
        it.retransmit_at = Some(now + HALF_OPEN);
        it
    }

    fn new(
        now: Instant,
        config: &Config,
        remote: SocketAddr,
        (receive_id, send_id): (u16, u16),
        (first, next): (Seq, Seq),
    ) -> Self {
        let mtu = MtuSearch::new(now, remote);
        let limits = Limits {
            send: config.send_max,
            unsent: config.unsent_max,
            receive: (config.receive_first, config.receive_max.max(config.receive_first)),
        };
        Self {
            remote,
            local: None,
            receive_id,
            send_id,
            state: State::SynSent,
            sender: Sender::new(first),
            receiver: Receiver::new(next, limits.receive.0, limits.receive.1),
            rtt: Rtt::default(),
            ledbat: Ledbat::new(mtu.current() - HEADER_LENGTH),
            pacer: Pacer::new(now),
            mtu,
            path: Path::new(now),
            their_window: 0,
            acks: Acks::default(),
            retransmit_at: None,
            timeouts: 0,
            forced: false,
            syn_due: false,
            paced_until: None,
            sent_at: now,
            tune_at: now,
            reader_waits: true,
            writer_waits: true,
            tidings: 0,
            orphaned: None,
            reset_due: false,
            reason: None,
            limits,
            stats: Stats::default(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    pub(crate) fn receive_id(&self) -> u16 {
        self.receive_id
    }

    pub(crate) fn send_id(&self) -> u16 {
        self.send_id
    }

    pub(crate) fn is_half_open(&self) -> bool {
        self.state == State::SynReceived
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether nobody will miss it.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.is_closed() && !self.reset_due && self.orphaned.is_some()
    }

    pub(crate) fn reason(&self) -> Option<CloseReason> {
        self.reason
    }

    /// What is to be told, one bit at a time, the earliest in a connection's life first.
    pub(crate) fn take_tidings(&mut self) -> Option<u8> {
        if self.tidings == 0 || self.orphaned.is_some() {
            return None;
        }
        let bit = 1 << self.tidings.trailing_zeros();
        self.tidings &= !bit;
        Some(bit)
    }

    pub(crate) fn has_tidings(&self) -> bool {
        self.tidings != 0 && self.orphaned.is_none()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            window: self.ledbat.window(),
            mtu: self.mtu.current(),
            round_trip: self.rtt.smoothed(),
            queueing: self.path.queueing(),
            ..self.stats
        }
    }

    /// Takes bytes to be sent; how many. What is not sent yet is bounded, and so is all together.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        slices: &[IoSlice<'_>],
    ) -> Result<usize, StreamError> {
        self.usable()?;
        if self.sender.is_closing() {
            return Err(StreamError::Closed);
        }
        if self.state != State::Open {
            self.writer_waits = true;
            return Err(StreamError::Blocked);
        }
        if self.sender.held() == 0 && now.since(self.sent_at) > self.rtt.timeout() {
            self.ledbat.idled();
        }
        let n = self.sender.write(slices, self.room());
        if n == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            self.writer_waits = true;
            return Err(StreamError::Blocked);
        }
        Ok(n)
    }

    fn room(&self) -> usize {
        let unsent = self.limits.unsent.saturating_sub(self.sender.unsent());
        unsent.min(self.limits.send.saturating_sub(self.sender.held()))
    }

    /// Moves bytes out that have come, in order; none at the end of the other side's stream.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        out: &mut [IoSliceMut<'_>],
    ) -> Result<usize, StreamError> {
        let n = self.receiver.read(out);
        if n == 0 && !self.receiver.has_ended() {
            self.usable()?;
            self.reader_waits = true;
            return Err(StreamError::Blocked);
        }
        if now >= self.tune_at {
            self.receiver.tune();
            self.tune_at = now + self.rtt.smoothed().unwrap_or(TUNE_EVERY);
        }
        // Not a byte at a time, and at once where the other side waits for it (RFC 1122 §4.2.3.3).
        let more = self.receiver.edge() - self.acks.edge;
        let was_shut = self.acks.edge + (self.receiver.window() as u64) == self.receiver.edge();
        let worth = if was_shut { 2 * DATAGRAM_MAX } else { self.receiver.capacity() / 4 };
        if more >= worth.min(self.receiver.capacity() / 2).max(1) as u64 {
            self.acks.now = true;
        }
        Ok(n)
    }

    fn usable(&self) -> Result<(), StreamError> {
        match (self.state, self.reason) {
            (State::Closed, Some(reason)) => Err(reason.into()),
            (State::Closed, None) => Err(StreamError::Closed),
            _ => Ok(()),
        }
    }

    /// Nothing more will be written: what was, is sent, and then the end.
    pub(crate) fn finish(&mut self) {
        self.sender.finish();
    }

    /// Nobody holds it any more. What was written is still delivered, for a while.
    pub(crate) fn orphan(&mut self, now: Instant) {
        self.orphaned = Some(now + LINGER);
        if self.state == State::Open {
            self.sender.finish();
            self.receiver.discard();
        } else {
            self.state = State::Closed;
        }
    }

    fn close(&mut self, reason: Option<CloseReason>) {
        if self.state == State::SynReceived {
            // Nobody has heard of it.
            self.orphaned = Some(Instant::ZERO);
        }
        self.state = State::Closed;
        self.reason = reason;
        self.sender.clear();
        self.receiver.shrink();
        self.retransmit_at = None;
        self.paced_until = None;
        self.acks.due = None;
        self.tidings |= told::CLOSED;
    }
}
