//! The store against the plainest model of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use hash::Sha1Digest;
use stdx::Instant;

use super::{LOCAL, SECRET};
use crate::{Event, ScrapeEntry, Store, StoreAnnounce, StoreConfig};

#[derive(Default)]
struct Model {
    peers: BTreeMap<(u8, SocketAddr), ModelPeer>,
    completed: BTreeMap<(u8, bool), u32>,
}

struct ModelPeer {
    seeding: bool,
    counted: bool,
}

impl Model {
    fn announce(&mut self, swarm: u8, announce: &StoreAnnounce) {
        let key = (swarm, announce.peer);
        if announce.event == Event::Stopped {
            self.peers.remove(&key);
            return;
        }
        let seeding = announce.left == 0;
        let new = ModelPeer { seeding, counted: false };
        let peer = self.peers.entry(key).or_insert(new);
        peer.seeding = seeding;
        if announce.event == Event::Completed && seeding && !peer.counted {
            peer.counted = true;
            *self.completed.entry((swarm, announce.peer.is_ipv6())).or_default() += 1;
        }
    }

    fn summary(&self, swarm: u8, ipv6: bool) -> ScrapeEntry {
        let here = || self.listed(swarm, ipv6).map(|(_, peer)| peer.seeding);
        ScrapeEntry {
            seeders: here().filter(|seeding| *seeding).count() as u32,
            completed: self.completed.get(&(swarm, ipv6)).copied().unwrap_or(0),
            leechers: here().filter(|seeding| !*seeding).count() as u32,
        }
    }

    fn listed(&self, swarm: u8, ipv6: bool) -> impl Iterator<Item = (SocketAddr, &ModelPeer)> {
        self.peers
            .iter()
            .filter(move |((s, peer), _)| *s == swarm && peer.is_ipv6() == ipv6)
            .map(|((_, peer), state)| (*peer, state))
    }
}

fn address(n: u16, ipv6: bool) -> SocketAddr {
    let ip: IpAddr = if ipv6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n / 2).into()
    } else {
        Ipv4Addr::new(11, 0, 0, (n / 2) as u8).into()
    };
    SocketAddr::new(ip, 6881 + n % 2)
}

proptest! {
    #[test]
    fn store_agrees_with_the_model(
        steps in prop::collection::vec(
            (0u8..3, 0u16..60, any::<bool>(), 0u64..2, 0u32..4, 0usize..80),
            1..400,
        ),
    ) {
        let mut store = Store::new(StoreConfig::default(), SECRET, Instant::ZERO);
        let mut model = Model::default();
        for (swarm, n, ipv6, left, event, numwant) in steps {
            let announce = StoreAnnounce {
                info_hash: Sha1Digest([swarm; 20]),
                peer: address(n, ipv6),
                local: LOCAL,
                left,
                event: Event::from_code(event),
                numwant,
            };
            let reply = store.announce(Instant::ZERO, &announce);
            model.announce(swarm, &announce);
            let summary = model.summary(swarm, ipv6);
            prop_assert_eq!((reply.seeders, reply.leechers), (summary.seeders, summary.leechers));
            prop_assert_eq!(store.scrape(&announce.info_hash, announce.peer.ip()), summary);

            let eligible: Vec<SocketAddr> = model
                .listed(swarm, ipv6)
                .filter(|(peer, state)| *peer != announce.peer && !(left == 0 && state.seeding))
                .map(|(peer, _)| peer)
                .collect();
            let mut peers = reply.peers;
            let wanted = if announce.event == Event::Stopped { 0 } else { numwant };
            let expected = wanted.min(eligible.len());
            prop_assert_eq!(peers.len(), expected);
            prop_assert!(peers.iter().all(|peer| eligible.contains(peer)));
            peers.sort_unstable();
            peers.dedup();
            prop_assert_eq!(peers.len(), expected);
        }
        let stats = store.stats();
        prop_assert_eq!(stats.peers_v4 + stats.peers_v6, model.peers.len() as u64);
    }
}
