use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::Error;

/// A lock file beside the store, which names its holder. It is removed with the store only, by who
/// holds it.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        loop {
            let lock = Self::take_any(path)?;
            if lock.is_at(path) {
                return Ok(lock);
            }
        }
    }

    /// False when the file was removed before it was locked: others may hold a new one.
    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let same = |ours: std::fs::Metadata, there: std::fs::Metadata| {
            (ours.dev(), ours.ino()) == (there.dev(), there.ino())
        };
        let metadata = self.file.metadata().ok().zip(path.metadata().ok());
        metadata.is_some_and(|(ours, there)| same(ours, there))
    }

    /// What is open cannot be removed there.
    #[cfg(not(unix))]
    fn is_at(&self, _: &Path) -> bool {
        true
    }

    fn take_any(path: &Path) -> Result<Self, Error> {
        let mut options = File::options();
        let opened = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut file = opened.map_err(|error| Error::io("open", path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Held { holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
        }
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        named.map_err(|error| Error::io("write", path, error))?;
        Ok(Self { file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    match read {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => "another".to_owned(),
    }
}
