//! One look-up, asked peer after peer by whoever wants to know.

use crate::id::Id;
use crate::route::Route;
use crate::tables::Answer;

/// A look-up under way. Whoever drives it asks the peer that [`Lookup::poll`] names, and says what
/// came of it.
#[derive(Clone, Debug)]
pub struct Lookup {
    key: Id,
    shortcuts: bool,
    /// Who answered, the asker itself first.
    path: Vec<Id>,
    /// Who was asked and did not answer.
    silent: Vec<Id>,
    /// The last answer.
    here: Answer,
    /// Peers that may still be asked.
    patience: u32,
    timeouts: u32,
    outcome: Option<Outcome>,
}

/// What a look-up wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this peer for the way.
    Ask(Id),
    /// This peer owns the key by all that is known: see whether it is there.
    Deliver(Id),
    /// It is over.
    Done(Outcome),
}

/// How a look-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The key's owner.
    Owner(Id),
    /// Nobody who is left knows the way.
    Lost,
}

impl Lookup {
    /// A look-up that begins with what somebody knows, as a rule the asker itself, and asks no
    /// more than `patience` others.
    pub fn new(key: Id, own: Answer, shortcuts: bool, patience: u32) -> Self {
        let own = own.towards(key);
        Self {
            key,
            shortcuts,
            path: vec![own.id],
            silent: Vec::new(),
            here: own,
            patience,
            timeouts: 0,
            outcome: None,
        }
    }

    /// What is looked for.
    pub fn key(&self) -> Id {
        self.key
    }

    /// Whether shortcuts are taken.
    pub fn shortcuts(&self) -> bool {
        self.shortcuts
    }

    /// Who answered, the asker itself first and the key's predecessor last.
    pub fn path(&self) -> &[Id] {
        &self.path
    }

    /// The way it took.
    pub fn into_route(self, owner: Option<Id>) -> Route {
        Route { path: self.path, owner, timeouts: self.timeouts }
    }

    /// Peers that were asked for the way and did not answer.
    pub fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// What to do next.
    pub fn poll(&self) -> Step {
        if let Some(outcome) = self.outcome {
            return Step::Done(outcome);
        }
        let answers = |id: &&Id| !self.silent.contains(id);
        let closer = self.here.closer.iter().find(answers);
        let owner = || self.here.owners.iter().find(answers);
        match closer {
            _ if self.patience == 0 => Step::Done(Outcome::Lost),
            Some(id) => Step::Ask(*id),
            None => owner().map_or(Step::Done(Outcome::Lost), |id| Step::Deliver(*id)),
        }
    }

    /// The peer that was asked for the way answers. Whoever it names must lie on the way.
    pub fn handle_answer(&mut self, answer: Answer) {
        self.patience = self.patience.saturating_sub(1);
        self.path.push(answer.id);
        self.here = answer.towards(self.key);
    }

    /// The owner is there, but says that somebody nearer to the key is before it.
    pub fn handle_nearer(&mut self, nearer: Id) {
        let Step::Deliver(owner) = self.poll() else { return };
        self.patience = self.patience.saturating_sub(1);
        let lies_between = nearer == self.key || nearer.is_between(self.key, owner);
        if lies_between && !self.silent.contains(&nearer) && self.patience > 0 {
            self.here.owners.insert(0, nearer);
        } else {
            self.outcome = Some(Outcome::Owner(owner));
        }
    }

    /// The owner is there.
    pub fn handle_delivered(&mut self) {
        if let Step::Deliver(owner) = self.poll() {
            self.outcome = Some(Outcome::Owner(owner));
        }
    }

    /// The peer that was asked last does not answer.
    pub fn handle_silence(&mut self) {
        let step = self.poll();
        self.patience = self.patience.saturating_sub(1);
        match step {
            Step::Ask(id) => {
                self.timeouts += 1;
                self.silent.push(id);
            }
            Step::Deliver(id) => self.silent.push(id),
            Step::Done(_) => {}
        }
    }
}
