use std::fmt;
use std::sync::Arc;

use crate::Address;

/// A name of 20 bytes: of a payload (the digest of its bytes, where members are to verify it), or
/// of something that can be searched for, such as an info-hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 20]);

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A search, by the random number that its origin drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchId(pub u64);

/// How badly a neighbour is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Take me if you have room.
    Low,
    /// Make room: I have almost nobody.
    High,
}

/// What members say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<A> {
    /// A newcomer to its anchor: let me in.
    Join,
    /// The anchor's answer: others to turn to.
    Welcome {
        /// Members, as far as the anchor knows; at most [`CONTACTS_MAX`](crate::CONTACTS_MAX).
        contacts: Vec<A>,
    },
    /// `origin` looks for a neighbour; the last two hops take it, if they have room.
    Forward {
        /// Who looks for one.
        origin: A,
        /// High: the last hop makes room.
        priority: Priority,
        /// Hops left.
        ttl: u8,
    },
    /// Be my neighbour.
    Neighbour {
        /// How badly.
        priority: Priority,
    },
    /// We are neighbours now.
    Accept,
    /// I am full.
    Refuse,
    /// We are neighbours no more, or never were.
    Disconnect {
        /// I leave the network: forget me.
        leaving: bool,
    },
    /// I am still here.
    Keep,
    /// Addresses for addresses, on a random walk.
    Shuffle {
        /// Whose addresses; the answer goes there.
        origin: A,
        /// Hops left.
        ttl: u8,
        /// At most [`SAMPLE_MAX`](crate::SAMPLE_MAX).
        sample: Vec<A>,
    },
    /// The addresses in return.
    ShuffleReply {
        /// At most [`SAMPLE_MAX`](crate::SAMPLE_MAX).
        sample: Vec<A>,
    },
    /// A payload, along the tree.
    Gossip {
        /// Its name.
        id: Id,
        /// Hops that it has travelled.
        round: u16,
        /// At most [`PAYLOAD_MAX`](crate::PAYLOAD_MAX) bytes.
        payload: Arc<[u8]>,
    },
    /// Payloads that I have, along the other edges.
    IHave {
        /// Names and hops travelled; at most [`ANNOUNCED_MAX`](crate::ANNOUNCED_MAX).
        ids: Vec<(Id, u16)>,
    },
    /// Make this edge part of the tree, and send me this payload, if there is one that I miss.
    Graft {
        /// The payload.
        id: Option<Id>,
    },
    /// Leave this edge out of the tree.
    Prune,
    /// A flooded question.
    Query {
        /// Which search.
        search: SearchId,
        /// What is looked for.
        key: Id,
        /// Hops left.
        ttl: u8,
        /// Hops travelled.
        hops: u8,
    },
    /// An answer to a query, back the way that it came.
    Answer {
        /// Which search.
        search: SearchId,
        /// Who holds the key.
        holder: A,
        /// Hops from the origin to the holder.
        hops: u8,
    },
    /// A walker with a question.
    Walk {
        /// Which search.
        search: SearchId,
        /// What is looked for.
        key: Id,
        /// Who looks for it.
        origin: A,
        /// Hops left.
        ttl: u16,
        /// Hops travelled.
        hops: u16,
    },
    /// A walker asks its origin whether to go on.
    Check {
        /// Which search.
        search: SearchId,
        /// Which walker, in the words of the one who asks.
        walker: u32,
    },
    /// The origin's answer; where it found what it looked for, it gives none.
    GoOn {
        /// Which search.
        search: SearchId,
        /// Which walker.
        walker: u32,
    },
    /// To the origin of a walk: I hold the key.
    Found {
        /// Which search.
        search: SearchId,
        /// Hops that the walker took.
        hops: u16,
    },
}

/// The kinds of [`Message`], to count them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the message of its name")]
pub enum Kind {
    Join,
    Welcome,
    Forward,
    Neighbour,
    Accept,
    Refuse,
    Disconnect,
    Keep,
    Shuffle,
    ShuffleReply,
    Gossip,
    IHave,
    Graft,
    Prune,
    Query,
    Answer,
    Walk,
    Check,
    GoOn,
    Found,
}

impl Kind {
    /// How many kinds there are; a kind's number (`as usize`) is below it.
    pub const COUNT: usize = 20;
}

impl<A: Address> Message<A> {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Join => Kind::Join,
            Self::Welcome { .. } => Kind::Welcome,
            Self::Forward { .. } => Kind::Forward,
            Self::Neighbour { .. } => Kind::Neighbour,
            Self::Accept => Kind::Accept,
            Self::Refuse => Kind::Refuse,
            Self::Disconnect { .. } => Kind::Disconnect,
            Self::Keep => Kind::Keep,
            Self::Shuffle { .. } => Kind::Shuffle,
            Self::ShuffleReply { .. } => Kind::ShuffleReply,
            Self::Gossip { .. } => Kind::Gossip,
            Self::IHave { .. } => Kind::IHave,
            Self::Graft { .. } => Kind::Graft,
            Self::Prune => Kind::Prune,
            Self::Query { .. } => Kind::Query,
            Self::Answer { .. } => Kind::Answer,
            Self::Walk { .. } => Kind::Walk,
            Self::Check { .. } => Kind::Check,
            Self::GoOn { .. } => Kind::GoOn,
            Self::Found { .. } => Kind::Found,
        }
    }

    /// Bytes that it takes on the wire, below it nothing: one for the kind, the fields as they
    /// are, one byte (two before a payload) for a length.
    pub fn size(&self) -> u64 {
        const ID: u64 = 20;
        const SEARCH: u64 = 8;
        let all = |list: &[A]| 1 + list.iter().map(|address| address.size()).sum::<u64>();
        1 + match self {
            Self::Join | Self::Accept | Self::Refuse | Self::Keep | Self::Prune => 0,
            Self::Neighbour { .. } | Self::Disconnect { .. } => 1,
            Self::Welcome { contacts } => all(contacts),
            Self::Forward { origin, .. } => origin.size() + 2,
            Self::Shuffle { origin, sample, .. } => origin.size() + 1 + all(sample),
            Self::ShuffleReply { sample } => all(sample),
            Self::Gossip { payload, .. } => ID + 2 + 2 + payload.len() as u64,
            Self::IHave { ids } => 1 + ids.len() as u64 * (ID + 2),
            Self::Graft { id } => 1 + id.map_or(0, |_| ID),
            Self::Query { .. } => SEARCH + ID + 2,
            Self::Answer { holder, .. } => SEARCH + holder.size() + 1,
            Self::Walk { origin, .. } => SEARCH + ID + origin.size() + 4,
            Self::Check { .. } | Self::GoOn { .. } => SEARCH + 4,
            Self::Found { .. } => SEARCH + 2,
        }
    }

    /// Whether only a neighbour may say it.
    pub(crate) const fn among_neighbours(&self) -> bool {
        use Message::{Forward, Gossip, Graft, IHave, Keep, Prune, Query, Shuffle, Walk};
        matches!(
            self,
            Forward { .. }
                | Keep
                | Shuffle { .. }
                | Gossip { .. }
                | IHave { .. }
                | Graft { .. }
                | Prune
                | Query { .. }
                | Walk { .. }
        )
    }
}
