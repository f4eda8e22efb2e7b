use hash::Sha1Digest;

use super::swarm::Swarm;
use super::{Store, shard_of};

/// Swarms looked up together, at most.
const TOGETHER: usize = 64;

impl Store {
    /// Touches what announces to these swarms will read.
    ///
    /// A large store lies in no cache, and each announce waits for memory several times in a row:
    /// for the slot, the swarm, its peers. Step by step for many swarms, the waits of one step
    /// overlap. Nothing changes by it.
    pub(crate) fn look_ahead(&self, swarms: impl Iterator<Item = Sha1Digest>) {
        let mut found = [(0_usize, 0_usize); TOGETHER];
        let mut count = 0;
        for (place, info_hash) in found.iter_mut().zip(swarms) {
            let hash = self.keys.swarm(&info_hash);
            let shard = shard_of(hash);
            // Past the last if there is none.
            *place = (shard, self.shards[shard].guess(hash).unwrap_or(usize::MAX));
            count += 1;
        }
        let swarms = || {
            let places = found[..count].iter();
            places.filter_map(|&(shard, position)| self.shards[shard].get(position))
        };
        // Both ends of each record, and then of its peers.
        let record = |swarm: &Swarm| swarm.v4.len() ^ usize::from(swarm.info_hash.0[19]);
        let records = swarms().map(record).fold(0, |sum, read| sum ^ read);
        let ends = swarms().map(|swarm| {
            let last = swarm.v4.entry(swarm.v4.len().wrapping_sub(1));
            swarm.v4.entry(0).map_or(0, |it| it.port) ^ last.map_or(0, |it| it.port)
        });
        std::hint::black_box((records, ends.fold(0, |sum, port| sum ^ port)));
    }
}
