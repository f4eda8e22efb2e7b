use std::collections::btree_map::{BTreeMap, Entry};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lets one thread at a time work on a place, and the others go on to something else: whoever
/// comes to a place that is taken leaves its item to the thread that is there.
///
/// Threads that write to one file wait for each other in the kernel, and burn time doing so; those
/// that use one turning disk have its heads go back and forth. So items have a position, too, and
/// are done in the order of an elevator that goes up only: what lies ahead, then from the bottom
/// again. Where positions are equal, what came first is done first.
#[derive(Debug)]
pub(super) struct Turns<P, A, T> {
    /// The places that are taken, with what was left there.
    taken: Mutex<BTreeMap<P, Left<A, T>>>,
}

#[derive(Debug)]
struct Left<A, T> {
    /// Where the thread is.
    at: (A, u64),
    items: BTreeMap<(A, u64), T>,
    /// Items that came so far.
    came: u64,
}

impl<P: Ord + Copy, A: Ord + Copy, T> Turns<P, A, T> {
    pub(super) fn new() -> Self {
        Self { taken: Mutex::new(BTreeMap::new()) }
    }

    /// Has `item` done at `place`, now or soon, by this thread or another; and by this one whatever
    /// others leave there meanwhile. `act` must not panic.
    pub(super) fn run(&self, place: P, at: A, item: T, mut act: impl FnMut(T)) {
        match self.lock().entry(place) {
            Entry::Occupied(mut left) => {
                let left = left.get_mut();
                left.came += 1;
                left.items.insert((at, left.came), item);
                return;
            }
            Entry::Vacant(free) => {
                free.insert(Left { at: (at, 0), items: BTreeMap::new(), came: 0 });
            }
        }
        let mut next = Some(item);
        while let Some(item) = next {
            act(item);
            next = self.next(place);
        }
    }

    /// What was left at the place; with nothing, it is free again.
    fn next(&self, place: P) -> Option<T> {
        let mut taken = self.lock();
        let next = taken.get_mut(&place).and_then(Left::pop);
        if next.is_none() {
            taken.remove(&place);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<P, Left<A, T>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Ord + Copy, T> Left<A, T> {
    fn pop(&mut self) -> Option<T> {
        let ahead = self.items.range((Excluded(self.at), Unbounded)).next();
        let (&next, _) = ahead.or_else(|| self.items.first_key_value())?;
        self.at = next;
        self.items.remove(&next)
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
                        turns.run("file", (), (thread, item), |item| {
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
        turns.run(1, (), "outer", |item| {
            seen.push(item);
            turns.run(2, (), "inner", |item| seen.push(item));
        });
        assert_eq!(seen, ["outer", "inner"]);
    }

    #[test]
    fn what_lies_ahead_comes_first_and_nothing_is_passed_over_twice() {
        let turns = Turns::new();
        let mut seen = Vec::new();
        turns.run("disk", 5, 5, |item| {
            seen.push(item);
            // While it is at 5, and while it is at 7.
            let more: &[u32] = match item {
                5 => &[9, 2, 7, 2],
                7 => &[6, 8, 1],
                _ => &[],
            };
            for &at in more {
                turns.run("disk", at, at, |_| panic!("the place is taken"));
            }
        });
        assert_eq!(seen, [5, 7, 8, 9, 1, 2, 2, 6]);
    }
}
