use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use stdx::is_local;

use crate::address::Holder;

/// Votes that count: those of the last so many networks.
const VOTES: usize = 32;
/// Votes for one address that decide, if they are more than half of all.
const ENOUGH: usize = 6;

/// Which address others see this node at (BEP 42): each network has one vote, and only who was
/// asked something may cast it.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    votes: VecDeque<(Holder, IpAddr)>,
    elected: Option<IpAddr>,
}

impl Votes {
    /// Takes in a vote; the address, when it is a new one that this elects.
    pub(crate) fn cast(&mut self, voter: SocketAddr, seen: IpAddr) -> Option<IpAddr> {
        if is_local(seen) || seen.is_ipv4() != voter.is_ipv4() || is_local(voter.ip()) {
            return None;
        }
        let network = Holder::network(voter);
        self.votes.retain(|(from, _)| *from != network);
        if self.votes.len() >= VOTES {
            self.votes.pop_front();
        }
        self.votes.push_back((network, seen));
        let same = self.votes.iter().filter(|(_, ip)| *ip == seen).count();
        if self.elected == Some(seen) || same < ENOUGH || same * 2 <= self.votes.len() {
            return None;
        }
        self.elected = Some(seen);
        self.elected
    }

    /// The address that this node is at.
    pub(crate) fn elected(&self) -> Option<IpAddr> {
        self.elected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_one_vote_each_and_most_of_them_decide() {
        let mut votes = Votes::default();
        let mut cast = |from: &str, seen: &str| {
            let (from, seen) = (format!("{from}:1").parse().unwrap(), seen.parse().unwrap());
            votes.cast(from, seen).map(|it| it.to_string())
        };
        for n in 0..99 {
            assert_eq!(cast(&format!("9.9.9.{n}"), "6.6.6.6"), None, "all from one network");
            assert_eq!(cast("127.0.0.1", "6.6.6.6"), None);
            assert_eq!(cast("1.1.1.1", "10.0.0.1"), None);
        }
        let all: Vec<_> = (0..6).map(|n| cast(&format!("8.8.{n}.1"), "4.4.4.4")).collect();
        assert_eq!(all[4..], [None, Some("4.4.4.4".to_owned())]);
        for n in 0..7 {
            let moved = cast(&format!("8.9.{n}.1"), "5.5.5.5");
            assert_eq!(moved, None, "not yet more than half");
        }
        assert_eq!(cast("8.9.7.1", "5.5.5.5"), Some("5.5.5.5".to_owned()));
    }
}
