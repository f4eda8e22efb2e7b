//! What peers tell each other of others (BEP 11).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use peer::Order;
use stdx::{ConnId, Instant, may_name};
use wire::{Pex, PexPeer};

use super::Swarm;
use crate::conn::Conn;
use crate::{Direction, Identity};

/// Addresses taken from one message (BEP 11 has peers send at most 50).
const TAKEN_MAX: usize = 100;

impl Swarm {
    pub(super) fn take_pex(&mut self, now: Instant, conn: ConnId, pex: Pex) {
        let Some(it) = self.conns.get(&conn).filter(|_| !self.is_private()) else {
            return;
        };
        let giver = it.addr;
        let peers = pex.added.into_iter().take(TAKEN_MAX);
        self.neighbours.add_given(now, giver, conn, peers);
    }

    /// Tells connections whose turn it is who came and who went.
    pub(super) fn exchange_peers(&mut self, now: Instant) {
        if self.is_private() {
            return;
        }
        let due = |it: &&Conn| it.ready && it.info.supports_pex && it.exchange.is_due(now);
        let due: Vec<ConnId> = self.conns.values().filter(due).map(|it| it.id).collect();
        if due.is_empty() {
            return;
        }
        let all = self.tellable();
        for conn in due {
            let Some(it) = self.conns.get_mut(&conn) else {
                continue;
            };
            let own = [Some(it.addr), it.listen].map(|addr| addr.map(Identity::of));
            let of_use = |addr: SocketAddr| {
                may_name(it.addr.ip(), addr.ip()) && !own.contains(&Some(Identity::of(addr)))
            };
            let current: BTreeMap<SocketAddr, u8> =
                all.iter().filter(|(addr, _)| of_use(**addr)).map(|(at, it)| (*at, *it)).collect();
            if let Some(pex) = it.exchange.message(now, &current, &mut self.rng) {
                self.order(conn, Order::Pex(pex));
            }
        }
    }

    /// Those that we are connected to, by the address where they listen.
    fn tellable(&self) -> BTreeMap<SocketAddr, u8> {
        let ready = self.conns.values().filter(|it| it.ready);
        ready.filter_map(|it| Some((it.listen?, self.flags_of(it)))).collect()
    }

    /// What can be said of a peer (BEP 11).
    fn flags_of(&self, it: &Conn) -> u8 {
        let hearsay = it.listen.map_or(0, |addr| self.neighbours.flags(addr)) & PexPeer::UTP;
        let known = [
            (PexPeer::ENCRYPTS, it.carrier.encrypted),
            (PexPeer::UPLOADS, it.info.upload_only || it.is_seed()),
            (PexPeer::UTP, it.carrier.utp || it.info.supports_holepunch),
            (PexPeer::HOLEPUNCH, it.info.supports_holepunch),
            (PexPeer::REACHABLE, it.direction == Direction::Outgoing),
        ];
        known.into_iter().filter(|(_, is)| *is).fold(hearsay, |flags, (flag, _)| flags | flag)
    }
}
