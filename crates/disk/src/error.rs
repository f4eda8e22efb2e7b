use std::io;
use std::path::{Path, PathBuf};

use cache::{Fault, FaultKind};

/// Why the disk driver could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {what} `{}`: {}", path.display(), explain(source))]
    Io {
        /// What was tried: a verb.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is shorter than the torrent says.
    #[error(
        "`{}` ends early: it has changed or is incomplete; run again to check it",
        path.display()
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link stands where the torrent needs a folder or file.
    #[error(
        "`{}` is a symbolic link that the download would follow; remove it first",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something else stands where the torrent needs a file.
    #[error("`{}` is in the way: it is not a regular file; remove it first", path.display())]
    NotAFile {
        /// What is in the way.
        path: PathBuf,
    },
    /// Another process has the same download open.
    #[error("this download is held by process {holder}; stop that one first")]
    Held {
        /// Its process number, or "another".
        holder: String,
    },
    /// The resume store failed.
    #[error("the resume store `{}` failed: {message}", path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// What it said.
        message: String,
        /// Whether the cause was a full disk.
        full: bool,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { what, path: path.to_owned(), source: source.into() }
    }

    /// The file the error is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Short { path }
            | Self::Link { path }
            | Self::NotAFile { path }
            | Self::Store { path, .. } => Some(path),
            Self::Held { .. } | Self::Cancelled => None,
        }
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let kind = match error {
            Error::Io { source, .. } => kind_of(source),
            Error::Store { full: true, .. } => FaultKind::Full,
            Error::Short { .. } | Error::Link { .. } | Error::NotAFile { .. } => FaultKind::Changed,
            Error::Held { .. } | Error::Store { .. } | Error::Cancelled => FaultKind::Io,
        };
        Self { kind, message: error.to_string() }
    }
}

fn kind_of(error: &io::Error) -> FaultKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            FaultKind::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FaultKind::Denied,
        io::ErrorKind::NotFound => FaultKind::Changed,
        _ => FaultKind::Io,
    }
}

/// What the system said, with what to do about it where that can be told.
fn explain(error: &io::Error) -> String {
    match kind_of(error) {
        FaultKind::Full => "no space left; free some and run again, it resumes".to_owned(),
        FaultKind::Denied => format!("{error}; check its permissions"),
        FaultKind::Changed | FaultKind::Io => error.to_string(),
    }
}
