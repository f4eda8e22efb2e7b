use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use stdx::ConnId;

use crate::Identity;

/// Identities whose record is kept.
const RECORDS_MAX: usize = 4_096;
/// Closed connections whose identity is remembered for pieces still in progress.
const DEPARTED_MAX: usize = 4_096;
/// What a part in a failed piece costs.
const FAILED: i8 = -2;
/// The best that good pieces can earn.
const BEST: i8 = 8;
/// At this record, suspicion is enough.
const BANNED: i8 = -7;

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    points: i8,
    parole: bool,
}

/// Who had a part in pieces that failed.
///
/// A peer that sent the whole of a failed piece is certainly to blame. Where several did, each is
/// put on parole: it is given whole pieces only, so that the next failure has one name, and a good
/// piece clears it. (Digests of single blocks, kept from failed pieces, will name the culprit at
/// the first good copy; this is their place.)
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    records: BTreeMap<Identity, Record>,
    departed: BTreeMap<ConnId, SocketAddr>,
    order: VecDeque<ConnId>,
}

impl Trust {
    /// Remembers where a closed connection came from.
    pub(crate) fn closed(&mut self, conn: ConnId, addr: SocketAddr) {
        self.departed.insert(conn, addr);
        self.order.push_back(conn);
        if self.order.len() > DEPARTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.departed.remove(&oldest);
        }
    }

    /// Where a closed connection came from.
    pub(crate) fn departed(&self, conn: ConnId) -> Option<SocketAddr> {
        self.departed.get(&conn).copied()
    }

    pub(crate) fn is_on_parole(&self, addr: SocketAddr) -> bool {
        self.records.get(&Identity::of(addr)).is_some_and(|record| record.parole)
    }

    /// Notes a part in a good piece; `alone` when it was the whole.
    pub(crate) fn good(&mut self, addr: SocketAddr, alone: bool) {
        if let Some(record) = self.records.get_mut(&Identity::of(addr)) {
            record.points = (record.points + 1).min(BEST);
            record.parole &= !alone;
        }
    }

    /// Notes a part in a failed piece; true when that was one too many.
    pub(crate) fn bad(&mut self, addr: SocketAddr) -> bool {
        if self.records.len() >= RECORDS_MAX {
            self.records.pop_first();
        }
        let record = self.records.entry(Identity::of(addr)).or_default();
        record.points = record.points.saturating_add(FAILED);
        record.parole = true;
        record.points <= BANNED
    }
}
