//! What peers say to each other. How it is written down is the driver's affair.

use crate::id::Id;
use crate::tables::Answer;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A question; the answer carries its token.
    Request {
        /// Chosen by who asks.
        token: u64,
        /// What is asked.
        ask: Ask,
    },
    /// The answer to a question.
    Reply {
        /// Of the question.
        token: u64,
        /// What is answered.
        reply: Reply,
    },
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Are you a member?
    Ping,
    /// Who is before and behind you?
    State,
    /// Which way is this key?
    Way {
        /// Where to.
        key: Id,
        /// Whether shortcuts may be taken.
        shortcuts: bool,
    },
    /// Is this key yours?
    Owner {
        /// The key.
        key: Id,
    },
    /// I am before you.
    Notify,
    /// I am right behind you, nearer than whom you know.
    Nudge,
    /// I leave.
    Leave,
    /// Which shortcuts do you have?
    Shortcuts,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// I am a member.
    Pong,
    /// I am no member.
    Absent,
    /// I am about to change what you ask for; ask again.
    Busy,
    /// Who is before and behind me.
    State {
        /// The peer before.
        predecessor: Option<Id>,
        /// The peers behind, nearest first.
        successors: Vec<Id>,
    },
    /// The way to the key.
    Way(Answer),
    /// Whom I take to be before me: what lies behind it up to me is mine.
    Before(Option<Id>),
    /// My shortcuts, by number.
    Shortcuts(Vec<(u8, Id)>),
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To whom.
    pub to: Id,
    /// What.
    pub message: Message,
}
