use hash::Sha1Digest;

use crate::Error;

/// Which swarms a tracker serves.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// All.
    #[default]
    Any,
    /// Those listed.
    Only(AccessList),
    /// All but those listed.
    Except(AccessList),
}

impl Access {
    /// Whether the swarm is served.
    pub fn allows(&self, info_hash: &Sha1Digest) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.contains(info_hash),
            Self::Except(list) => !list.contains(info_hash),
        }
    }
}

/// A set of info-hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList(Vec<Sha1Digest>);

impl AccessList {
    /// Reads a list: one info-hash of 40 hexadecimal digits per line; blank lines and what follows
    /// `#` do not count.
    ///
    /// # Errors
    /// Names the first line that is something else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let hashes = (1..).zip(lines).filter(|(_, line)| !line.is_empty());
        hashes
            .map(|(line, text)| text.parse().map_err(|_| Error::BadAccessList { line }))
            .collect::<Result<Vec<_>, _>>()
            .map(Self::from_iter)
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
        Self(hashes)
    }
}
