use siphasher::sip::{SipHasher13, SipHasher24};

use hash::Sha1Digest;

/// The store's hash functions. Info-hashes, addresses and ports are chosen by strangers, so every
/// table hashes them under a secret.
#[derive(Clone, Debug)]
pub(crate) struct Keys(SipHasher13);

impl Keys {
    /// Keys that follow from `secret` but do not reveal it.
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_keys(derive(secret, b"table 0"), derive(secret, b"table 1")))
    }

    pub(crate) fn swarm(&self, info_hash: &Sha1Digest) -> u64 {
        self.0.hash(&info_hash.0)
    }

    pub(crate) fn peer<const N: usize>(&self, ip: &[u8; N], port: u16) -> u64 {
        let mut bytes = [0; 18];
        bytes[..N].copy_from_slice(ip);
        bytes[N..N + 2].copy_from_slice(&port.to_be_bytes());
        self.0.hash(&bytes[..N + 2])
    }

    /// Hashes the network that an address belongs to: /24 for IPv4, /48 for IPv6.
    pub(crate) fn network<const N: usize>(&self, ip: &[u8; N]) -> u64 {
        self.0.hash(&ip[..if N == 4 { 3 } else { 6 }])
    }
}

/// A 64-bit value for `purpose`, independent of those for other purposes.
pub(crate) fn derive(secret: &[u8; 16], purpose: &[u8]) -> u64 {
    SipHasher24::new_with_key(secret).hash(purpose)
}
