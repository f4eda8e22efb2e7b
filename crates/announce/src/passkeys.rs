use hash::{Sha1Digest, sha1};

use crate::access::{AccessList, UNLISTED_RETRY, lines};
use crate::{Error, Failure, RetryIn, Route};

/// Longest passkey, in characters.
pub(crate) const MAX_PASSKEY: usize = 128;

const MISSING: &[u8] = b"this tracker needs a passkey: use your own announce address";
const UNKNOWN: &[u8] = b"this tracker does not know the passkey in the announce address";

/// The passkeys of a private tracker: who names one in the announce path is let in.
///
/// Only hashes are kept, so that neither memory nor the time of a look-up tells a passkey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passkeys(AccessList);

impl Passkeys {
    /// Reads a list: one passkey per line, of up to 128 letters, digits, `-`, `.`, `_` and `~`.
    /// Blank lines and what follows `#` do not count.
    ///
    /// # Errors
    /// Names the first line that is something else, but does not repeat it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let hash_on = |(line, text)| {
            if is_passkey(text) { Ok(digest(text)) } else { Err(Error::BadPasskey { line }) }
        };
        lines(text).map(hash_on).collect::<Result<_, _>>().map(Self)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, so that nobody is let in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the request's passkey is one of these.
    ///
    /// # Errors
    /// What to tell the asker: never to come back without a passkey, and to try again in an hour
    /// with one that may be listed by then (BEP 31).
    pub(crate) fn check(&self, route: Option<Route<'_>>) -> Result<(), Failure> {
        let refuse = |reason, retry| Err(Failure { retry: Some(retry), ..Failure::new(reason) });
        match route.and_then(|route| route.passkey) {
            None => refuse(MISSING, RetryIn::Never),
            Some(passkey) if self.0.contains(&digest(passkey)) => Ok(()),
            Some(_) => refuse(UNKNOWN, UNLISTED_RETRY),
        }
    }
}

/// Whether `text` can be a passkey: the unreserved characters of RFC 3986, so that it stands in
/// a path as it is.
pub(crate) fn is_passkey(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=MAX_PASSKEY).contains(&text.len()) && text.bytes().all(unreserved)
}

fn digest(passkey: &str) -> Sha1Digest {
    sha1(passkey.as_bytes())
}
