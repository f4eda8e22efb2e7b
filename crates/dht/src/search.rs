//! One look-up in the table of one family: nearer and nearer to a target.

use std::net::SocketAddr;

use crate::Id;
use crate::address::{Contact, Family, Holder};
use crate::security::is_secure;
use crate::table::K;

mod crowd;

use self::crowd::Crowd;

/// Separate ways by which a look-up goes: who lies on one of them sees the others by chance only.
const PATHS: usize = 4;
/// New questions that an answer gives rise to (`m3_a4` of Jimenez et al.).
const SPREAD: u32 = 3;
/// Questions under way at once, and once the look-up is close.
const WIDTH: usize = 8;
const WIDTH_CLOSE: usize = 4;
/// Questions of one look-up, at most.
const ASKED_MAX: u32 = 240;
/// Nodes that a look-up knows, at most.
const CANDIDATES_MAX: usize = 320;
/// So many times farther than expected the K-th nearest node must be for the look-up to have gone
/// astray: by chance that happens in one of 100,000 look-ups.
const ASTRAY: f64 = 4.0;
/// Nodes that something is stored at when a crowd sits round its key.
const STORE_MAX: usize = 32;

/// A question that a look-up wants asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Of whom.
    pub(crate) to: Contact,
    /// `find_node` for this, instead of the look-up's own question.
    pub(crate) probe: Option<Id>,
}

/// A node that may be given something to store.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) contact: Contact,
    pub(crate) token: Box<[u8]>,
    /// The version that it holds.
    pub(crate) seq: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Asked,
    /// Asked, and no longer waited for, though it may still answer.
    Slow,
    Answered,
    Failed,
}

/// How near a node is held to be: its distance; but one whose id is not right for its address,
/// where most are right, comes behind all others: ids beside any target are easily made up.
type Rank = (bool, Id);

/// As far as it gets.
const FARTHEST: Rank = (true, Id([0xff; 20]));

#[derive(Clone, Debug)]
struct Candidate {
    contact: Contact,
    rank: Rank,
    secure: bool,
    path: u8,
    state: State,
    token: Option<Box<[u8]>>,
    seq: Option<i64>,
}

/// One look-up in the table of one family.
///
/// Candidates are kept by distance. It starts on several paths; each answer leads to up to three
/// new questions on its own path, so what one node says steers its own path only. A candidate is
/// asked once, whoever named it, and there is one for each IP address and each /24 (or /48). It is
/// over when the K nearest of those that did not fail have answered: nodes whose ids are not right
/// for their addresses don't count for that, where most are right (BEP 42).
///
/// A node that is asked says by itself which id it goes by, and counts as that. But one that goes
/// by another id than was said leads nowhere: else each liar would lead to the next.
///
/// When those K are much nearer than the size of the network makes likely, somebody sits round the
/// key. Then the look-up goes on until it has asked everybody within the distance where the K
/// nearest should be, and looks for them under the sibling prefixes, too; see [`Crowd`].
#[derive(Debug)]
pub(crate) struct Search {
    target: Id,
    me: Id,
    family: Family,
    /// Most nodes have ids that are right for their addresses.
    strict: bool,
    /// Where the K-th nearest is expected, as a share of the space.
    radius: Option<f64>,
    /// By rank.
    candidates: Vec<Candidate>,
    /// Questions that each path may ask, and has asked.
    credits: [u32; PATHS],
    spent: [u32; PATHS],
    in_flight: usize,
    asked: u32,
    /// Something was found.
    found: bool,
    crowd: Option<Crowd>,
}

impl Search {
    /// A look-up that begins at `start`, the nearest nodes that are known.
    pub(crate) fn new(
        target: Id,
        me: Id,
        family: Family,
        radius: Option<f64>,
        strict: bool,
        start: &[Contact],
    ) -> Self {
        let mut search = Self {
            target,
            me,
            family,
            strict,
            radius,
            candidates: Vec::new(),
            credits: [1; PATHS],
            spent: [0; PATHS],
            in_flight: 0,
            asked: 0,
            found: false,
            crowd: None,
        };
        for (contact, path) in start.iter().zip((0..PATHS as u8).cycle()) {
            search.add(*contact, path);
        }
        search
    }

    pub(crate) fn target(&self) -> Id {
        self.target
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked
    }

