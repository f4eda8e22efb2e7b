use std::sync::Arc;

use proptest::prelude::*;
use stdx::{Duration, Instant, Rng};

use super::net::id;
use crate::{Config, How, Message, Overlay, Priority, SearchId};

/// Members that are spoken of.
const SPOKEN_OF: u32 = 24;

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Low), Just(Priority::High)]
}

fn message() -> impl Strategy<Value = Message<u32>> {
    let who = 0..SPOKEN_OF;
    let some = || proptest::collection::vec(0..SPOKEN_OF, 0..40);
    let search = (0..4u64).prop_map(SearchId);
    prop_oneof![
        Just(Message::Join),
        some().prop_map(|contacts| Message::Welcome { contacts }),
        (who.clone(), priority(), any::<u8>())
            .prop_map(|(origin, priority, ttl)| Message::Forward { origin, priority, ttl }),
        priority().prop_map(|priority| Message::Neighbour { priority }),
        Just(Message::Accept),
        Just(Message::Accept),
        Just(Message::Refuse),
        any::<bool>().prop_map(|leaving| Message::Disconnect { leaving }),
        Just(Message::Keep),
        (who.clone(), any::<u8>(), some()).prop_map(|(origin, ttl, sample)| Message::Shuffle {
            origin,
            ttl,
            sample
        }),
        some().prop_map(|sample| Message::ShuffleReply { sample }),
        (0..9u8, any::<u16>()).prop_map(|(name, round)| {
            Message::Gossip { id: id(name), round, payload: Arc::from([name]) }
        }),
        proptest::collection::vec((0..9u8, any::<u16>()), 0..100).prop_map(|ids| {
            Message::IHave { ids: ids.into_iter().map(|(name, round)| (id(name), round)).collect() }
        }),
        proptest::option::of(0..9u8).prop_map(|name| Message::Graft { id: name.map(id) }),
        Just(Message::Prune),
        (search.clone(), any::<u8>(), any::<u8>()).prop_map(|(search, ttl, hops)| Message::Query {
            search,
            key: id(1),
            ttl,
            hops
        }),
        (search.clone(), who, any::<u16>(), any::<u16>()).prop_map(
            |(search, origin, ttl, hops)| Message::Walk { search, key: id(1), origin, ttl, hops }
        ),
        (search, 0..4u32).prop_map(|(search, walker)| Message::GoOn { search, walker }),
    ]
}

proptest! {
    #[test]
    fn whatever_others_say_a_member_keeps_to_its_limits(
        seed: u64,
        said in proptest::collection::vec((0..SPOKEN_OF, message(), 0..20_000u64), 1..200),
    ) {
        let config = Config { active_high: 5, passive: 8, ..Config::default() };
        let mut now = Instant::ZERO;
        let mut member = Overlay::new(0u32, config, Rng::new(seed), now);
        let _search = member.search(now, id(2), How::Walk { walkers: 3, ttl: 9 });
        for (from, message, wait) in said {
            now += Duration::from_millis(wait);
            member.handle_timeout(now);
            let idle = std::iter::from_fn(|| member.poll_transmit()).count();
            prop_assert!(idle < 200, "{idle} messages for nothing");
            member.handle_message(now, from, message);
            let answers: Vec<_> = std::iter::from_fn(|| member.poll_transmit()).collect();
            prop_assert!(answers.len() <= 12, "{answers:?}");
            prop_assert!(answers.iter().all(|it| it.to != 0), "to itself: {answers:?}");
            while member.poll_event().is_some() {}
            let (active, reserve) = (member.neighbours(), member.reserve());
            prop_assert!(active.len() <= 5 && reserve.len() <= 8);
            let mut all: Vec<u32> = active.iter().chain(reserve).copied().collect();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), active.len() + reserve.len());
            prop_assert!(!all.contains(&0));
            prop_assert!(member.poll_timeout().is_some_and(|due| due > now));
        }
    }
}
