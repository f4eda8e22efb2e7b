use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A queue that threads wait on.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// With the moment when each came.
    items: VecDeque<(Instant, T)>,
    closed: bool,
}

/// Items that take less time together than one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together<T> {
    /// Which.
    pub(super) such: fn(&T) -> bool,
    /// How many are best.
    pub(super) best: usize,
    /// How long the first of fewer waits for others.
    pub(super) patience: Duration,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn push(&self, item: T) {
        self.lock().items.push_back((Instant::now(), item));
        self.changed.notify_one();
    }

    /// The next items: one, or as many as are best taken together; waits for them. None once the
    /// queue is closed and empty.
    pub(super) fn pop(&self, together: &Together<T>) -> Vec<T> {
        let mut state = self.lock();
        loop {
            let patience = match state.ready(together) {
                Ok(count) => return state.items.drain(..count).map(|(_, item)| item).collect(),
                Err(patience) => patience,
            };
            state = match patience {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.changed.wait_timeout(state, patience);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// How many items are to be taken now, which is none only at the end; or how long to wait for
    /// more, if not for ever.
    fn ready(&self, together: &Together<T>) -> Result<usize, Option<Duration>> {
        let Some((came, _)) = self.items.front() else {
            return if self.closed { Ok(0) } else { Err(None) };
        };
        let next = self.items.iter().take(together.best);
        let such = next.take_while(|(_, item)| (together.such)(item)).count();
        let is_alone = such == self.items.len() && such < together.best && !self.closed;
        match together.patience.checked_sub(came.elapsed()) {
            Some(patience) if is_alone && !patience.is_zero() => Err(Some(patience)),
            _ => Ok(such.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evens(best: usize, patience: Duration) -> Together<u32> {
        Together { such: |item| item % 2 == 0, best, patience }
    }

    fn filled(items: &[u32]) -> Queue<u32> {
        let queue = Queue::new();
        for &item in items {
            queue.push(item);
        }
        queue
    }

    #[test]
    fn enough_of_a_kind_go_together_and_others_one_by_one() {
        let (queue, never) = (filled(&[2, 4, 6, 1, 3, 8, 5]), Duration::MAX);
        let pop = || queue.pop(&evens(2, never));
        assert_eq!(
            [pop(), pop(), pop(), pop(), pop()],
            [vec![2, 4], vec![6], vec![1], vec![3], vec![8]]
        );
    }

    #[test]
    fn the_first_waits_for_others_but_not_for_ever() {
        let queue = filled(&[2]);
        assert_eq!(queue.pop(&evens(3, Duration::from_millis(1))), [2]);
        std::thread::scope(|scope| {
            let popped = scope.spawn(|| queue.pop(&evens(3, Duration::MAX)));
            for item in [2, 4, 6, 8] {
                queue.push(item);
            }
            assert_eq!(popped.join().unwrap(), [2, 4, 6]);
        });
    }

    #[test]
    fn at_the_end_nobody_waits() {
        let queue = filled(&[2]);
        queue.close();
        assert_eq!(queue.pop(&evens(3, Duration::MAX)), [2]);
        assert!(queue.pop(&evens(3, Duration::MAX)).is_empty());
    }
}
