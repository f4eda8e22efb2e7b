use std::collections::{BTreeSet, VecDeque};

use crate::address::Holder;

/// Liars that are remembered; of more, the earliest are forgotten.
const LIARS_MAX: usize = 1_024;

/// Who was caught naming nodes that are not what it said they were.
#[derive(Debug, Default)]
pub(super) struct Distrust {
    order: VecDeque<Holder>,
    liars: BTreeSet<Holder>,
}

impl Distrust {
    pub(super) fn add(&mut self, liar: Holder) {
        if !self.liars.insert(liar) {
            return;
        }
        if self.order.len() >= LIARS_MAX
            && let Some(earliest) = self.order.pop_front()
        {
            self.liars.remove(&earliest);
        }
        self.order.push_back(liar);
    }

    pub(super) fn contains(&self, holder: Holder) -> bool {
        self.liars.contains(&holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_liars_are_remembered() {
        let holder = |n: usize| {
            let ip = std::net::Ipv4Addr::from(0x0b00_0000 + n as u32);
            Holder::of((ip, 1).into())
        };
        let mut distrust = Distrust::default();
        for n in (0..LIARS_MAX + 10).chain([7, 500]) {
            distrust.add(holder(n));
        }
        for (n, expected) in [(0, false), (7, true), (8, false), (11, true), (LIARS_MAX, true)] {
            assert_eq!(distrust.contains(holder(n)), expected, "{n}");
        }
        assert_eq!(distrust.order.len(), distrust.liars.len());
    }
}
