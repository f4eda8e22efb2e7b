//! Our addresses as others see them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use announce::Scope;
use stdx::TorrentId;

/// Votes that count, of each kind of address: those of the last so many witnesses.
const VOTES: usize = 32;
/// Votes for one address that make it certain, if they are more than half of all.
const ENOUGH: usize = 4;
/// Addresses of one network have one vote together: what one party has for the asking.
const NETWORK_V4: u32 = 24;
const NETWORK_V6: u32 = 48;

/// Who says at which address we are seen. Each has one vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// A peer (`yourip`, BEP 10), by its network.
    Network(IpAddr),
    /// The trackers of a torrent (`external ip`, BEP 24) together: whoever made it named them all.
    Trackers(TorrentId),
}

impl Witness {
    /// A peer at this address.
    pub(crate) fn peer(addr: SocketAddr) -> Self {
        Self::Network(match addr.ip().to_canonical() {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !(u32::MAX >> NETWORK_V4)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> NETWORK_V6)).into(),
        })
    }
}

/// An address that is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elected {
    pub(crate) ip: IpAddr,
    /// Enough witnesses agree, or the router says so, that an identity may follow from it.
    pub(crate) is_certain: bool,
}

/// Votes on our addresses: one for each family, in the world and on the networks around us.
#[derive(Debug, Default)]
pub(crate) struct Outside([[Election; 2]; 2]);

#[derive(Debug, Default)]
struct Election {
    votes: VecDeque<(Witness, IpAddr)>,
    router: Option<IpAddr>,
    told: Option<Elected>,
}

impl Outside {
    /// Takes in what a peer says; one on our network knows nothing of how the world sees us, nor
    /// the other way round.
    pub(crate) fn hear_peer(&mut self, peer: SocketAddr, seen: IpAddr) -> Option<Elected> {
        let (from, ip) = (peer.ip().to_canonical(), seen.to_canonical());
        let is_of_its_kind = from.is_ipv4() == ip.is_ipv4() && Scope::of(from) == Scope::of(ip);
        if is_of_its_kind { self.cast(Witness::peer(peer), ip) } else { None }
    }

    /// Takes in what a tracker says.
    pub(crate) fn hear_tracker(&mut self, torrent: TorrentId, seen: IpAddr) -> Option<Elected> {
        self.cast(Witness::Trackers(torrent), seen.to_canonical())
    }

    /// Takes in what the router says of its address in the world, which counts for more than all
    /// votes; `None` when it says nothing any more.
    pub(crate) fn hear_router(&mut self, v6: bool, ip: Option<IpAddr>) -> Option<Elected> {
        // One behind another router's translation knows no better than we do.
        let ip = ip.filter(|ip| Scope::of(*ip) == Scope::Global && ip.is_ipv6() == v6);
        let election = &mut self.0[usize::from(v6)][0];
        election.router = ip;
        election.news()
    }

    /// The addresses that are known.
    pub(crate) fn all(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.iter().flatten().filter_map(|election| Some(election.told?.ip))
    }

    fn cast(&mut self, witness: Witness, ip: IpAddr) -> Option<Elected> {
        let scope = match Scope::of(ip) {
            Scope::Global => 0,
            Scope::Local => 1,
            Scope::Unusable => return None,
        };
        let election = &mut self.0[usize::from(ip.is_ipv6())][scope];
        election.votes.retain(|(from, _)| *from != witness);
        if election.votes.len() >= VOTES {
            election.votes.pop_front();
        }
        election.votes.push_back((witness, ip));
        election.news()
    }
}

impl Election {
    /// What is to be told of it: another address, or that it has become certain.
    fn news(&mut self) -> Option<Elected> {
        let elected = self.elected()?;
        let known = |told: Elected| told.ip == elected.ip && told.is_certain >= elected.is_certain;
        if self.told.is_some_and(known) {
            return None;
        }
        self.told = Some(elected);
        self.told
    }

    /// The address with the most votes; among several the one that was elected before.
    fn elected(&self) -> Option<Elected> {
        if let Some(ip) = self.router {
            return Some(Elected { ip, is_certain: true });
        }
        let count = |ip| self.votes.iter().filter(|(_, it)| *it == ip).count();
        let before = self.told.map(|told| told.ip);
        let all = self.votes.iter().map(|(_, ip)| *ip);
        let ip = all.max_by_key(|ip| (count(*ip), Some(*ip) == before))?;
        let is_certain = count(ip) >= ENOUGH && count(ip) * 2 > self.votes.len();
        Some(Elected { ip, is_certain })
    }
}

#[cfg(test)]
mod tests;
