//! How a connection begins: in plain words, or disguised.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use mse::{Entropy, Initiator, Methods, MseError, Outcome, Responder, torrent_key};
use tokio::sync::watch;

use hash::Sha1Digest;
use metainfo::InfoHashes;
use stdx::TorrentId;

use crate::conduit::Conduit;
use crate::stream::Stream;

/// What a disguise begins with is a public key of this length, sent at once; who has sent less for
/// so long means something else.
const KEY_LENGTH: usize = 96;
const PATIENCE: Duration = Duration::from_secs(2);

/// What every plain connection begins with (BEP 3).
const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// Bytes read at once while connections begin.
const READ_MAX: usize = 4 << 10;

/// Whether connections are disguised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Never; nobody disguised is let in.
    Off,
    /// Both are let in; we begin in plain words, and again in disguise where those are not heard.
    #[default]
    Prefer,
    /// Always, by RC4.
    Require,
}

/// What the torrents here are called in disguise, and what they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(BTreeMap<Sha1Digest, (TorrentId, Sha1Digest)>);

impl Keys {
    pub(crate) fn insert(&mut self, torrent: TorrentId, hashes: &InfoHashes) {
        let named = hashes.handshake_hashes();
        self.0.extend(named.map(|hash| (torrent_key(&hash), (torrent, hash))));
    }

    pub(crate) fn remove(&mut self, torrent: TorrentId, hashes: &InfoHashes) {
        for hash in hashes.handshake_hashes() {
            let key = torrent_key(&hash);
            if self.0.get(&key).is_some_and(|(of, _)| *of == torrent) {
                self.0.remove(&key);
            }
        }
    }

    fn find(&self, key: &Sha1Digest) -> Option<Sha1Digest> {
        self.0.get(key).map(|(_, hash)| *hash)
    }
}

/// What is said first on a connection that we open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello {
    /// The torrent's hash that it is about.
    pub(crate) hash: Sha1Digest,
    /// The first bytes that the peer's owner will have to say.
    pub(crate) words: [u8; 68],
}

/// How a connection that we open begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    Disguised,
}

/// Begins connections.
#[derive(Clone, Debug)]
pub(crate) struct Greeter {
    pub(crate) encryption: Encryption,
    pub(crate) keys: watch::Receiver<Arc<Keys>>,
}

impl Greeter {
    /// Finds out what somebody who connected to us speaks. What is neither plain nor a disguise
    /// comes back as it is, for others to say what is wrong with it.
    ///
    /// # Errors
    /// When it is plain and must not be.
    pub(crate) async fn answer(&self, stream: Stream) -> io::Result<Conduit> {
        if self.encryption == Encryption::Off {
            return Ok(Conduit::plain(stream));
        }
        let mut early = Vec::new();
        while early.len() < PROTOCOL.len() && PROTOCOL.starts_with(&early) {
            if read(&stream, &mut early).await.is_err() {
                return Ok(Conduit::plain(stream).with_early(early));
            }
        }
        if early.starts_with(PROTOCOL) {
            if self.encryption == Encryption::Require {
                return Err(io::Error::other("it does not encrypt, which we require"));
            }
            return Ok(Conduit::plain(stream).with_early(early));
        }
        match self.answer_disguised(&stream, &mut early).await {
            Ok(outcome) => {
                let conduit = Conduit::plain(stream).with_early(outcome.received);
                Ok(conduit.with_ciphers(outcome.ciphers))
            }
            Err(error) => {
                tracing::debug!(%error, "neither plain nor encrypted");
                Ok(Conduit::plain(stream).with_early(early))
            }
        }
    }

    /// Goes on with a handshake that begins with `heard`, which gathers more.
    async fn answer_disguised(&self, stream: &Stream, heard: &mut Vec<u8>) -> io::Result<Outcome> {
        let key = async {
            while heard.len() < KEY_LENGTH {
                read(stream, heard).await?;
            }
            Ok::<(), io::Error>(())
        };
        let in_time = tokio::time::timeout(PATIENCE, key).await;
        in_time.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let mut responder = Responder::new(entropy()?, self.methods());
        let keys = self.keys.clone();
        let mut done = 0;
        loop {
            let outcome = responder
                .handle(&heard[done..], &|key| keys.borrow().find(key))
                .map_err(io::Error::other)?;
            write(stream, &responder.take_output()).await?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            done = heard.len();
            read(stream, heard).await?;
        }
    }

    /// How connections that we open may begin, what we like best first.
    pub(crate) fn manners(&self) -> &'static [Manner] {
        match self.encryption {
            Encryption::Off => &[Manner::Plain],
            Encryption::Prefer => &[Manner::Plain, Manner::Disguised],
            Encryption::Require => &[Manner::Disguised],
        }
    }

    /// Says hello in plain words and waits until it is heard.
    ///
    /// # Errors
    /// When it is not, as by those who want disguise.
    pub(crate) async fn ask_plainly(&self, stream: Stream, hello: &Hello) -> io::Result<Conduit> {
        write(&stream, &hello.words).await?;
        let mut early = Vec::new();
        read(&stream, &mut early).await?;
        Ok(Conduit::plain(stream).with_early(early).with_said(hello.words.len()))
    }

    /// Says hello in disguise.
    ///
    /// # Errors
    /// When the other side does not take part; of the kind `Interrupted` when another try may go
    /// better.
    pub(crate) async fn ask(&self, stream: Stream, hello: &Hello) -> io::Result<Conduit> {
        let methods = self.methods();
        let mut initiator = Initiator::new(entropy()?, hello.hash, methods, &hello.words);
        let mut heard = Vec::new();
        loop {
            write(&stream, &initiator.take_output()).await?;
            heard.clear();
            read(&stream, &mut heard).await?;
            if let Some(outcome) = initiator.handle(&heard).map_err(or_again)? {
                let conduit = Conduit::plain(stream).with_early(outcome.received);
                return Ok(conduit.with_ciphers(outcome.ciphers).with_said(hello.words.len()));
            }
        }
    }

    fn methods(&self) -> Methods {
        if self.encryption == Encryption::Require { Methods::RC4 } else { Methods::BOTH }
    }
}

fn or_again(error: MseError) -> io::Error {
    let again = error == MseError::ShortSecret;
    io::Error::new(if again { io::ErrorKind::Interrupted } else { io::ErrorKind::Other }, error)
}

fn entropy() -> io::Result<Entropy> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Entropy(bytes))
}

/// Appends what comes next; at least one byte. Nothing is appended when it fails, or is given up.
async fn read(stream: &Stream, out: &mut Vec<u8>) -> io::Result<()> {
    loop {
        stream.ready(true, false).await?;
        let start = out.len();
        out.resize(start + READ_MAX, 0);
        let read = stream.try_read_vectored(&mut [IoSliceMut::new(&mut out[start..])]);
        out.truncate(start + read.as_ref().map_or(0, |n| *n));
        match read {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(stream: &Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.ready(false, true).await?;
        match stream.try_write_vectored(&[IoSlice::new(bytes)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
