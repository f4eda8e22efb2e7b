use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// HTTP connections at once, at most.
pub(crate) const MAX_CONNECTIONS: usize = 4_096;
/// Of them from one address, at most, so that one client cannot shut out the others.
pub(crate) const MAX_PER_ADDRESS: usize = MAX_CONNECTIONS / 4;

/// Counts open connections, in all and by address.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Open>);

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
    /// Takes a place for a connection from `address`; `None` when there is none left.
    pub(crate) fn enter(gate: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let mut open = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= MAX_CONNECTIONS {
            return None;
        }
        let here = open.by_address.entry(address).or_default();
        if *here >= MAX_PER_ADDRESS {
            return None;
        }
        *here += 1;
        open.total += 1;
        Some(Pass { gate: Arc::clone(gate), address })
    }

    /// Open connections.
    pub(crate) fn total(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
