use hash::Sha1Digest;
use stdx::Rng;

use crate::cipher::{Ciphers, digest, rc4};
use crate::key::{Entropy, KEY_LENGTH, PADDING_MAX, PrivateKey, is_short, pad};
use crate::{Methods, MseError, Outcome};

/// The verification constant: eight zeros.
pub(crate) const VERIFICATION: usize = 8;
/// The most padding that we put where lengths are told; more would only cost.
const TOLD_PADDING: usize = 64;

/// The side that opened the connection.
#[derive(Debug)]
pub struct Initiator {
    rng: Rng,
    key: PrivateKey,
    skey: Sha1Digest,
    methods: Methods,
    first_words: Vec<u8>,
    /// What has come and is not understood yet.
    input: Vec<u8>,
    output: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Their public key is to come.
    Key,
    /// The place where their disguise begins, which looks like this.
    Sync(Ciphers, [u8; VERIFICATION]),
    /// What they select.
    Select(Ciphers),
    /// So much padding.
    Padding(Ciphers, Methods, usize),
    Done,
}

impl Initiator {
    /// Begins a handshake about the torrent with the info-hash `skey` (of v2 the first 20 bytes).
    /// `first_words` are sent along with it, which saves a round trip.
    ///
    /// # Panics
    /// When those are longer than 65,535 bytes.
    pub fn new(entropy: Entropy, skey: Sha1Digest, methods: Methods, first_words: &[u8]) -> Self {
        assert!(u16::try_from(first_words.len()).is_ok(), "first words are short");
        let mut rng = entropy.rng();
        let key = PrivateKey::new(&entropy);
        let mut output = key.public().to_vec();
        pad(&mut rng, PADDING_MAX, &mut output);
        let (first_words, input) = (first_words.to_vec(), Vec::new());
        Self { rng, key, skey, methods, first_words, input, output, stage: Stage::Key }
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes bytes from the stream, all of them. When it returns an outcome, the handshake is over
    /// once the last output is sent.
    ///
    /// # Errors
    /// When the other side does not speak this, or not in a way that we allow. After
    /// [`MseError::ShortSecret`] a new connection with new entropy is worth a try.
    pub fn handle(&mut self, data: &[u8]) -> Result<Option<Outcome>, MseError> {
        self.input.extend_from_slice(data);
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Key => {
                    let Some((theirs, rest)) = self.input.split_first_chunk::<KEY_LENGTH>() else {
                        self.stage = Stage::Key;
                        return Ok(None);
                    };
                    let secret = self.key.secret(theirs)?;
                    if is_short(&secret) {
                        return Err(MseError::ShortSecret);
                    }
                    self.input = rest.to_vec();
                    self.stage = self.ask(&secret);
                }
                Stage::Sync(ciphers, pattern) => {
                    let Some(place) = find(&self.input, &pattern, PADDING_MAX)? else {
                        self.stage = Stage::Sync(ciphers, pattern);
                        return Ok(None);
                    };
                    self.input.drain(..place + VERIFICATION);
                    self.stage = Stage::Select(ciphers);
                }
                Stage::Select(mut ciphers) => {
                    let Some((head, _)) = self.input.split_first_chunk::<6>() else {
                        self.stage = Stage::Select(ciphers);
                        return Ok(None);
                    };
                    let mut head = *head;
                    ciphers.decrypt(&mut head);
                    let (selected, padding) = method_and_padding(head)?;
                    let method = Methods::from_bits(selected);
                    if self.methods.select(method).is_none_or(|it| it.bits() != selected) {
                        return Err(MseError::Method(selected));
                    }
                    self.input.drain(..head.len());
                    self.stage = Stage::Padding(ciphers, method, padding);
                }
                Stage::Padding(mut ciphers, method, length) => {
                    if self.input.len() < length {
                        self.stage = Stage::Padding(ciphers, method, length);
                        return Ok(None);
                    }
                    let mut received = self.input.split_off(length);
                    ciphers.decrypt(&mut self.input);
                    if method.rc4 {
                        ciphers.decrypt(&mut received);
                    }
                    return Ok(Some(Outcome { ciphers: method.rc4.then_some(ciphers), received }));
                }
                Stage::Done => return Ok(None),
            }
        }
    }

    /// Their key is known: says what is wanted.
    fn ask(&mut self, secret: &[u8; KEY_LENGTH]) -> Stage {
        let outgoing = rc4("keyA", secret, &self.skey);
        let incoming = rc4("keyB", secret, &self.skey);
        let mut ciphers = Ciphers { outgoing, incoming };
        self.output.extend_from_slice(&digest(&[b"req1", secret]).0);
        let torrent = digest(&[b"req2", &self.skey.0]);
        let mask = digest(&[b"req3", secret]);
        self.output.extend(torrent.0.iter().zip(mask.0).map(|(a, b)| a ^ b));
        let start = self.output.len();
        self.output.extend([0; VERIFICATION]);
        self.output.extend(self.methods.bits().to_be_bytes());
        let mut padding = told_padding(&mut self.rng);
        self.output.extend((padding.len() as u16).to_be_bytes());
        self.output.append(&mut padding);
        self.output.extend((self.first_words.len() as u16).to_be_bytes());
        self.output.append(&mut self.first_words);
        ciphers.encrypt(&mut self.output[start..]);
        let mut pattern = [0; VERIFICATION];
        ciphers.incoming.apply(&mut pattern);
        Stage::Sync(ciphers, pattern)
    }
}

/// `crypto_provide` or `crypto_select`, and the length of the padding behind it.
pub(crate) fn method_and_padding(head: [u8; 6]) -> Result<(u32, usize), MseError> {
    let [m0, m1, m2, m3, length @ ..] = head;
    let padding = usize::from(u16::from_be_bytes(length));
    if padding > PADDING_MAX {
        return Err(MseError::TooLong(padding));
    }
    Ok((u32::from_be_bytes([m0, m1, m2, m3]), padding))
}

/// Where `pattern` begins in `input`: after at most `most` bytes, or it is not there.
pub(crate) fn find(input: &[u8], pattern: &[u8], most: usize) -> Result<Option<usize>, MseError> {
    let within = &input[..input.len().min(most + pattern.len())];
    let place = within.windows(pattern.len()).position(|window| window == pattern);
    if place.is_none() && within.len() == most + pattern.len() {
        return Err(MseError::NoSync);
    }
    Ok(place)
}

/// Padding of a length that is told.
pub(crate) fn told_padding(rng: &mut Rng) -> Vec<u8> {
    let mut padding = Vec::new();
    pad(rng, TOLD_PADDING, &mut padding);
    padding
}
