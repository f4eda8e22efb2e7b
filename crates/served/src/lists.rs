use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use announce::{Access, AccessList, Passkeys};

use crate::Error;

/// Bytes of one list, at most: more than 1.5 million info-hashes.
const MAX_LIST: u64 = 64 << 20;

/// The files that say whom and what a tracker serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Info-hashes to serve, and no others.
    pub allow: Option<PathBuf>,
    /// Info-hashes not to serve.
    pub deny: Option<PathBuf>,
    /// Passkeys, which make the tracker private.
    pub passkeys: Option<PathBuf>,
}

/// What stood in the files.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) access: Access,
    pub(crate) passkeys: Option<Passkeys>,
}

impl Lists {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_none() && self.passkeys.is_none()
    }

    /// Reads all files.
    pub(crate) fn load(&self) -> Result<Loaded, Error> {
        let allow = read(self.allow.as_deref(), AccessList::parse)?;
        let deny = read(self.deny.as_deref(), AccessList::parse)?;
        let passkeys = read(self.passkeys.as_deref(), Passkeys::parse)?;
        Ok(Loaded { access: Access::new(allow, deny), passkeys })
    }
}

fn read<T>(
    path: Option<&Path>,
    parse: impl Fn(&str) -> Result<T, announce::Error>,
) -> Result<Option<T>, Error> {
    let Some(path) = path else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    // It may be a pipe, so its length is known only when it was read.
    File::open(path)
        .and_then(|file| file.take(MAX_LIST + 1).read_to_end(&mut bytes))
        .map_err(|source| Error::ReadList { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(Error::LongList { path: path.to_owned(), limit: MAX_LIST });
    }
    // What is not text fails as a line, so that the error names it.
    let text = String::from_utf8_lossy(&bytes);
    match parse(&text) {
        Ok(list) => Ok(Some(list)),
        Err(source) => Err(Error::BadList { path: path.to_owned(), source }),
    }
}
