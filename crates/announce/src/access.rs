use hash::{Sha1Digest, Sha256Digest};

use crate::message::printable;
use crate::{Error, Failure, RetryIn};

/// Longest piece of a faulty line that its error repeats, in bytes.
const QUOTED: usize = 70;
/// When an unlisted swarm may be asked for again: it may be listed by then.
pub(crate) const UNLISTED_RETRY: RetryIn = RetryIn::After(stdx::Duration::from_hours(1));

const NOT_SERVED: &[u8] = b"this tracker does not serve that torrent";

/// Which swarms a tracker serves; all by default.
#[derive(Clone, Debug, Default)]
pub struct Access {
    allow: Option<AccessList>,
    deny: Option<AccessList>,
}

impl Access {
    /// Serves what `allow` names, or all without it; but nothing that `deny` names.
    pub fn new(allow: Option<AccessList>, deny: Option<AccessList>) -> Self {
        Self { allow, deny }
    }

    /// The list of swarms to serve.
    pub fn allow(&self) -> Option<&AccessList> {
        self.allow.as_ref()
    }

    /// The list of swarms not to serve.
    pub fn deny(&self) -> Option<&AccessList> {
        self.deny.as_ref()
    }

    /// Whether the swarm is served.
    ///
    /// # Errors
    /// What to tell the asker: never to come back for a denied swarm, and to try again in an hour
    /// for one that is not listed (BEP 31).
    pub fn check(&self, info_hash: &Sha1Digest) -> Result<(), Failure> {
        let refuse = |retry| Err(Failure { retry: Some(retry), ..Failure::new(NOT_SERVED) });
        match (&self.allow, &self.deny) {
            (_, Some(deny)) if deny.contains(info_hash) => refuse(RetryIn::Never),
            (Some(allow), _) if !allow.contains(info_hash) => refuse(UNLISTED_RETRY),
            _ => Ok(()),
        }
    }
}

/// A set of info-hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList(Vec<Sha1Digest>);

impl AccessList {
    /// Reads a list: one info-hash per line, of 40 hexadecimal digits or of 64 (v2, which trackers
    /// know by its first twenty bytes, BEP 52). Blank lines and what follows `#` do not count.
    ///
    /// # Errors
    /// Names the first line that is something else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let hash_on = |(line, text): (usize, &str)| {
            let v1 = text.parse::<Sha1Digest>().ok();
            let v2 = || text.parse::<Sha256Digest>().ok().map(|hash| hash.truncated());
            let wrong = || Error::BadAccessList { line, found: quote(text) };
            v1.or_else(v2).ok_or_else(wrong)
        };
        lines(text).map(hash_on).collect()
    }

    /// Whether the list names the swarm.
    pub fn contains(&self, info_hash: &Sha1Digest) -> bool {
        self.0.binary_search(info_hash).is_ok()
    }

    /// How many swarms it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Sha1Digest> for AccessList {
    fn from_iter<I: IntoIterator<Item = Sha1Digest>>(hashes: I) -> Self {
        let mut hashes: Vec<_> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        Self(hashes)
    }
}

/// The lines of a list that say something, with their numbers from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

/// A faulty line as its error repeats it.
pub(crate) fn quote(text: &str) -> String {
    printable(&text.as_bytes()[..text.len().min(QUOTED)])
}

#[cfg(test)]
mod tests;
