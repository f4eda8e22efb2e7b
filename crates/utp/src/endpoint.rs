use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use slab::Slab;
use stdx::{Instant, Rng, TokenBucket};

use crate::connection::{Connection, told};
use crate::{CloseReason, Config, ConnectError, Header, Kind, Packet, Seq, Stats, StreamError};

use secret::Secret;

mod secret;

/// Answers to strays in a second, and as many at once.
const RESETS_PER_SECOND: u64 = 50;
/// Answers to strays that may wait to be sent.
const RESETS_MAX: usize = 64;
/// Ids that are tried for a new connection; one in use with the same address is rare.
const ID_TRIES: usize = 16;

/// Names a connection of its endpoint, and no other connection later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    slot: u32,
    serial: u32,
}

/// What a connection has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody at this address has begun it, and has proved to be there.
    Incoming(SocketAddr),
    /// What [`Endpoint::connect`] began stands; it can be written to.
    Connected,
    /// After [`Endpoint::read`] had nothing: it has now.
    Readable,
    /// After [`Endpoint::write`] took nothing: it does now.
    Writable,
    /// It is over. What came before can still be read.
    Closed(CloseReason),
}

/// Datagrams to be sent: what [`Endpoint::poll_transmit`] appended to its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Which of our addresses the other side speaks to, if that is known: it expects answers from
    /// there.
    pub from: Option<IpAddr>,
    /// The size of each datagram in bytes; the last may be shorter.
    pub segment: usize,
    /// It finds out whether its size passes: to be sent undivided, or not at all. Others may be
    /// divided on their way.
    pub dont_fragment: bool,
}

/// All uTP connections of a UDP socket. Performs no I/O and reads no clock.
///
/// Inputs are the `handle_*` methods, and the verbs. After any of them drain
/// [`Self::poll_transmit`] and [`Self::poll_event`], then read [`Self::poll_timeout`]. Idle
/// connections cost nothing but memory and, twice a minute, a packet.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    secret: Secret,
    connections: Slab<Entry>,
    /// By address and by the id in what they send us.
    table: BTreeMap<(SocketAddr, u16), usize>,
    /// At most one for each connection, never later than it should be.
    timers: BTreeSet<(Instant, usize)>,
    /// Such as may have something to send.
    ready: VecDeque<usize>,
    /// Such as have something to tell.
    news: VecDeque<usize>,
    /// Incoming ones that are not proved, the oldest first; and some that are by now.
    half_open: VecDeque<Handle>,
    resets: VecDeque<(SocketAddr, Option<IpAddr>, Header)>,
    resets_left: Option<TokenBucket>,
    serial: u32,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    serial: u32,
    timer: Option<Instant>,
    is_ready: bool,
    has_news: bool,
}

impl Endpoint {
    /// An endpoint without connections. Ids and numbers are drawn from `rng`, which must not be
    /// guessable.
    pub fn new(config: Config, mut rng: Rng) -> Self {
        Self {
            config,
            secret: Secret::new(&mut rng),
            connections: Slab::new(),
            table: BTreeMap::new(),
            timers: BTreeSet::new(),
            ready: VecDeque::new(),
            news: VecDeque::new(),
            half_open: VecDeque::new(),
            resets: VecDeque::new(),
            resets_left: None,
            serial: 0,
        }
    }

    /// How many connections there are, of all kinds.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Begins a connection.
    ///
    /// # Errors
    /// When there are too many.
    pub fn connect(&mut self, now: Instant, remote: SocketAddr) -> Result<Handle, ConnectError> {
        if self.connections.len() >= self.config.connections_max {
            return Err(ConnectError::Full(self.config.connections_max));
        }
        let id = (0..ID_TRIES)
            .map(|_| self.secret.draw())
            .find(|id| !self.table.contains_key(&(remote, *id)))
            .ok_or(ConnectError::Ids)?;
        let seq = Seq(self.secret.draw());
        let connection = Connection::connect(now, &self.config, remote, id, seq);
        Ok(self.insert(connection))
    }

    fn insert(&mut self, connection: Connection) -> Handle {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let key = (connection.remote(), connection.receive_id());
        let entry = Entry { connection, serial, timer: None, is_ready: false, has_news: false };
        let slot = self.connections.insert(entry);
        self.table.insert(key, slot);
        self.touch(slot);
        Handle { slot: slot as u32, serial }
    }

