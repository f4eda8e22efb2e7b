use overlay::{Kind, Message, SearchId};
use stdx::Instant;

/// Messages sent, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    messages: [u64; Kind::COUNT],
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Tally {
    pub(super) fn count(&mut self, message: &Message<u32>) {
        self.messages[message.kind() as usize] += 1;
        self.bytes += message.size();
    }

    /// Messages of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.messages[kind as usize]
    }

    /// Messages of these kinds.
    pub fn sum(&self, kinds: &[Kind]) -> u64 {
        kinds.iter().map(|kind| self.of(*kind)).sum()
    }

    /// All messages.
    pub fn total(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// What came on top since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut more = self.clone();
        for (now, then) in more.messages.iter_mut().zip(earlier.messages) {
            *now -= then;
        }
        more.bytes -= earlier.bytes;
        more
    }
}

/// How far a broadcast came.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Who sent it.
    pub from: u32,
    /// When.
    pub at: Instant,
    /// Who received it, the sender aside.
    pub delivered: Vec<u32>,
    /// Hops that it took to the last.
    pub hops: u16,
    /// When the last one received it.
    pub last_at: Instant,
}

impl Reach {
    pub(super) fn new(at: Instant, from: u32) -> Self {
        Self { from, at, delivered: Vec::new(), hops: 0, last_at: at }
    }
}

/// What became of a search.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    /// Messages sent for it by everybody.
    pub messages: u64,
    /// Hops to who was found first.
    pub found: Option<u16>,
}

/// The search that a message belongs to.
pub(super) fn search_of(message: &Message<u32>) -> Option<SearchId> {
    match message {
        Message::Query { search, .. }
        | Message::Answer { search, .. }
        | Message::Walk { search, .. }
        | Message::Check { search, .. }
        | Message::GoOn { search, .. }
        | Message::Found { search, .. } => Some(*search),
        _ => None,
    }
}
