use stdx::{Duration, Instant};

use crate::{Failure, History, NodeIndex, Report, World};

/// A world of either fidelity, as who runs a scenario sees it.
pub(crate) trait Staged {
    /// Has notes taken.
    fn observe(&mut self, every: Duration, watched: NodeIndex);
    /// Lives on until it is over, or until a time after its beginning.
    fn go_on(&mut self, until: Duration) -> Result<(), Failure>;
    /// Everybody who stays, and does not lie, has everything.
    fn is_finished(&self) -> bool;
    /// What holds of those who are complete, looked at once more.
    fn check_end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    /// Some piece is nowhere any more, and nobody who has it is to come.
    fn is_dead(&self) -> bool;
    /// The notes, so far.
    fn history(&self) -> Option<&History>;
    /// Ends the notes.
    fn take_history(&mut self) -> History;
    /// What everybody did.
    fn report(&self) -> Report;
    /// The present.
    fn now(&self) -> Instant;
    /// How many things happened.
    fn events(&self) -> u64;
}

impl Staged for World {
    fn observe(&mut self, every: Duration, watched: NodeIndex) {
        self.observe(every, watched);
    }

    fn go_on(&mut self, until: Duration) -> Result<(), Failure> {
        let over = |world: &Self| world.is_served() || world.is_dead();
        match self.run_until(until, over) {
            Err(failure) if !failure.is_timeout() => Err(failure),
            _ => Ok(()),
        }
    }

    fn is_finished(&self) -> bool {
        self.is_served()
    }

    fn check_end(&mut self) -> Result<(), Failure> {
        self.check_end()
    }

    fn is_dead(&self) -> bool {
        self.is_dead()
    }

    fn history(&self) -> Option<&History> {
        self.history()
    }

    fn take_history(&mut self) -> History {
        self.take_history()
    }

    fn report(&self) -> Report {
        self.report()
    }

    fn now(&self) -> Instant {
        self.now()
    }

    fn events(&self) -> u64 {
        self.events()
    }
}
