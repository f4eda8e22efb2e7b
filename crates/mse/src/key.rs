use crypto_bigint::modular::ConstMontyForm;
use crypto_bigint::{U256, U768, const_monty_params};
use stdx::Rng;

use crate::MseError;

/// Bytes of a public key and of the secret.
pub(crate) const KEY_LENGTH: usize = 96;
/// Bits of a private key: more than twice what RC4's key is worth.
const PRIVATE_BITS: u32 = 160;
/// The most padding that anything may have.
pub(crate) const PADDING_MAX: usize = 512;

const_monty_params!(
    Prime,
    U768,
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74\
     020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437\
     4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563"
);

type Element = ConstMontyForm<Prime, { U768::LIMBS }>;

/// What nobody else knows: 32 random bytes of the system, for one connection.
#[derive(Clone, Copy, Debug)]
pub struct Entropy(pub [u8; 32]);

impl Entropy {
    /// What is not secret, for padding.
    pub(crate) fn rng(&self) -> Rng {
        let (seed, _) = self.0.split_first_chunk().expect("32 bytes are more than 8");
        Rng::new(u64::from_le_bytes(*seed))
    }
}

/// Our half of a Diffie-Hellman exchange over the 768-bit prime of the specification, with the
/// generator 2.
#[derive(Debug)]
pub(crate) struct PrivateKey(U256);

impl PrivateKey {
    pub(crate) fn new(entropy: &Entropy) -> Self {
        let mut bytes = [0; 32];
        bytes[12..].copy_from_slice(&entropy.0[12..]);
        Self(U256::from_be_slice(&bytes))
    }

    /// What the other side is told.
    pub(crate) fn public(&self) -> [u8; KEY_LENGTH] {
        self.power(&U768::from(2u8))
    }

    /// What both sides know in the end, without a zero in front: a key is changed until it fits
    /// theirs so. Some implementations leave such zeros out of what they hash (rakshasa's
    /// libtorrent #894) or hash what they do not mean (Arvid's #8434), and whoever hears the other
    /// key first can spare them that.
    pub(crate) fn full_secret(
        &mut self,
        theirs: &[u8; KEY_LENGTH],
    ) -> Result<[u8; KEY_LENGTH], MseError> {
        loop {
            let secret = self.secret(theirs)?;
            if !is_short(&secret) {
                return Ok(secret);
            }
            // One in 256 is short, whatever their key is: they sent it without knowing ours.
            self.0 = self.0.wrapping_add(&U256::ONE);
        }
    }

    /// What both sides know in the end.
    pub(crate) fn secret(&self, theirs: &[u8; KEY_LENGTH]) -> Result<[u8; KEY_LENGTH], MseError> {
        let theirs = U768::from_be_slice(theirs);
        let last = Element::ZERO.sub(&Element::ONE).retrieve();
        // Nothing, one and minus one stay what they are, whoever raises them to what.
        if theirs <= U768::ONE || theirs >= last {
            return Err(MseError::Key);
        }
        Ok(self.power(&theirs))
    }

    fn power(&self, base: &U768) -> [u8; KEY_LENGTH] {
        let raised = Element::new(base).pow_bounded_exp(&self.0, PRIVATE_BITS).retrieve();
        let mut out = [0; KEY_LENGTH];
        out.copy_from_slice(raised.to_be_bytes().as_ref());
        out
    }
}

/// Whether there are zeros in front of a secret.
pub(crate) fn is_short(secret: &[u8; KEY_LENGTH]) -> bool {
    secret[0] == 0
}

/// Appends up to `most` random bytes.
pub(crate) fn pad(rng: &mut Rng, most: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + rng.index(most + 1), 0);
    rng.fill(&mut out[start..]);
}
