use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::Id;

/// Names of payloads that are known to have been here.
const NAMES_MAX: usize = 4_096;
/// Bytes of payloads that are kept for those who ask for them.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// What was broadcast of late.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: BTreeMap<Id, Known>,
    /// Names in the order of their arrival.
    order: VecDeque<Id>,
    /// Names whose payloads are kept, in the order of their arrival.
    kept: VecDeque<Id>,
    kept_bytes: usize,
}

#[derive(Debug)]
struct Known {
    round: u16,
    payload: Option<Arc<[u8]>>,
}

impl Memory {
    /// The hops that a payload took to come here; `None` when it was not here.
    pub(crate) fn round(&self, id: Id) -> Option<u16> {
        self.known.get(&id).map(|it| it.round)
    }

    /// A payload that is still kept, and the hops that it took.
    pub(crate) fn payload(&self, id: Id) -> Option<(u16, Arc<[u8]>)> {
        let known = self.known.get(&id)?;
        Some((known.round, Arc::clone(known.payload.as_ref()?)))
    }

    /// Takes in a payload that was not here yet; the oldest make room.
    pub(crate) fn remember(&mut self, id: Id, round: u16, payload: Arc<[u8]>) {
        self.kept_bytes += payload.len();
        self.known.insert(id, Known { round, payload: Some(payload) });
        self.order.push_back(id);
        self.kept.push_back(id);
        while self.kept_bytes > KEPT_BYTES_MAX || self.kept.len() > NAMES_MAX {
            self.release();
        }
        while self.order.len() > NAMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn release(&mut self) {
        if let Some(oldest) = self.kept.pop_front()
            && let Some(known) = self.known.get_mut(&oldest)
            && let Some(payload) = known.payload.take()
        {
            self.kept_bytes -= payload.len();
        }
    }
}
