use std::fmt;
use std::mem;

use stdx::{BLOCK_LENGTH, BlockRange, Buf, PieceIndex, Pool};

use crate::{HASHES_MAX, Kind, Landing, Message, PIECE_HEADER_LENGTH, WireError};

/// The longest `extended` message accepted, in bytes. A piece of metadata is 16 KiB; the rest is
/// room for large handshakes and peer lists.
pub const EXTENDED_MAX: u32 = 128 * 1024;

/// The longest message of an unknown kind that is skipped, in bytes.
pub const UNKNOWN_MAX: u32 = 128 * 1024;

/// What a skipped message is counted by when it is long, in bytes.
const SKIPPED_UNIT: u64 = 1024;

/// The most pieces a torrent may have, which bounds a bitfield while the number is not known.
pub const PIECES_MAX: u32 = 2_000_000;

/// Staging memory beyond this is given back as soon as its message is done, in bytes.
const STAGE_KEEP: usize = 1024;

/// Turns the byte stream after the handshake into messages.
///
/// Payload of `piece` messages is copied once, into a block of the pool, as it comes. Any other
/// message is parsed where it lies when the input holds it whole, and is staged otherwise, in
/// memory that grows with what arrived and not with what was announced.
pub struct Decoder {
    state: State,
    head: [u8; PIECE_HEADER_LENGTH],
    head_len: usize,
    staged: Vec<u8>,
    /// `staged` holds a message that was given out by the last call.
    staged_done: bool,
    bitfield_max: u32,
    skipped: u64,
}

enum State {
    Head,
    Body { kind: Kind, length: usize },
    Skip { left: usize },
    Payload { range: BlockRange, data: Buf },
}

/// What one step found.
enum Step {
    /// The state changed: step again.
    Again,
    /// The input is used up.
    Starved,
    KeepAlive,
    Block(BlockRange, Buf),
    /// A whole body lies at the start of the input.
    InPlace(Kind, usize),
    /// A whole body lies in `staged`.
    Staged(Kind),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a message.
    pub fn new() -> Self {
        Self {
            state: State::Head,
            head: [0; PIECE_HEADER_LENGTH],
            head_len: 0,
            staged: Vec::new(),
            staged_done: false,
            bitfield_max: 1 + PIECES_MAX.div_ceil(8),
            skipped: 0,
        }
    }

    /// Tells how many pieces there are, which bounds a bitfield.
    pub fn set_pieces(&mut self, pieces: u32) {
        self.bitfield_max = 1 + pieces.div_ceil(8);
    }