    /// Whether somebody sits round the key.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowd.is_some()
    }

    /// The next question to ask.
    pub(crate) fn next(&mut self) -> Option<Ask> {
        if self.asked >= ASKED_MAX || self.in_flight >= self.width() {
            return None;
        }
        if let Some((to, probe)) = self.next_probe() {
            self.asked += 1;
            return Some(Ask { to, probe: Some(probe) });
        }
        let place = self.choose()?;
        let candidate = &mut self.candidates[place];
        candidate.state = State::Asked;
        self.asked += 1;
        self.in_flight += 1;
        Some(Ask { to: candidate.contact, probe: None })
    }

    /// Somebody answered, perhaps by another id than was thought, and named others.
    pub(crate) fn answered(
        &mut self,
        from: Contact,
        nodes: &[Contact],
        token: Option<&[u8]>,
        seq: Option<i64>,
    ) {
        let Some(place) = self.place_of(from.address) else {
            return;
        };
        self.landed(place);
        let Candidate { contact, path, .. } = self.candidates.remove(place);
        self.insert(Candidate {
            state: State::Answered,
            token: token.map(Into::into),
            seq,
            ..self.candidate(from, path)
        });
        self.credits[usize::from(path)] += SPREAD;
        // While a network is young, everybody takes another id.
        if contact.id == from.id || !self.strict {
            self.learn(nodes, path);
        }
    }

    /// Somebody answered a probe.
    pub(crate) fn probed(&mut self, nodes: &[Contact]) {
        if let Some(crowd) = &mut self.crowd {
            crowd.probed();
        }
        // Whoever was asked is none of the paths' own.
        self.learn(nodes, (PATHS - 1) as u8);
    }

    /// A question could not be asked: too many are under way.
    pub(crate) fn refused(&mut self, ask: Ask) {
        match ask.probe {
            Some(_) => self.probe_failed(),
            None => self.failed(ask.to.address),
        }
    }

    /// A probe was not answered.
    pub(crate) fn probe_failed(&mut self) {
        if let Some(crowd) = &mut self.crowd {
            crowd.probed();
        }
    }

    /// Somebody takes longer than usual: another is asked meanwhile.
    pub(crate) fn slow(&mut self, address: SocketAddr) {
        if let Some(place) = self.place_of(address)
            && self.candidates[place].state == State::Asked
        {
            self.candidates[place].state = State::Slow;
            self.in_flight -= 1;
            self.credits[usize::from(self.candidates[place].path)] += 1;
        }
    }

    /// Somebody did not answer, or not as it should.
    pub(crate) fn failed(&mut self, address: SocketAddr) {
        if let Some(place) = self.place_of(address) {
            self.landed(place);
            self.candidates[place].state = State::Failed;
            self.credits[usize::from(self.candidates[place].path)] += 1;
        }
    }

    /// Something was found, so there is no more hurry.
    pub(crate) fn found(&mut self) {
        self.found = true;
    }

    /// Whether there is nobody left to ask or to wait for. It may find that somebody sits round
    /// the key, and that there is more to do.
    pub(crate) fn is_done(&mut self) -> bool {
        while !self.is_open() {
            if self.asked >= ASKED_MAX || !self.look_wider() {
                return true;
            }
        }
        false
    }

    /// Whether somebody is to be asked or waited for.
    fn is_open(&self) -> bool {
        let spent = self.asked >= ASKED_MAX;
        let horizon = self.horizon();
        let open = |it: &Candidate| match it.state {
            State::Asked | State::Slow => true,
            State::New => !spent,
            State::Answered | State::Failed => false,
        };
        self.candidates.iter().take_while(|it| it.rank <= horizon).any(open)
            || !spent && self.crowd.as_ref().is_some_and(Crowd::is_waiting)
    }

    /// How far the K-th nearest node is, as a share of the space: what this look-up tells of the
    /// size of the network. `None` when fewer answered, when somebody sits round the key, and round
    /// our own id, beside which it is easy to sit.
    pub(crate) fn evidence(&self) -> Option<f64> {
        self.reach().filter(|_| self.crowd.is_none() && self.target != self.me)
    }

    /// How far the K-th nearest node is, as a share of the space; `None` when fewer answered.
    fn reach(&self) -> Option<f64> {
        let kth = self.closest().nth(K - 1)?;
        Some(kth.contact.id.distance(self.target).share())
    }

    /// The nearest nodes that answered, nearest first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Contact> {
        self.closest().map(|it| it.contact)
    }

    /// Who is to be given something to store: the K nearest that gave a token; and when somebody
    /// sits round the key, of all within the distance where the K nearest should be as many of
    /// each sibling prefix.
    pub(crate) fn keepers(&self) -> Vec<Keeper> {
        let keeper = |it: &Candidate| {
            let token = it.token.clone()?;
            Some(Keeper { contact: it.contact, token, seq: it.seq })
        };
        let all: Vec<Keeper> = self.closest().filter_map(keeper).collect();
        match &self.crowd {
            None => all.into_iter().take(K).collect(),
            Some(crowd) => crowd.spread(all, self.target, STORE_MAX),
        }
    }

    fn closest(&self) -> impl Iterator<Item = &Candidate> {
        let answered = |it: &&Candidate| it.state == State::Answered && self.counts(it);
        self.candidates.iter().filter(answered)
    }

    fn counts(&self, candidate: &Candidate) -> bool {
        candidate.secure || !self.strict
    }

    fn width(&self) -> usize {
        let near = (false, self.radius.map_or(Id::default(), from_share));
        let close = self.closest().take_while(|it| it.rank <= near).count() >= 3;
        if self.found || close { WIDTH_CLOSE } else { WIDTH }
    }

    /// Beyond this rank nobody is asked: the K-th nearest that answered is there. When that is much
    /// farther than it should be, as among liars who know only each other, everybody is asked whose
    /// id is right for the address.
    fn horizon(&self) -> Rank {
        let Some(kth) = self.closest().nth(K - 1).map(|it| it.rank) else {
            return FARTHEST;
        };
        let astray = self.radius.map_or(Id([0xff; 20]), |radius| from_share(radius * ASTRAY));
        if kth.1 > astray {
            return (kth.0, FARTHEST.1);
        }
        self.crowd.as_ref().map_or(kth, |crowd| kth.max((false, crowd.horizon())))
    }

    /// The nearest candidate on the path that has asked least, so that who lies on one of them,
    /// and always knows of more to ask, does not keep the others waiting. Paths that lead nowhere
    /// lend the questions that they may ask.
    fn choose(&mut self) -> Option<usize> {
        let horizon = self.horizon();
        let mut best = [None; PATHS];
        let within = self.candidates.iter().enumerate().take_while(|(_, it)| it.rank <= horizon);
        for (place, candidate) in within.filter(|(_, it)| it.state == State::New) {
            best[usize::from(candidate.path)].get_or_insert(place);
        }
        let able = (0..PATHS).filter(|path| best[*path].is_some());
        let rich = |path: &usize| self.credits[*path] > 0;
        let spent = |path: &usize| self.spent[*path];
        let own = able.clone().filter(rich).min_by_key(spent);
        let path = own.or_else(|| able.min_by_key(spent))?;
        let payer = own.or_else(|| (0..PATHS).find(rich));
        if payer.is_none() && self.in_flight > 0 {
            return None;
        }
        if let Some(payer) = payer {
            self.credits[payer] -= 1;
        }
        self.spent[path] += 1;
        best[path]
    }

    fn learn(&mut self, nodes: &[Contact], path: u8) {
        // More than an answer should have is of no use.
        for contact in nodes.iter().take(2 * K) {
            self.add(*contact, path);
        }
    }

    fn add(&mut self, contact: Contact, path: u8) {
        if contact.id == self.me || Family::of(contact.address) != self.family {
            return;
        }
        let (holder, network) = (Holder::of(contact.address), Holder::network(contact.address));
        let same = |it: &Candidate| {
            it.contact.id == contact.id
                || Holder::of(it.contact.address) == holder
                || Holder::network(it.contact.address) == network
        };
        let candidate = self.candidate(contact, path);
        if let Some(place) = self.candidates.iter().position(same) {
            // A made-up id must not keep out a node that is there.
            let known = &self.candidates[place];
            if known.state != State::New || known.secure || !candidate.secure {
                return;
            }
            self.candidates.remove(place);
        }
        self.insert(candidate);
    }

    fn candidate(&self, contact: Contact, path: u8) -> Candidate {
        let secure = is_secure(contact.id, contact.address.ip());
        let rank = (self.strict && !secure, contact.id.distance(self.target));
        Candidate { contact, rank, secure, path, state: State::New, token: None, seq: None }
    }

    fn insert(&mut self, candidate: Candidate) {
        if self.candidates.len() >= CANDIDATES_MAX {
            let farthest = self.candidates.iter().rposition(|it| it.state == State::New);
            let Some(farthest) = farthest else {
                return;
            };
            if self.candidates[farthest].rank <= candidate.rank {
                return;
            }
            self.candidates.remove(farthest);
        }
        let place = self.candidates.partition_point(|it| it.rank <= candidate.rank);
        self.candidates.insert(place, candidate);
    }

    fn place_of(&self, address: SocketAddr) -> Option<usize> {
        self.candidates.iter().position(|it| it.contact.address == address)
    }

    fn landed(&mut self, place: usize) {
        if self.candidates[place].state == State::Asked {
            self.in_flight -= 1;
        }
    }

    fn next_probe(&mut self) -> Option<(Contact, Id)> {
        let crowd = self.crowd.as_mut()?;
        crowd.next()
    }

    /// Whether there is reason to, and a way left.
    fn look_wider(&mut self) -> bool {
        let Some(radius) = self.radius else {
            return false;
        };
        let crowded = self.reach().is_some_and(|reach| reach * crowd::FACTOR < radius);
        if self.crowd.is_none() && !crowded {
            return false;
        }
        let answered: Vec<Contact> = self.nodes().collect();
        let target = self.target;
        let crowd = self.crowd.get_or_insert_with(|| Crowd::new(radius));
        crowd.look_wider(target, &answered)
    }
}

/// A distance that is such a share of the space.
fn from_share(share: f64) -> Id {
    let mut id = Id([0xff; 20]);
    if share < 1.0 {
        let leading = (share * 2f64.powi(64)) as u64;
        id.0[..8].copy_from_slice(&leading.to_be_bytes());
    }
    id
}

#[cfg(test)]
mod tests;
