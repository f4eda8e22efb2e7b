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
const WIDTH: usize = 10;
const WIDTH_CLOSE: usize = 4;
/// Questions of one look-up, at most.
const ASKED_MAX: u32 = 240;
/// Nodes that a look-up knows, at most.
const CANDIDATES_MAX: usize = 320;
/// Nodes that were named by somebody and go by other ids: so many make it a liar, if most of what
/// it named is like that.
const WRONG_MAX: u32 = 2;
/// Where an id that is not right for its address is held to be at the nearest, in distances of the
/// K-th nearest node: honest nodes in plenty are nearer.
const INSECURE: f64 = 3.0;
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

#[derive(Clone, Debug)]
struct Candidate {
    contact: Contact,
    /// How near it is held to be: its distance; but one whose id is not right for its address is
    /// nowhere nearer than honest nodes are expected to be.
    rank: Id,
    secure: bool,
    path: u8,
    /// Who named it.
    by: Option<SocketAddr>,
    /// Of those that it named itself, how many go by the ids that it said, and how many do not.
    right: u32,
    wrong: u32,
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
/// A node that is asked says by itself which id it goes by. Honest nodes name only such as told
/// them so, too: whoever names many that are other than it said is a liar, and what it named is
/// asked no more.
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
    credits: [u32; PATHS],
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
            in_flight: 0,
            asked: 0,
            found: false,
            crowd: None,
        };
        for (contact, path) in start.iter().zip((0..PATHS as u8).cycle()) {
            search.add(*contact, path, None);
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

    /// Somebody answered, perhaps by another id than was thought, and named others. Returns a liar
    /// that this convicts.
    pub(crate) fn answered(
        &mut self,
        from: Contact,
        nodes: &[Contact],
        token: Option<&[u8]>,
        seq: Option<i64>,
    ) -> Option<SocketAddr> {
        let place = self.place_of(from.address)?;
        self.landed(place);
        let Candidate { path, by, .. } = self.candidates[place];
        let is_right = self.candidates[place].contact.id == from.id;
        // One whose id cannot be right changes it at will, which does not tell of others; and while
        // a network is young, everybody takes another one.
        let tells = is_right || self.strict && is_secure(from.id, from.address.ip());
        let liar = by.filter(|by| tells && self.is_liar(*by, is_right));
        if is_right {
            let candidate = &mut self.candidates[place];
            candidate.state = State::Answered;
            candidate.token = token.map(Into::into);
            candidate.seq = seq;
        } else {
            // Whoever named it was wrong about it; what it is, it says itself.
            self.candidates.remove(place);
            self.insert(Candidate {
                state: State::Answered,
                token: token.map(Into::into),
                seq,
                ..self.candidate(from, path, by)
            });
        }
        self.credits[usize::from(path)] += SPREAD;
        self.learn(nodes, path, Some(from.address));
        if let Some(liar) = liar {
            self.unmask(liar);
        }
        liar
    }

    /// Takes note of whether somebody named a node rightly; whether that makes it a liar.
    fn is_liar(&mut self, by: SocketAddr, is_right: bool) -> bool {
        let Some(place) = self.place_of(by) else {
            return false;
        };
        let it = &mut self.candidates[place];
        if is_right {
            it.right += 1;
        } else {
            it.wrong += 1;
        }
        it.wrong >= WRONG_MAX && it.wrong > 2 * it.right
    }

    /// A liar counts no more, nor what it named and nobody has asked.
    fn unmask(&mut self, liar: SocketAddr) {
        self.candidates.retain(|it| it.state != State::New || it.by != Some(liar));
        if let Some(place) = self.place_of(liar) {
            self.candidates[place].state = State::Failed;
        }
    }

    /// Somebody answered a probe.
    pub(crate) fn probed(&mut self, nodes: &[Contact]) {
        if let Some(crowd) = &mut self.crowd {
            crowd.probed();
        }
        // Whoever was asked is none of the paths' own.
        self.learn(nodes, (PATHS - 1) as u8, None);
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
        let spent = self.asked >= ASKED_MAX;
        let horizon = self.horizon();
        let open = self.candidates.iter().take_while(|it| it.rank <= horizon).any(|it| {
            matches!(it.state, State::Asked | State::Slow) || it.state == State::New && !spent
        });
        if open || self.crowd.as_ref().is_some_and(|it| it.is_waiting() && !spent) {
            return false;
        }
        spent || !self.look_wider()
    }

    /// How far the K-th nearest node is, as a share of the space; `None` when fewer answered.
    pub(crate) fn reach(&self) -> Option<f64> {
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
        let near = self.radius.map_or(Id::default(), from_share);
        let close = self.closest().take_while(|it| it.rank <= near).count() >= 3;
        if self.found || close { WIDTH_CLOSE } else { WIDTH }
    }

    /// Beyond this rank nobody is asked: the K-th nearest that answered is there.
    fn horizon(&self) -> Id {
        let kth = self.closest().nth(K - 1).map_or(Id([0xff; 20]), |it| it.rank);
        self.crowd.as_ref().map_or(kth, |crowd| kth.max(crowd.horizon()))
    }

    /// The nearest candidate on the path that has most questions to its credit; of those, and when
    /// nobody is being waited for, anybody.
    fn choose(&mut self) -> Option<usize> {
        let horizon = self.horizon();
        let mut best = [None; PATHS];
        let mut any = None;
        let within = self.candidates.iter().enumerate().take_while(|(_, it)| it.rank <= horizon);
        for (place, candidate) in within.filter(|(_, it)| it.state == State::New) {
            any = any.or(Some(place));
            best[usize::from(candidate.path)].get_or_insert(place);
        }
        let rich = (0..PATHS).filter(|path| self.credits[*path] > 0);
        let (mut path, mut place) = (None, None);
        for rich in rich {
            if best[rich].is_some() && path.is_none_or(|it| self.credits[it] < self.credits[rich]) {
                (path, place) = (Some(rich), best[rich]);
            }
        }
        if place.is_none() {
            // Paths that lead nowhere lend what they have.
            path = (0..PATHS).find(|path| self.credits[*path] > 0);
            place = any.filter(|_| path.is_some() || self.in_flight == 0);
        }
        if let (Some(path), Some(_)) = (path, place) {
            self.credits[path] -= 1;
        }
        place
    }

    fn learn(&mut self, nodes: &[Contact], path: u8, by: Option<SocketAddr>) {
        // More than an answer should have is of no use.
        for contact in nodes.iter().take(2 * K) {
            self.add(*contact, path, by);
        }
    }

    fn add(&mut self, contact: Contact, path: u8, by: Option<SocketAddr>) {
        if contact.id == self.me || Family::of(contact.address) != self.family {
            return;
        }
        let (holder, network) = (Holder::of(contact.address), Holder::network(contact.address));
        let same = |it: &Candidate| {
            it.contact.id == contact.id
                || Holder::of(it.contact.address) == holder
                || Holder::network(it.contact.address) == network
        };
        let candidate = self.candidate(contact, path, by);
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

    fn candidate(&self, contact: Contact, path: u8, by: Option<SocketAddr>) -> Candidate {
        let secure = is_secure(contact.id, contact.address.ip());
        let distance = contact.id.distance(self.target);
        let rank = match self.radius {
            Some(radius) if !secure && self.strict => distance.max(from_share(radius * INSECURE)),
            _ => distance,
        };
        let state = State::New;
        let (right, wrong) = (0, 0);
        Candidate { contact, rank, secure, path, by, right, wrong, state, token: None, seq: None }
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
