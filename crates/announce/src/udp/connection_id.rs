use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use stdx::Instant;

/// Seconds for which one id is given out.
const EPOCH_SECS: u64 = 60;

/// The connection ids of a UDP tracker (BEP 15): proof that who sends a request also receives at
/// the address it sends from.
///
/// An id is the SipHash-2-4 of the running minute and the address under a secret, all 64 bits of
/// it, so nothing is stored. It is accepted in its own minute and in the next. Trackers that share
/// the secret and the origin of time accept each other's.
#[derive(Clone, Debug)]
pub struct ConnectionIds {
    hasher: SipHasher24,
}

impl ConnectionIds {
    /// Ids under `secret`, which nobody else may know.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self { hasher: SipHasher24::new_with_key(secret) }
    }

    /// The id for `ip` at `now`.
    pub fn issue(&self, now: Instant, ip: IpAddr) -> u64 {
        self.id(epoch(now), ip)
    }

    /// Whether `id` was issued to `ip` in this minute or the one before.
    pub fn verify(&self, now: Instant, ip: IpAddr, id: u64) -> bool {
        let epoch = epoch(now);
        id == self.id(epoch, ip) || epoch.checked_sub(1).is_some_and(|last| id == self.id(last, ip))
    }

    fn id(&self, epoch: u64, ip: IpAddr) -> u64 {
        let ip = match ip.to_canonical() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut message = [0; 24];
        message[..8].copy_from_slice(&epoch.to_be_bytes());
        message[8..].copy_from_slice(&ip.octets());
        self.hasher.hash(&message)
    }
}

fn epoch(now: Instant) -> u64 {
    now.as_nanos() / (EPOCH_SECS * 1_000_000_000)
}
