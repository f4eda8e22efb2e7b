use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn v4(ranges: Vec<(u32, u32)>) -> IpFilter {
    IpFilter::new(ranges, Vec::new())
}

#[test]
fn ranges_that_meet_become_one() {
    for (ranges, count) in [
        (vec![], 0),
        (vec![(1, 2), (3, 4)], 1),
        (vec![(3, 4), (1, 1)], 2),
        (vec![(1, 9), (2, 3), (9, 12)], 1),
        (vec![(0, u32::MAX), (u32::MAX, u32::MAX)], 1),
        (vec![(7, 7), (7, 7)], 1),
    ] {
        assert_eq!(v4(ranges.clone()).len(), count, "{ranges:?}");
    }
}

#[test]
fn mapped_addresses_are_those_of_ipv4() {
    let filter = v4(vec![(0xc000_0207, 0xc000_0207)]);
    for (ip, allowed) in [("::ffff:192.0.2.7", false), ("::ffff:192.0.2.8", true), ("::1", true)] {
        assert_eq!(filter.allows(ip.parse().unwrap()), allowed, "{ip}");
    }
}

#[test]
fn half_a_million_ranges_take_eight_bytes_each() {
    let ranges = (0..500_000).map(|number| (number * 8_000, number * 8_000 + 3_999));
    let filter = v4(ranges.collect());
    assert_eq!(filter.len(), 500_000);
    assert!(filter.0.v4.capacity() * size_of::<(u32, u32)>() <= 4_400_000);
    for ip in [0, 3_999, 4_000, 8_000, 3_999_999_999] {
        assert_eq!(filter.allows(Ipv4Addr::from_bits(ip).into()), ip % 8_000 >= 4_000, "{ip}");
    }
}

proptest! {
    #[test]
    fn a_filter_forbids_what_any_of_its_ranges_holds(
        ranges in proptest::collection::vec((0_u32..60, 0_u32..8), 0..20),
        at_the_end in any::<bool>(),
    ) {
        let base = if at_the_end { u32::MAX - 67 } else { 0 };
        let ranges: Vec<_> =
            ranges.into_iter().map(|(first, more)| (base + first, base + first + more)).collect();
        let wide = |ip: u32| u128::from(ip) << 64 | u128::from(ip);
        let filter = v4(ranges.clone());
        let six = ranges.iter().map(|(first, last)| (wide(*first), wide(*last))).collect();
        let six = IpFilter::new(Vec::new(), six);
        for ip in base..=base + 67 {
            let forbidden = ranges.iter().any(|(first, last)| (first..=last).contains(&&ip));
            prop_assert_eq!(filter.allows(Ipv4Addr::from_bits(ip).into()), !forbidden);
            let ip = std::net::Ipv6Addr::from_bits(wide(ip));
            prop_assert_eq!(six.allows(ip.into()), !forbidden);
        }
    }
}
