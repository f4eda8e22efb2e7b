//! Items (BEP 44): values that anybody may keep, under their own hash or under a public key.

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::Sha512;

use hash::Sha1;

use crate::{Error, Id};

/// Most bytes of a value, bencoded (BEP 44).
pub const VALUE_MAX: usize = 1_000;
/// Most bytes of a salt (BEP 44).
pub const SALT_MAX: usize = 64;

/// How deep values may be nested, and how many parts they may have.
const VALUE_LIMITS: bencode::Limits =
    bencode::Limits { depth: 32, tokens: VALUE_MAX, size: VALUE_MAX };

/// An ed25519 public key: where a mutable item is looked for (BEP 44).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// An ed25519 secret key: who has it may change the items under its public key.
pub struct SecretKey {
    expanded: ExpandedSecretKey,
    public: VerifyingKey,
}

impl SecretKey {
    /// The key that follows from a seed (RFC 8032), which is what most programs keep.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::with(ExpandedSecretKey::from(seed))
    }

    /// The key in the form that BEP 44's vectors and libtorrent have: scalar and nonce prefix.
    pub fn from_expanded(bytes: &[u8; 64]) -> Self {
        Self::with(ExpandedSecretKey::from_bytes(bytes))
    }

    fn with(expanded: ExpandedSecretKey) -> Self {
        Self { public: VerifyingKey::from(&expanded), expanded }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.public.to_bytes())
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public())
    }
}

/// What is under a public key: a value that its owner signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutable {
    /// Whose it is.
    pub key: PublicKey,
    /// Which one of the owner's; empty for the only one.
    pub salt: Vec<u8>,
    /// Which version; the highest is the valid one. Never negative.
    pub seq: i64,
    /// The value, bencoded.
    pub value: Vec<u8>,
    /// The owner's word for it.
    pub signature: [u8; 64],
}

impl Mutable {
    /// Signs a version of a value (bencoded).
    ///
    /// # Errors
    /// When the value is not bencode, it or the salt is too long, or `seq` is negative.
    pub fn sign(secret: &SecretKey, salt: &[u8], seq: i64, value: &[u8]) -> Result<Self, Error> {
        check_value(value)?;
        check_salt(salt)?;
        if seq < 0 {
            return Err(Error::NegativeSeq);
        }
        let message = signed_bytes(salt, seq, value);
        let signature = raw_sign::<Sha512>(&secret.expanded, &message, &secret.public);
        Ok(Self {
            key: secret.public(),
            salt: salt.to_vec(),
            seq,
            value: value.to_vec(),
            signature: signature.to_bytes(),
        })
    }

    /// Where it is kept.
    pub fn target(&self) -> Id {
        mutable_target(&self.key, &self.salt)
    }

    /// Whether it is within bounds and its owner signed it.
    pub fn verify(&self) -> Result<(), Error> {
        check_value(&self.value)?;
        check_salt(&self.salt)?;
        if self.seq < 0 {
            return Err(Error::NegativeSeq);
        }
        let key = VerifyingKey::from_bytes(&self.key.0).map_err(|_| Error::Signature)?;
        let signature = Signature::from_bytes(&self.signature);
        let message = signed_bytes(&self.salt, self.seq, &self.value);
        key.verify_strict(&message, &signature).map_err(|_| Error::Signature)
    }
}

/// Something to put into the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A value (bencoded) under its own hash.
    Immutable(Vec<u8>),
    /// A value under a public key.
    Mutable(Mutable),
}

impl Item {
    /// Where it is kept.
    pub fn target(&self) -> Id {
        match self {
            Self::Immutable(value) => immutable_target(value),
            Self::Mutable(item) => item.target(),
        }
    }

    /// The value, bencoded.
    pub fn value(&self) -> &[u8] {
        match self {
            Self::Immutable(value) => value,
            Self::Mutable(item) => &item.value,
        }
    }

    /// The version, if it has any.
    pub fn seq(&self) -> Option<i64> {
        match self {
            Self::Immutable(_) => None,
            Self::Mutable(item) => Some(item.seq),
        }
    }

    /// Whether it is within bounds and, if it is mutable, signed by its owner.
    pub fn verify(&self) -> Result<(), Error> {
        match self {
            Self::Immutable(value) => check_value(value),
            Self::Mutable(item) => item.verify(),
        }
    }
}

/// Where an immutable value (bencoded) is kept: under its SHA-1.
pub fn immutable_target(value: &[u8]) -> Id {
    hash::sha1(value).into()
}

/// Where a mutable item is kept: under the SHA-1 of the public key and the salt.
pub fn mutable_target(key: &PublicKey, salt: &[u8]) -> Id {
    let mut hasher = Sha1::new();
    hasher.update(&key.0);
    hasher.update(salt);
    hasher.finish().into()
}

/// The value by which a publisher says which torrent is the current one (BEP 46).
pub fn torrent_value(info_hash: Id) -> Vec<u8> {
    bencode::encode(|e| e.dict(|d| d.bytes("ih", info_hash.0)))
}

/// The torrent that a value names (BEP 46).
pub fn torrent_of_value(value: &[u8]) -> Option<Id> {
    let value = bencode::decode(value, bencode::Mode::Lenient, VALUE_LIMITS).ok()?;
    Id::from_slice(value.as_dict()?.bytes("ih")?)
}

fn check_value(value: &[u8]) -> Result<(), Error> {
    if value.len() > VALUE_MAX {
        return Err(Error::ValueTooLong(value.len()));
    }
    bencode::decode(value, bencode::Mode::Lenient, VALUE_LIMITS)?;
    Ok(())
}

fn check_salt(salt: &[u8]) -> Result<(), Error> {
    if salt.len() > SALT_MAX { Err(Error::SaltTooLong(salt.len())) } else { Ok(()) }
}

/// What is signed (BEP 44, signature verification).
fn signed_bytes(salt: &[u8], seq: i64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(salt.len() + value.len() + 48);
    if !salt.is_empty() {
        out.extend_from_slice(format!("4:salt{}:", salt.len()).as_bytes());
        out.extend_from_slice(salt);
    }
    out.extend_from_slice(format!("3:seqi{seq}e1:v").as_bytes());
    out.extend_from_slice(value);
    out
}

#[cfg(test)]
mod tests;
