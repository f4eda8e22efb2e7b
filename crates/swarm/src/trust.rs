use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use stdx::ConnId;

use crate::Identity;
use evidence::Evidence;

mod evidence;

/// Identities on parole that are remembered.
const PAROLE_MAX: usize = 4_096;
/// Closed connections whose peer is remembered for pieces still in progress.
const DEPARTED_MAX: usize = 4_096;

/// A peer that may have sent something bad, and where it can be shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// Where its connection came from or led to.
    pub(crate) addr: SocketAddr,
    /// Where it listens, if known.
    pub(crate) listen: Option<SocketAddr>,
}

impl Suspect {
    pub(crate) fn identity(&self) -> Identity {
        Identity::of(self.addr)
    }
}

/// Who had a part in pieces that failed.
///
/// Only proof bans. A peer that sent the whole of a failed piece is proven wrong at once. Where
/// several did, the digests of the blocks are kept (see [`Evidence`]): the first good copy of the
/// piece shows which blocks were wrong, and so who sent them. Until then all of them are on
/// parole, and are given whole pieces only, so that the next failure has one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) evidence: Evidence,
    parole: BTreeSet<Identity>,
    departed: BTreeMap<ConnId, Suspect>,
    order: VecDeque<ConnId>,
}

impl Trust {
    /// Remembers whose connection one was that is closed.
    pub(crate) fn closed(&mut self, conn: ConnId, peer: Suspect) {
        self.departed.insert(conn, peer);
        self.order.push_back(conn);
        if self.order.len() > DEPARTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.departed.remove(&oldest);
        }
    }

    /// Whose connection one was that is closed.
    pub(crate) fn departed(&self, conn: ConnId) -> Option<Suspect> {
        self.departed.get(&conn).copied()
    }

    pub(crate) fn is_on_parole(&self, addr: SocketAddr) -> bool {
        self.parole.contains(&Identity::of(addr))
    }

    /// Puts a peer under suspicion.
    pub(crate) fn suspect(&mut self, peer: &Suspect) {
        if self.parole.len() >= PAROLE_MAX {
            self.parole.pop_first();
        }
        self.parole.insert(peer.identity());
    }

    /// Ends the suspicion: it sent a whole good piece, or is cleared of all it was suspected of,
    /// or is banned.
    pub(crate) fn clear(&mut self, identity: Identity) {
        self.parole.remove(&identity);
    }
}
