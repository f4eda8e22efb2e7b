use std::collections::VecDeque;
use std::net::SocketAddr;

use peer::{Pipeline, Totals};
use stdx::{Bitfield, BlockRange, Instant, PieceIndex};

/// One end of a connection. Its place among its node's ends is the connection's
/// [`stdx::ConnId`] there.
#[derive(Debug)]
pub(super) struct End {
    /// The node at the other end.
    pub(super) remote: u32,
    /// The other end's place there; a node that dials learns it with the answer.
    pub(super) twin: Option<u32>,
    /// `None` once it is closed.
    pub(super) live: Option<Box<Live>>,
}

/// What a [`peer::Peer`] keeps of an open connection, as far as it matters here.
#[derive(Debug)]
pub(super) struct Live {
    /// The remote has answered.
    pub(super) ready: bool,
    /// Where the remote was dialled.
    pub(super) dialled: Option<SocketAddr>,
    pub(super) since: Instant,
    /// We answer no requests.
    pub(super) choking: bool,
    /// The remote answers none.
    pub(super) choked: bool,
    /// The remote wants what we have.
    pub(super) interested: bool,
    /// The remote has no piece yet.
    pub(super) empty: bool,
    /// What we asked the remote for.
    pub(super) pipeline: Pipeline,
    /// Blocks of every order to request.
    pub(super) taken: u64,
    /// What the remote asked us for.
    pub(super) asked: VecDeque<BlockRange>,
    /// It waits for its turn at the uplink.
    pub(super) in_turns: bool,
    pub(super) totals: Totals,
    /// What the mind was told of these.
    pub(super) told: Totals,
}

impl Live {
    pub(super) fn new(now: Instant, dialled: Option<SocketAddr>, config: &peer::Config) -> Self {
        Self {
            ready: dialled.is_none(),
            dialled,
            since: now,
            choking: true,
            choked: true,
            interested: false,
            empty: true,
            pipeline: Pipeline::new(config),
            taken: 0,
            asked: VecDeque::new(),
            in_turns: false,
            totals: Totals::default(),
            told: Totals::default(),
        }
    }

    /// Takes back what the remote asked for; false when it is out already.
    pub(super) fn withdraw(&mut self, range: BlockRange) -> bool {
        let place = self.asked.iter().position(|asked| *asked == range);
        place.and_then(|place| self.asked.remove(place)).is_some()
    }
}

/// What one end of a connection sends to the other.
#[derive(Debug)]
pub(super) enum Message {
    /// The first word of who opens the connection: who it is, its end, and what it has.
    Knock(u32, u32, Bitfield),
    /// The answer to that: the end of who answers, and what it has.
    Hello(u32, Bitfield),
    /// The other answer to that.
    Refused,
    Closed,
    Choke,
    Unchoke,
    Interested(bool),
    Have(PieceIndex),
    Suggest(PieceIndex),
    Request(Vec<BlockRange>),
    Cancel(Vec<BlockRange>),
    Rejected(Vec<BlockRange>),
    Block(BlockRange),
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) due: Instant,
    /// The end that it goes to; means nothing to who is knocked at.
    pub(super) end: u32,
    pub(super) message: Message,
}
