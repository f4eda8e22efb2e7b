//! The way that a look-up took.

use crate::id::Id;

/// The way that a look-up took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who answered: the asker first, the key's predecessor last.
    pub path: Vec<Id>,
    /// Whose key it is; `None` when nobody who was left knew the way.
    pub owner: Option<Id>,
    /// Peers that were asked for the way and did not answer.
    pub timeouts: u32,
}

impl Route {
    /// Peers contacted after the asker, up to and including the key's predecessor. Delivery to the
    /// owner is not counted.
    pub fn messages(&self) -> u64 {
        self.path.len() as u64 - 1
    }
}
