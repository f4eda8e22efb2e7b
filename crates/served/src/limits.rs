use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// HTTP connections at once, at most, unless the system allows fewer open files.
const MAX_CONNECTIONS: usize = 4_096;
/// Open files left for everything that is not an HTTP connection.
const OTHER_FILES: usize = 128;
/// Connections at once that are told to come back later; who comes beyond is not told.
pub(crate) const MAX_TURNED_AWAY: usize = 64;

/// Counts open connections, in all and by address.
#[derive(Debug)]
pub(crate) struct Gate {
    limit: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// A connection's place; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// A gate for `limit` connections; one address may hold a quarter of them, so that one client
    /// cannot shut out the others.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, open: Mutex::default() })
    }

    /// Takes a place for a connection from `address`; `None` when there is none left.
    pub(crate) fn enter(gate: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let mut open = gate.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= gate.limit {
            return None;
        }
        let here = open.by_address.entry(address).or_default();
        if *here >= gate.limit.div_ceil(4) {
            return None;
        }
        *here += 1;
        open.total += 1;
        Some(Pass { gate: Arc::clone(gate), address })
    }

    /// How many connections there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Open connections.
    pub(crate) fn total(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// Whether more than three quarters of the places are taken, in all or by `address`, so that
    /// connections should not be kept for a further request.
    pub(crate) fn is_crowded(&self, address: IpAddr) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_address.get(&address).copied().unwrap_or(0);
        open.total.max(here * 4) * 4 > self.limit * 3
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// How many HTTP connections this process can hold. Asks the system for more open files first:
/// many give a process 1,024 unless it asks.
pub(crate) fn connections_allowed() -> usize {
    let files = open_files(MAX_CONNECTIONS + OTHER_FILES);
    files.saturating_sub(OTHER_FILES).clamp(4, MAX_CONNECTIONS)
}

/// How many files this process may open, after asking for `wanted`.
#[cfg(unix)]
fn open_files(wanted: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    let (wanted, unlimited) = (wanted as u64, u64::MAX);
    let maximum = limit.maximum.unwrap_or(unlimited);
    if limit.current.unwrap_or(unlimited) < wanted {
        limit.current = Some(wanted.min(maximum));
        let _refused = setrlimit(Resource::Nofile, limit);
    }
    let granted = getrlimit(Resource::Nofile).current.unwrap_or(unlimited);
    usize::try_from(granted).unwrap_or(usize::MAX)
}

/// Elsewhere sockets are not counted among files.
#[cfg(not(unix))]
fn open_files(_wanted: usize) -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests;
