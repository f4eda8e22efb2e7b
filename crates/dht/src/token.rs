use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;
use stdx::Instant;

use crate::Id;

/// Seconds for which one token is given out; it is taken for as long again (BEP 5).
const EPOCH_SECS: u64 = 5 * 60;

/// Tokens: proof that who wants something stored has asked before, and received the answer, at
/// the address that it sends from (BEP 5).
///
/// One is the SipHash-2-4 of the running five minutes, the address and the key under a secret, so
/// nothing is stored. It is taken in its own five minutes and in the next.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(SipHasher24);

impl Tokens {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    pub(crate) fn issue(&self, now: Instant, from: SocketAddr, target: Id) -> [u8; 8] {
        self.token(epoch(now), from, target)
    }

    pub(crate) fn verify(&self, now: Instant, from: SocketAddr, target: Id, token: &[u8]) -> bool {
        let epoch = epoch(now);
        let last = epoch.checked_sub(1);
        let mut good = [Some(epoch), last].into_iter().flatten();
        good.any(|epoch| token == self.token(epoch, from, target))
    }

    fn token(&self, epoch: u64, from: SocketAddr, target: Id) -> [u8; 8] {
        // Without the port, as ports change on their way through a NAT.
        let ip = match from.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut message = [0; 44];
        message[..8].copy_from_slice(&epoch.to_be_bytes());
        message[8..24].copy_from_slice(&ip.octets());
        message[24..].copy_from_slice(&target.0);
        self.0.hash(&message).to_be_bytes()
    }
}

fn epoch(now: Instant) -> u64 {
    now.as_nanos() / (EPOCH_SECS * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_for_their_address_and_key_and_for_five_to_ten_minutes() {
        let tokens = Tokens::new(&[7; 16]);
        let from: SocketAddr = "1.2.3.4:5".parse().unwrap();
        let (here, there) = (Id([1; 20]), Id([2; 20]));
        let token = tokens.issue(Instant::from_secs(301), from, here);
        for (secs, from, target, good) in [
            (301, "1.2.3.4:5", here, true),
            (301, "1.2.3.4:6", here, true),
            (301, "1.2.3.5:5", here, false),
            (301, "1.2.3.4:5", there, false),
            (899, "1.2.3.4:5", here, true),
            (900, "1.2.3.4:5", here, false),
        ] {
            let verified =
                tokens.verify(Instant::from_secs(secs), from.parse().unwrap(), target, &token);
            assert_eq!(verified, good, "{secs} {from}");
        }
        assert!(!tokens.verify(Instant::ZERO, from, here, b""));
        assert!(!Tokens::new(&[8; 16]).verify(Instant::from_secs(301), from, here, &token));
    }
}