    /// Takes bytes off the front of `input` up to the end of one message and returns it; `None`
    /// when all is consumed and no message is whole. Call it until then.
    ///
    /// # Errors
    /// When a message has a size that its kind cannot have. The stream is lost then: do not go on.
    pub fn decode<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        pool: &Pool,
    ) -> Result<Option<Message<'a>>, WireError> {
        if mem::take(&mut self.staged_done) {
            self.staged.clear();
            if self.staged.capacity() > STAGE_KEEP {
                self.staged = Vec::new();
            }
        }
        loop {
            match self.step(input, pool)? {
                Step::Again => {}
                Step::Starved => return Ok(None),
                Step::KeepAlive => return Ok(Some(Message::KeepAlive)),
                Step::Block(range, data) => return Ok(Some(Message::Piece(range, data))),
                Step::InPlace(kind, length) => {
                    let (body, rest) = input.split_at(length);
                    *input = rest;
                    return Message::parse(kind, body).map(Some);
                }
                Step::Staged(kind) => {
                    self.staged_done = true;
                    return Message::parse(kind, &self.staged).map(Some);
                }
            }
        }
    }

    /// The room for the rest of the block that is arriving, so that a driver can read into it
    /// without a copy; `None` between blocks. Bytes read there come before any others: count them
    /// with [`Self::direct_filled`].
    pub fn direct(&mut self) -> Option<&mut [u8]> {
        let State::Payload { range, data } = &mut self.state else {
            return None;
        };
        let left = range.length as usize - data.len();
        (left > 0).then(|| &mut data.spare()[..left])
    }

    /// Whether what comes next is a message, or the rest of a block and then a message: only then
    /// may bytes be read into a [`Landing`].
    pub fn may_land(&self) -> bool {
        match self.state {
            State::Head => self.head_len == 0,
            State::Payload { .. } => true,
            State::Body { .. } | State::Skip { .. } => false,
        }
    }

    /// Takes the first `n` bytes that were read into `landing`, after [`Self::direct_filled`], and
    /// gives the messages to `take`. Blocks that lie where they were expected stay there; all else
    /// is decoded as ever.
    ///
    /// # Errors
    /// As [`Self::decode`], or what `take` returns.
    pub fn decode_landed<E: From<WireError>>(
        &mut self,
        landing: &mut Landing,
        mut n: usize,
        pool: &Pool,
        mut take: impl FnMut(Message<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for place in landing.places() {
            let head = n.min(PIECE_HEADER_LENGTH);
            let body = (n - head).min(BLOCK_LENGTH as usize);
            if head == 0 {
                return Ok(());
            }
            n -= head + body;
            let between = matches!(self.state, State::Head) && self.head_len == 0;
            if let Some(range) =
                place.full_block().filter(|_| between && head == PIECE_HEADER_LENGTH)
            {
                let mut data = mem::replace(&mut place.block, pool.take());
                data.advance(body);
                if body == BLOCK_LENGTH as usize {
                    take(Message::Piece(range, data))?;
                } else {
                    self.state = State::Payload { range, data };
                }
                continue;
            }
            for mut input in [&place.head[..head], &place.block.spare()[..body]] {
                while let Some(message) = self.decode(&mut input, pool)? {
                    take(message)?;
                }
            }
        }
        Ok(())
    }

    /// How many messages of unknown kinds came so far; a long one counts once more for each KiB.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many bytes of the block that is arriving are there already; 0 between blocks.
    pub fn partial(&self) -> usize {
        match &self.state {
            State::Payload { data, .. } => data.len(),
            _ => 0,
        }
    }

    /// Counts `n` bytes that were read into [`Self::direct`], and returns the block when it is
    /// whole.
    ///
    /// # Panics
    /// When there was not that much room.
    pub fn direct_filled(&mut self, n: usize) -> Option<(BlockRange, Buf)> {
        let room = self.direct().map_or(0, |room| room.len());
        assert!(n <= room, "{n} bytes read into {room}");
        if let State::Payload { data, .. } = &mut self.state {
            data.advance(n);
        }
        if n == 0 || n < room {
            return None;
        }
        match mem::replace(&mut self.state, State::Head) {
            State::Payload { range, data } => Some((range, data)),
            _ => None,
        }
    }

    fn step(&mut self, input: &mut &[u8], pool: &Pool) -> Result<Step, WireError> {
        match &mut self.state {
            State::Head => self.read_head(input, pool),
            State::Skip { left } => {
                let taken = take(input, *left);
                *left -= taken.len();
                if *left > 0 {
                    return Ok(Step::Starved);
                }
                self.state = State::Head;
                Ok(Step::Again)
            }
            State::Body { kind, length } => {
                let (kind, length) = (*kind, *length);
                if self.staged.is_empty() && input.len() >= length {
                    self.state = State::Head;
                    return Ok(Step::InPlace(kind, length));
                }
                let missing = length - self.staged.len();
                self.staged.extend_from_slice(take(input, missing));
                if self.staged.len() < length {
                    return Ok(Step::Starved);
                }
                self.state = State::Head;
                Ok(Step::Staged(kind))
            }
            State::Payload { range, data } => {
                let missing = range.length as usize - data.len();
                data.push(take(input, missing));
                if data.len() < range.length as usize {
                    return Ok(Step::Starved);
                }
                match mem::replace(&mut self.state, State::Head) {
                    State::Payload { range, data } => Ok(Step::Block(range, data)),
                    _ => Ok(Step::Again),
                }
            }
        }
    }

    /// Reads the length prefix, the message byte and, of a `piece`, its fixed fields.
    fn read_head(&mut self, input: &mut &[u8], pool: &Pool) -> Result<Step, WireError> {
        if !self.fill_head(input, 4) {
            return Ok(Step::Starved);
        }
        let length = self.head_word(0);
        if length == 0 {
            self.head_len = 0;
            return Ok(Step::KeepAlive);
        }
        if !self.fill_head(input, 5) {
            return Ok(Step::Starved);
        }
        let kind = Kind::from_id(self.head[4]);
        self.check_size(kind, length)?;
        let body = length as usize - 1;
        match kind {
            Kind::Unknown(_) => {
                self.skipped += 1 + u64::from(length) / SKIPPED_UNIT;
                self.state = State::Skip { left: body };
            }
            Kind::Piece => {
                if !self.fill_head(input, PIECE_HEADER_LENGTH) {
                    return Ok(Step::Starved);
                }
                let range = BlockRange {
                    piece: PieceIndex(self.head_word(5)),
                    begin: self.head_word(9),
                    length: length - 9,
                };
                self.state = State::Payload { range, data: pool.take() };
            }
            _ => self.state = State::Body { kind, length: body },
        }
        self.head_len = 0;
        Ok(Step::Again)
    }

    fn fill_head(&mut self, input: &mut &[u8], target: usize) -> bool {
        if self.head_len < target {
            let taken = take(input, target - self.head_len);
            self.head[self.head_len..self.head_len + taken.len()].copy_from_slice(taken);
            self.head_len += taken.len();
        }
        self.head_len >= target
    }

    fn head_word(&self, at: usize) -> u32 {
        let head = &self.head;
        u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
    }

    fn check_size(&self, kind: Kind, size: u32) -> Result<(), WireError> {
        let (least, limit) = match kind {
            Kind::Choke
            | Kind::Unchoke
            | Kind::Interested
            | Kind::NotInterested
            | Kind::HaveAll
            | Kind::HaveNone => (1, 1),
            Kind::Have | Kind::Suggest | Kind::AllowedFast => (5, 5),
            Kind::Request | Kind::Cancel | Kind::Reject => (13, 13),
            Kind::Port => (3, 3),
            Kind::Bitfield => (1, self.bitfield_max),
            Kind::Piece => (9, 9 + BLOCK_LENGTH),
            Kind::Extended => (2, EXTENDED_MAX),
            Kind::HashRequest | Kind::HashReject => (49, 49),
            Kind::Hashes => (49, 49 + HASHES_MAX * 32),
            Kind::Unknown(_) => (1, UNKNOWN_MAX),
        };
        if size < least || (least == limit && size != least) {
            return Err(WireError::WrongSize { kind, size, expected: least });
        }
        if size > limit {
            return Err(WireError::TooLarge { kind, size, limit });
        }
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Head => "between messages",
            State::Body { .. } => "in a message",
            State::Skip { .. } => "in an unknown message",
            State::Payload { .. } => "in a block",
        };
        write!(f, "Decoder({state})")
    }
}

/// Takes up to `want` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], want: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(want.min(input.len()));
    *input = rest;
    taken
}
