//! One look-up, asked peer after peer by whoever wants to know.

use crate::id::Id;
use crate::tables::Answer;

/// The most peers that a look-up asks: any more, and it goes round in circles.
const CONTACTS_MAX: u32 = 100_000;

/// A look-up under way. Whoever drives it asks the peer that [`Lookup::poll`] names, and says what
/// came of it.
#[derive(Clone, Debug)]
pub struct Lookup {
    key: Id,
    /// Who answered, the asker itself first.
    path: Vec<Id>,
    /// Who was asked and did not answer.
    silent: Vec<Id>,
    /// The last answer.
    here: Answer,
    contacts: u32,
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
    /// A look-up that begins with what the asker itself knows.
    pub fn new(key: Id, own: Answer) -> Self {
        Self {
            key,
            path: vec![own.id],
            silent: Vec::new(),
            here: own,
            contacts: 0,
            timeouts: 0,
            outcome: None,
        }
    }

    /// What is looked for.
    pub fn key(&self) -> Id {
        self.key
    }

    /// Who answered, the asker itself first and the key's predecessor last.
    pub fn path(&self) -> &[Id] {
        &self.path
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
            _ if self.contacts >= CONTACTS_MAX => Step::Done(Outcome::Lost),
            Some(id) => Step::Ask(*id),
            None => owner().map_or(Step::Done(Outcome::Lost), |id| Step::Deliver(*id)),
        }
    }

    /// The peer that was asked for the way answers.
    pub fn handle_answer(&mut self, answer: Answer) {
        self.contacts += 1;
        self.path.push(answer.id);
        self.here = answer;
    }

    /// The owner is there.
    pub fn handle_delivered(&mut self) {
        if let Step::Deliver(owner) = self.poll() {
            self.outcome = Some(Outcome::Owner(owner));
        }
    }

    /// The peer that was asked last does not answer.
    pub fn handle_silence(&mut self) {
        self.contacts += 1;
        match self.poll() {
            Step::Ask(id) => {
                self.timeouts += 1;
                self.silent.push(id);
            }
            Step::Deliver(id) => self.silent.push(id),
            Step::Done(_) => {}
        }
    }
}