    /// Takes a datagram that was sent to `local`, if that is known. What is no packet, or of no
    /// connection, is dropped; strays are told so, at a bounded rate, and never with more bytes
    /// than they had.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
    ) {
        let Ok(packet) = Packet::parse(datagram) else {
            return;
        };
        let header = &packet.header;
        let id = match header.kind {
            Kind::Syn => header.connection.wrapping_add(1),
            _ => header.connection,
        };
        let found = self.table.get(&(from, id)).copied();
        let found = match header.kind {
            Kind::Reset => found.or_else(|| self.find_by_send_id(from, id)),
            _ => found,
        };
        match (found, header.kind) {
            (Some(slot), _) => {
                self.connections[slot].connection.handle_packet(now, local, &packet);
                self.touch(slot);
            }
            (None, Kind::Syn) => self.accept(now, (from, local), header),
            (None, Kind::Reset) => {}
            (None, _) => self.answer_stray(now, (from, local), header),
        }
    }

    /// Who does not know a connection resets it by the id that our packet had.
    fn find_by_send_id(&self, from: SocketAddr, id: u16) -> Option<usize> {
        [id.wrapping_add(1), id.wrapping_sub(1)]
            .iter()
            .filter_map(|receive_id| self.table.get(&(from, *receive_id)).copied())
            .find(|slot| self.connections[*slot].connection.send_id() == id)
    }

    fn accept(&mut self, now: Instant, ends: (SocketAddr, Option<IpAddr>), header: &Header) {
        if self.half_open.len() >= self.config.half_open_max {
            let connections = &self.connections;
            self.half_open.retain(|it| {
                let entry = connections.get(it.slot as usize);
                entry.is_some_and(|at| at.serial == it.serial && at.connection.is_half_open())
            });
        }
        if self.half_open.len() >= self.config.half_open_max
            && let Some(oldest) = self.half_open.pop_front()
        {
            self.remove(oldest.slot as usize);
        }
        if self.connections.len() >= self.config.connections_max {
            return;
        }
        let numbers = (header.connection, header.seq, Seq(self.secret.draw()));
        let handle = self.insert(Connection::accept(now, &self.config, ends, numbers));
        self.half_open.push_back(handle);
    }

    fn answer_stray(
        &mut self,
        now: Instant,
        (from, local): (SocketAddr, Option<IpAddr>),
        header: &Header,
    ) {
        let left = self
            .resets_left
            .get_or_insert_with(|| TokenBucket::new(RESETS_PER_SECOND, RESETS_PER_SECOND, now));
        if self.resets.len() >= RESETS_MAX || left.take(now, 1) == 0 {
            return;
        }
        let answer = Header {
            kind: Kind::Reset,
            connection: header.connection,
            timestamp: (now.as_nanos() / 1_000) as u32,
            timestamp_difference: 0,
            window: 0,
            seq: Seq(self.secret.draw()),
            ack: header.seq,
        };
        self.resets.push_back((from, local, answer));
    }

    /// Appends datagrams for one address to `out`, at most `packets_max`, which is positive, and
    /// together no more than one system call takes.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        out: &mut Vec<u8>,
        packets_max: usize,
    ) -> Option<Transmit> {
        if let Some((to, from, header)) = self.resets.pop_front() {
            let start = out.len();
            header.encode(&[], 0, out);
            let segment = out.len() - start;
            return Some(Transmit { to, from, segment, dont_fragment: false });
        }
        while let Some(slot) = self.ready.pop_front() {
            let Some(entry) = self.connections.get_mut(slot) else {
                continue;
            };
            let (to, from) = (entry.connection.remote(), entry.connection.local());
            let batch = entry.connection.poll_transmit(now, out, packets_max);
            if let Some(batch) = batch {
                // The others first, before it goes on.
                self.ready.push_back(slot);
                self.touch(slot);
                let (segment, dont_fragment) = (batch.segment, batch.probe);
                return Some(Transmit { to, from, segment, dont_fragment });
            }
            entry.connection.settle(now);
            entry.is_ready = false;
            self.note(slot);
        }
        None
    }

    /// The next of what connections have to tell.
    pub fn poll_event(&mut self) -> Option<(Handle, Event)> {
        loop {
            let slot = *self.news.front()?;
            let Some(entry) = self.connections.get_mut(slot) else {
                self.news.pop_front();
                continue;
            };
            let Some(bit) = entry.connection.take_tidings() else {
                entry.has_news = false;
                self.news.pop_front();
                continue;
            };
            let event = match bit {
                told::INCOMING => Event::Incoming(entry.connection.remote()),
                told::CONNECTED => Event::Connected,
                told::READABLE => Event::Readable,
                told::WRITABLE => Event::Writable,
                _ => match entry.connection.reason() {
                    Some(reason) => Event::Closed(reason),
                    None => continue,
                },
            };
            return Some((Handle { slot: slot as u32, serial: entry.serial }, event));
        }
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Does what is due. Early and repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, slot)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let entry = &mut self.connections[slot];
            entry.timer = None;
            // It may have been put off since.
            if entry.connection.poll_timeout().is_some_and(|due| due <= now) {
                entry.connection.handle_timeout(now);
                self.touch(slot);
            } else {
                self.note(slot);
            }
        }
    }
}

