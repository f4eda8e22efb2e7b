use std::collections::BTreeMap;

use stdx::{Duration, Instant};

use crate::Id;
use crate::item::Item;
use crate::krpc::code;

/// Time after which an item that nobody puts again is dropped (BEP 44).
const EXPIRY: Duration = Duration::from_hours(2);
/// Items that one call looks at for what has expired.
const SWEPT_AT_ONCE: usize = 32;

/// The items that were put here (BEP 44): at most so many, of which the farthest from the node's
/// id make room.
#[derive(Debug)]
pub(crate) struct Items {
    me: Id,
    max: usize,
    /// By distance from the node, with the time when each was put last.
    held: BTreeMap<Id, (Item, Instant)>,
    swept: Id,
}

impl Items {
    pub(crate) fn new(me: Id, max: usize) -> Self {
        Self { me, max, held: BTreeMap::new(), swept: Id::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn find(&self, now: Instant, target: Id) -> Option<&Item> {
        let (item, put) = self.held.get(&target.distance(self.me))?;
        (now.since(*put) < EXPIRY).then_some(item)
    }

    /// Keeps an item that was verified.
    ///
    /// # Errors
    /// A refusal's code and words (BEP 44).
    pub(crate) fn put(
        &mut self,
        now: Instant,
        item: Item,
        cas: Option<i64>,
    ) -> Result<(), (i64, &'static str)> {
        let target = item.target();
        if let (Some(Item::Mutable(held)), Item::Mutable(new)) = (self.find(now, target), &item) {
            if cas.is_some_and(|cas| cas != held.seq) {
                return Err((code::CAS, "another version is here"));
            }
            let same = new.seq == held.seq && new.value == held.value;
            if new.seq <= held.seq && !same {
                return Err((code::SEQ, "a later version is here"));
            }
        }
        let key = target.distance(self.me);
        if self.held.len() >= self.max && !self.held.contains_key(&key) {
            match self.held.last_key_value() {
                Some((farthest, _)) if *farthest > key => drop(self.held.pop_last()),
                _ => return Err((202, "full")),
            }
        }
        self.held.insert(key, (item, now));
        Ok(())
    }

    /// Drops some of what has expired.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let start = self.swept;
        let keys: Vec<Id> =
            self.held.range(start..).take(SWEPT_AT_ONCE).map(|(key, _)| *key).collect();
        for key in &keys {
            if self.held.get(key).is_some_and(|(_, put)| now.since(*put) >= EXPIRY) {
                self.held.remove(key);
            }
        }
        self.swept = match keys.last() {
            Some(last) if keys.len() == SWEPT_AT_ONCE => *last,
            _ => Id::default(),
        };
    }

    /// The node goes by another id.
    pub(crate) fn rename(&mut self, me: Id) {
        self.me = me;
        self.swept = Id::default();
        let items = std::mem::take(&mut self.held).into_values();
        self.held = items.map(|it| (it.0.target().distance(me), it)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Mutable, SecretKey};

    fn version(seq: i64, value: &[u8]) -> Item {
        Item::Mutable(Mutable::sign(&SecretKey::from_seed(&[1; 32]), b"", seq, value).unwrap())
    }

    #[test]
    fn versions_only_go_up_and_cas_is_minded() {
        let mut items = Items::new(Id::default(), 10);
        let now = Instant::ZERO;
        for (seq, value, cas, expected) in [
            (5, b"i5e", Some(9), Ok(())),
            (5, b"i5e", None, Ok(())),
            (5, b"i6e", None, Err(code::SEQ)),
            (4, b"i4e", None, Err(code::SEQ)),
            (6, b"i6e", Some(4), Err(code::CAS)),
            (6, b"i6e", Some(5), Ok(())),
        ] {
            let got = items.put(now, version(seq, value), cas).map_err(|it| it.0);
            assert_eq!(got, expected, "{seq} {cas:?}");
        }
        let target = version(6, b"i6e").target();
        assert_eq!(items.find(now, target), Some(&version(6, b"i6e")));
        assert_eq!(items.find(now + EXPIRY, target), None);
        assert_eq!(items.put(now + EXPIRY, version(1, b"i1e"), Some(7)), Ok(()));
    }

    #[test]
    fn the_farthest_make_room_and_the_old_go() {
        let mut items = Items::new(Id::default(), 5);
        for n in 0..100 {
            let _full = items.put(Instant::ZERO, Item::Immutable(format!("i{n}e").into()), None);
        }
        let mut all: Vec<Id> =
            (0..100).map(|n| Item::Immutable(format!("i{n}e").into()).target()).collect();
        all.sort_unstable();
        let kept: Vec<Id> = items.held.keys().copied().collect();
        assert_eq!(kept, all[..5]);
        items.rename(Id([0xff; 20]));
        assert!(items.find(Instant::ZERO, all[0]).is_some());
        items.sweep(Instant::ZERO + EXPIRY);
        assert_eq!(items.len(), 0);
    }
}
