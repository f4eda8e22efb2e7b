use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use siphasher::sip::SipHasher24;
use stdx::{Duration, Instant};

use crate::address::{Contact, Family};
use crate::event::LookupId;
use crate::krpc::{Body, Message, Query};
use crate::{Id, Transmit};

/// Time after which a question counts as not answered.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bounds of the time after which somebody else is asked, too.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(60), Duration::from_secs(1));
/// Bounds of what counts as usual.
const USUAL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(2));
/// Questions under way at once, over all look-ups.
const QUESTIONS_MAX: usize = 4_096;

/// What a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To see whether a node is there.
    Ping,
    /// To get to know an address of which nothing else is known, and its neighbours.
    Prospect,
    /// A look-up's question.
    Search(LookupId),
    /// A look-up's question about somebody else than its target.
    Probe(LookupId),
    /// To store something.
    Store(LookupId),
}

/// A question that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) to: SocketAddr,
    /// Who is thought to be there.
    pub(crate) id: Option<Id>,
    pub(crate) at: Instant,
    pub(crate) purpose: Purpose,
    slow: bool,
    due: Instant,
}

impl Question {
    pub(crate) fn contact(&self) -> Option<Contact> {
        Some(Contact { id: self.id?, address: self.to })
    }
}

/// A question that waits for its answer for long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Late {
    /// Longer than most do: it may yet be answered.
    Slow(Question),
    /// Too long.
    Failed(Question),
}

/// Questions under way: by transaction ids that nobody can guess who does not see them, and only
/// an answer from where the question went is one.
#[derive(Debug)]
pub(crate) struct Rpc {
    ids: SipHasher24,
    next: u64,
    questions: BTreeMap<u32, Question>,
    due: BTreeSet<(Instant, u32)>,
    /// The time within which most answers come: 80 in 100.
    usual: [Duration; 2],
    pub(crate) transmits: VecDeque<Transmit>,
}

impl Rpc {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self {
            ids: SipHasher24::new_with_key(secret),
            next: 0,
            questions: BTreeMap::new(),
            due: BTreeSet::new(),
            usual: [Duration::from_millis(250); 2],
            transmits: VecDeque::new(),
        }
    }

    /// Sends a question; `rtt` is what is known of the way there. False when too many are under
    /// way.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        to: (SocketAddr, Option<Id>),
        query: Query<'_>,
        read_only: bool,
        purpose: Purpose,
        rtt: Option<Duration>,
    ) -> bool {
        if self.questions.len() >= QUESTIONS_MAX {
            return false;
        }
        let transaction = loop {
            self.next += 1;
            let id = self.ids.hash(&self.next.to_be_bytes()) as u32;
            if !self.questions.contains_key(&id) {
                break id;
            }
        };
        let (to, id) = to;
        let usual = self.usual[Family::of(to) as usize];
        let patience = rtt.map_or(usual * 5 / 4, |rtt| (rtt * 2).max(rtt + usual / 4));
        let patience = patience.clamp(PATIENCE.0, PATIENCE.1);
        let due = now + patience;
        let question = Question { to, id, at: now, purpose, slow: false, due };
        self.questions.insert(transaction, question);
        self.due.insert((due, transaction));
        let mut payload = Vec::with_capacity(128);
        let transaction = transaction.to_be_bytes();
        let body = Body::Query(query);
        Message { transaction: &transaction, body, read_only, ip: None }.write(&mut payload);
        self.transmits.push_back(Transmit { to, payload });
        true
    }

    /// The question that an answer from `from` is to, and how long it took.
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        from: SocketAddr,
        transaction: &[u8],
    ) -> Option<(Question, Duration)> {
        let transaction = u32::from_be_bytes(transaction.try_into().ok()?);
        let question = *self.questions.get(&transaction).filter(|it| it.to == from)?;
        self.questions.remove(&transaction);
        self.due.remove(&(question.due, transaction));
        let rtt = now.since(question.at);
        let usual = &mut self.usual[Family::of(from) as usize];
        // Settles where one answer in five takes longer.
        let step = usual.mul_f64(0.01);
        let less = usual.saturating_sub(step);
        let next = if rtt > *usual { *usual + step * 4 } else { less };
        *usual = next.clamp(USUAL.0, USUAL.1);
        Some((question, rtt))
    }

    /// The next question that has waited too long, in one way or the other.
    pub(crate) fn late(&mut self, now: Instant) -> Option<Late> {
        let (due, transaction) = *self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(due, transaction));
        let question = self.questions.get_mut(&transaction)?;
        if !question.slow {
            question.slow = true;
            question.due = question.at + TIMEOUT;
            self.due.insert((question.due, transaction));
            return Some(Late::Slow(*question));
        }
        self.questions.remove(&transaction).map(Late::Failed)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Questions under way.
    pub(crate) fn len(&self) -> usize {
        self.questions.len()
    }
}
