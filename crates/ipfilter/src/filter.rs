use std::net::IpAddr;
use std::sync::Arc;

/// First and last address of a range, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    V4(u32, u32),
    V6(u128, u128),
}

/// Addresses that are forbidden: sorted ranges, none of which meets another, so that eight bytes
/// (IPv6: 32) hold one and a binary search finds it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct IpFilter(Arc<Ranges>);

#[derive(Debug, Default)]
struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl IpFilter {
    /// The filter of these ranges, in whatever order and however they overlap.
    pub(crate) fn new(mut v4: Vec<(u32, u32)>, mut v6: Vec<(u128, u128)>) -> Self {
        join(&mut v4, |ip| ip.checked_add(1));
        join(&mut v6, |ip| ip.checked_add(1));
        Self(Arc::new(Ranges { v4, v6 }))
    }

    /// Whether this address may be dealt with. One of IPv4 that is written as IPv6
    /// (`::ffff:192.0.2.7`) is what it is in IPv4.
    pub fn allows(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => !holds(&self.0.v4, ip.to_bits()),
            IpAddr::V6(ip) => !holds(&self.0.v6, ip.to_bits()),
        }
    }

    /// How many ranges there are, once those that meet are joined.
    pub fn len(&self) -> usize {
        self.0.v4.len() + self.0.v6.len()
    }

    /// Whether everything is allowed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn holds<T: Ord + Copy>(ranges: &[(T, T)], ip: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= ip);
    after.checked_sub(1).is_some_and(|place| ip <= ranges[place].1)
}

/// Sorts ranges, and makes one of those that meet. `next` is the number after another, if any.
fn join<T: Ord + Copy>(ranges: &mut Vec<(T, T)>, next: impl Fn(T) -> Option<T>) {
    ranges.sort_unstable();
    ranges.dedup_by(|later, earlier| {
        let meet = next(earlier.1).is_none_or(|next| later.0 <= next);
        if meet {
            earlier.1 = earlier.1.max(later.1);
        }
        meet
    });
    ranges.shrink_to_fit();
}

#[cfg(test)]
mod tests;
