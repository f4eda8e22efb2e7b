use std::fmt;

use hash::{Sha1, Sha1Digest};

use crate::rc4::Rc4;

/// Bytes of RC4's stream that are thrown away: its beginning tells of the key.
const DISCARDED: usize = 1_024;

/// Both directions of a disguised stream, each at its place in it.
pub struct Ciphers {
    pub(crate) outgoing: Box<Rc4>,
    pub(crate) incoming: Box<Rc4>,
}

impl Ciphers {
    /// Disguises what is sent, in place; in order, and every byte once.
    pub fn encrypt(&mut self, bytes: &mut [u8]) {
        self.outgoing.apply(bytes);
    }

    /// Undoes the same with what has come.
    pub fn decrypt(&mut self, bytes: &mut [u8]) {
        self.incoming.apply(bytes);
    }
}

impl fmt::Debug for Ciphers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ciphers")
    }
}

/// RC4 under `HASH(name, S, SKEY)`.
pub(crate) fn rc4(name: &str, secret: &[u8], skey: &Sha1Digest) -> Box<Rc4> {
    let key = digest(&[name.as_bytes(), secret, &skey.0]);
    let mut cipher = Box::new(Rc4::new(&key.0));
    cipher.apply(&mut [0; DISCARDED]);
    cipher
}

/// SHA-1 over all parts.
pub(crate) fn digest(parts: &[&[u8]]) -> Sha1Digest {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}
