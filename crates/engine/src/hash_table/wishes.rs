//! What the session wishes of the table, until the table's task takes it up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use dht::Id;
use session::DhtOrder;

/// Addresses that wait to be taken up; of more, the latest are lost.
const NODES_MAX: usize = 1_024;

/// Wishes that were not taken up yet. Whoever wishes never waits, and there are at most as many as
/// there are torrents: the last word on each counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    open: Mutex<Open>,
    news: Notify,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Torrents to be announced, as a seed or not, or (`None`) no more.
    pub(super) announces: BTreeMap<Id, Option<bool>>,
    /// Torrents to be looked up.
    pub(super) finds: BTreeSet<Id>,
    /// Torrents to be looked up no more.
    pub(super) abandoned: BTreeSet<Id>,
    /// Where others see us, by family.
    pub(super) outside: [Option<IpAddr>; 2],
    /// Where nodes may be.
    pub(super) nodes: Vec<SocketAddr>,
}

impl Wishes {
    /// Takes down what is to be done.
    pub(crate) fn add(&self, order: DhtOrder) {
        let id = |hash: hash::Sha1Digest| Id(hash.0);
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            DhtOrder::Announce { info_hash, seed } => {
                open.announces.insert(id(info_hash), Some(seed));
            }
            DhtOrder::Withdraw { info_hash } => {
                open.announces.insert(id(info_hash), None);
            }
            DhtOrder::Find { info_hash } => {
                open.abandoned.remove(&id(info_hash));
                open.finds.insert(id(info_hash));
            }
            DhtOrder::Abandon { info_hash } => {
                open.finds.remove(&id(info_hash));
                open.abandoned.insert(id(info_hash));
            }
            DhtOrder::Outside(ip) => open.outside[usize::from(ip.is_ipv6())] = Some(ip),
            DhtOrder::Nodes(nodes) => {
                let room = NODES_MAX.saturating_sub(open.nodes.len());
                open.nodes.extend(nodes.into_iter().take(room));
            }
        }
        drop(open);
        self.0.news.notify_one();
    }

    /// Waits until there are some, and takes them.
    pub(super) async fn take(&self) -> Open {
        self.0.news.notified().await;
        std::mem::take(&mut *self.0.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
