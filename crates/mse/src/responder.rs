use hash::Sha1Digest;
use stdx::Rng;

use crate::cipher::{Ciphers, digest, rc4};
use crate::initiator::{VERIFICATION, find, method_and_padding, told_padding};
use crate::key::{Entropy, KEY_LENGTH, PADDING_MAX, PrivateKey, pad};
use crate::{Methods, MseError, Outcome};

/// The most that may be said along with the handshake: a peer's handshake, its extensions and a
/// bit field.
const FIRST_WORDS_MAX: usize = 32 << 10;

/// `VC`, `crypto_provide`, `len(PadC)`.
const HEAD: usize = VERIFICATION + 6;

/// The side that accepted the connection.
#[derive(Debug)]
pub struct Responder {
    rng: Rng,
    key: PrivateKey,
    methods: Methods,
    /// What has come and is not understood yet.
    input: Vec<u8>,
    output: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Their public key is to come.
    Key,
    /// The place where they say which torrent they mean.
    Sync([u8; KEY_LENGTH]),
    Torrent([u8; KEY_LENGTH]),
    /// What they offer.
    Offer(Ciphers),
    /// So much padding, and how long their first words are.
    Padding(Ciphers, Methods, usize),
    /// First words of this length.
    FirstWords(Ciphers, Methods, usize),
    Done,
}

/// What peers name a torrent by: `HASH('req2', SKEY)`, where SKEY is its info-hash (of v2 the
/// first 20 bytes).
pub fn torrent_key(skey: &Sha1Digest) -> Sha1Digest {
    digest(&[b"req2", &skey.0])
}

impl Responder {
    /// Waits for a handshake.
    pub fn new(entropy: Entropy, methods: Methods) -> Self {
        Self {
            rng: entropy.rng(),
            key: PrivateKey::new(&entropy),
            methods,
            input: Vec::new(),
            output: Vec::new(),
            stage: Stage::Key,
        }
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes bytes from the stream, all of them. `torrent` finds the info-hash to a
    /// [`torrent_key`]. When it returns an outcome, the handshake is over once the last output is
    /// sent.
    ///
    /// # Errors
    /// When the other side does not speak this, means no torrent of ours, or allows nothing that
    /// we do.
    pub fn handle(
        &mut self,
        data: &[u8],
        torrent: &dyn Fn(&Sha1Digest) -> Option<Sha1Digest>,
    ) -> Result<Option<Outcome>, MseError> {
        self.input.extend_from_slice(data);
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Done);
            let stage = match stage {
                Stage::Key => self.take_key()?,
                Stage::Sync(secret) => self.sync(secret)?,
                Stage::Torrent(secret) => self.take_torrent(secret, torrent)?,
                Stage::Offer(ciphers) => self.take_offer(ciphers)?,
                Stage::Padding(ciphers, method, length) => {
                    self.take_padding(ciphers, method, length)?
                }
                Stage::FirstWords(ciphers, method, length) if self.input.len() >= length => {
                    return Ok(Some(self.finish(ciphers, method, length)));
                }
                stage => Step::Wait(stage),
            };
            match stage {
                Step::On(stage) => self.stage = stage,
                Step::Wait(stage) => {
                    self.stage = stage;
                    return Ok(None);
                }
            }
        }
    }

    fn take_key(&mut self) -> Result<Step, MseError> {
        let Some((theirs, rest)) = self.input.split_first_chunk::<KEY_LENGTH>() else {
            return Ok(Step::Wait(Stage::Key));
        };
        let secret = self.key.full_secret(theirs)?;
        self.input = rest.to_vec();
        self.output.extend(self.key.public());
        pad(&mut self.rng, PADDING_MAX, &mut self.output);
        Ok(Step::On(Stage::Sync(secret)))
    }

    fn sync(&mut self, secret: [u8; KEY_LENGTH]) -> Result<Step, MseError> {
        let pattern = digest(&[b"req1", &secret]);
        let Some(place) = find(&self.input, &pattern.0, PADDING_MAX)? else {
            return Ok(Step::Wait(Stage::Sync(secret)));
        };
        self.input.drain(..place + pattern.0.len());
        Ok(Step::On(Stage::Torrent(secret)))
    }

    fn take_torrent(
        &mut self,
        secret: [u8; KEY_LENGTH],
        torrent: &dyn Fn(&Sha1Digest) -> Option<Sha1Digest>,
    ) -> Result<Step, MseError> {
        let Some((masked, rest)) = self.input.split_first_chunk::<20>() else {
            return Ok(Step::Wait(Stage::Torrent(secret)));
        };
        let mask = digest(&[b"req3", &secret]);
        let key = Sha1Digest(std::array::from_fn(|n| masked[n] ^ mask.0[n]));
        let skey = torrent(&key).ok_or(MseError::UnknownTorrent)?;
        self.input = rest.to_vec();
        let outgoing = rc4("keyB", &secret, &skey);
        let incoming = rc4("keyA", &secret, &skey);
        Ok(Step::On(Stage::Offer(Ciphers { outgoing, incoming })))
    }

    fn take_offer(&mut self, mut ciphers: Ciphers) -> Result<Step, MseError> {
        let Some((head, rest)) = self.input.split_first_chunk::<HEAD>() else {
            return Ok(Step::Wait(Stage::Offer(ciphers)));
        };
        let (mut head, rest) = (*head, rest.to_vec());
        ciphers.decrypt(&mut head);
        let [0, 0, 0, 0, 0, 0, 0, 0, told @ ..] = head else {
            return Err(MseError::Verification);
        };
        let (offered, padding) = method_and_padding(told)?;
        let method = self.methods.select(Methods::from_bits(offered));
        let method = method.ok_or(MseError::Method(offered))?;
        self.input = rest;
        Ok(Step::On(Stage::Padding(ciphers, method, padding)))
    }

    fn take_padding(
        &mut self,
        mut ciphers: Ciphers,
        method: Methods,
        length: usize,
    ) -> Result<Step, MseError> {
        if self.input.len() < length + 2 {
            return Ok(Step::Wait(Stage::Padding(ciphers, method, length)));
        }
        let rest = self.input.split_off(length + 2);
        ciphers.decrypt(&mut self.input);
        let words = usize::from(u16::from_be_bytes([self.input[length], self.input[length + 1]]));
        if words > FIRST_WORDS_MAX {
            return Err(MseError::TooLong(words));
        }
        self.input = rest;
        Ok(Step::On(Stage::FirstWords(ciphers, method, words)))
    }

    fn finish(&mut self, mut ciphers: Ciphers, method: Methods, length: usize) -> Outcome {
        let mut behind = self.input.split_off(length);
        let mut received = std::mem::take(&mut self.input);
        ciphers.decrypt(&mut received);
        if method.rc4 {
            ciphers.decrypt(&mut behind);
        }
        received.append(&mut behind);
        let mut answer = vec![0; VERIFICATION];
        answer.extend(method.bits().to_be_bytes());
        let padding = told_padding(&mut self.rng);
        answer.extend((padding.len() as u16).to_be_bytes());
        answer.extend(padding);
        ciphers.encrypt(&mut answer);
        self.output.append(&mut answer);
        Outcome { ciphers: method.rc4.then_some(ciphers), received }
    }
}

/// Where to go on: at once, or when more has come.
enum Step {
    On(Stage),
    Wait(Stage),
}