/// What the owner of a stream does.
impl Endpoint {
    /// Takes bytes to be sent; how many.
    ///
    /// # Errors
    /// When nothing can be taken, now or ever.
    pub fn write(
        &mut self,
        now: Instant,
        handle: Handle,
        slices: &[IoSlice<'_>],
    ) -> Result<usize, StreamError> {
        let entry = self.entry(handle).ok_or(StreamError::Closed)?;
        let n = entry.connection.write(now, slices)?;
        self.touch(handle.slot as usize);
        Ok(n)
    }

    /// Moves bytes out that have come; how many, which is none at the end of the stream.
    ///
    /// # Errors
    /// When there is nothing, now or ever.
    pub fn read(
        &mut self,
        now: Instant,
        handle: Handle,
        out: &mut [IoSliceMut<'_>],
    ) -> Result<usize, StreamError> {
        let entry = self.entry(handle).ok_or(StreamError::Closed)?;
        let n = entry.connection.read(now, out)?;
        self.touch(handle.slot as usize);
        Ok(n)
    }

    /// Says that nothing more will be written; what was, is delivered, and then the end.
    pub fn finish(&mut self, handle: Handle) {
        if let Some(entry) = self.entry(handle) {
            entry.connection.finish();
            self.touch(handle.slot as usize);
        }
    }

    /// Lets go of a connection: its handle is void. What was written is still delivered if the
    /// other side takes it within ten seconds; what comes is thrown away.
    pub fn close(&mut self, now: Instant, handle: Handle) {
        let serial = self.serial.wrapping_add(1);
        if let Some(entry) = self.entry(handle) {
            entry.connection.orphan(now);
            // From here on it has no handle.
            entry.serial = serial;
            self.serial = serial;
            self.touch(handle.slot as usize);
        }
    }

    /// What a connection has seen so far.
    pub fn stats(&self, handle: Handle) -> Option<Stats> {
        let entry = self.connections.get(handle.slot as usize)?;
        (entry.serial == handle.serial).then(|| entry.connection.stats())
    }

    fn entry(&mut self, handle: Handle) -> Option<&mut Entry> {
        let entry = self.connections.get_mut(handle.slot as usize)?;
        (entry.serial == handle.serial).then_some(entry)
    }

    /// Something happened to a connection: it may have something to send, or be over. Where much
    /// happens at once, its timer is looked at once, after what it has to send.
    fn touch(&mut self, slot: usize) {
        let entry = &mut self.connections[slot];
        if entry.is_ready {
            self.note_news(slot);
            return;
        }
        entry.is_ready = true;
        self.ready.push_back(slot);
        self.note(slot);
    }

    /// Brings the timer and the news of a connection up to date.
    fn note(&mut self, slot: usize) {
        let entry = &mut self.connections[slot];
        if entry.connection.is_forgettable() {
            self.remove(slot);
            return;
        }
        self.note_news(slot);
        let entry = &mut self.connections[slot];
        if let Some(due) = entry.connection.poll_timeout()
            && entry.timer.is_none_or(|timer| due < timer)
        {
            if let Some(timer) = entry.timer.replace(due) {
                self.timers.remove(&(timer, slot));
            }
            self.timers.insert((due, slot));
        }
        if entry.connection.is_closed() {
            self.unlist(slot);
        }
    }

    fn note_news(&mut self, slot: usize) {
        let entry = &mut self.connections[slot];
        if entry.connection.has_tidings() && !entry.has_news {
            entry.has_news = true;
            self.news.push_back(slot);
        }
    }

    /// Its id may be used again.
    fn unlist(&mut self, slot: usize) {
        let connection = &self.connections[slot].connection;
        let key = (connection.remote(), connection.receive_id());
        if self.table.get(&key) == Some(&slot) {
            self.table.remove(&key);
        }
    }

    fn remove(&mut self, slot: usize) {
        self.unlist(slot);
        let entry = self.connections.remove(slot);
        if let Some(timer) = entry.timer {
            self.timers.remove(&(timer, slot));
        }
        // A new connection in this slot must not be thought to stand there already.
        if entry.is_ready {
            self.ready.retain(|ready| *ready != slot);
        }
        if entry.has_news {
            self.news.retain(|news| *news != slot);
        }
    }
}
