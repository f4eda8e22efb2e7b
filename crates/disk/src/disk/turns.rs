use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lets one thread at a time work on a place, and the others go on to something else: whoever
/// comes to a place that is taken leaves its item to the thread that is there.
///
/// Threads that write to one file wait for each other in the kernel, and burn time doing so.
#[derive(Debug)]
pub(super) struct Turns<P, T> {
    /// The places that are taken, with what was left there.
    taken: Mutex<BTreeMap<P, VecDeque<T>>>,
}

impl<P: Ord + Copy, T> Turns<P, T> {
    pub(super) fn new() -> Self {
        Self { taken: Mutex::new(BTreeMap::new()) }
    }

    /// Has `item` done at `place`, now or soon, by this thread or another; and by this one whatever
    /// others leave there meanwhile. `act` must not panic.
    pub(super) fn run(&self, place: P, item: T, mut act: impl FnMut(T)) {
        match self.lock().entry(place) {
            Entry::Occupied(mut left) => return left.get_mut().push_back(item),
            Entry::Vacant(free) => free.insert(VecDeque::new()),
        };
        let mut next = Some(item);
        while let Some(item) = next {
            act(item);
            next = self.next(place);
        }
    }

    /// What was left at the place; with nothing, it is free again.
    fn next(&self, place: P) -> Option<T> {
        let mut taken = self.lock();
        let next = taken.get_mut(&place).and_then(VecDeque::pop_front);
        if next.is_none() {
            taken.remove(&place);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<P, VecDeque<T>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Turns;

    #[test]
    fn one_thread_at_a_time_does_everything_in_order() {
        let turns = Turns::new();
        let (here, done) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (turns, here, done) = (&turns, &here, &done);
                scope.spawn(move || {
                    for item in 0..1_000 {
                        turns.run("file", (thread, item), |item| {
                            assert_eq!(here.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                            done.lock().unwrap().push(item);
                            here.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        let done = done.into_inner().unwrap();
        assert_eq!(done.len(), 4_000);
        for thread in 0..4 {
            let of_one = done.iter().filter(|(by, _)| *by == thread).map(|(_, item)| *item);
            assert!(of_one.eq(0..1_000), "each thread's items keep their order");
        }
        assert!(turns.taken.into_inner().unwrap().is_empty());
    }

    #[test]
    fn places_do_not_wait_for_each_other() {
        let turns = Turns::new();
        let mut seen = Vec::new();
        turns.run(1, "outer", |item| {
            seen.push(item);
            turns.run(2, "inner", |item| seen.push(item));
        });
        assert_eq!(seen, ["outer", "inner"]);
    }
}
