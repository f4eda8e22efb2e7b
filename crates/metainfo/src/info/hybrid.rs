//! The two halves of a hybrid torrent must describe the same files (BEP 52, Upgrade Path).

use super::files::{Build, RawFile, printable};
use crate::layout::Layout;
use crate::{Error, Version};

fn differ<T>(what: impl Into<String>) -> Result<T, Error> {
    Err(Error::HybridMismatch(what.into()))
}

/// The v1 list, padding included, with the roots of the v2 tree.
pub(super) fn merge<'a>(
    mut v1: Build<'a>,
    mut v2: Build<'a>,
    name: &'a [u8],
) -> Result<Build<'a>, Error> {
    if v2.single_file && !v1.single_file {
        // A folder that holds one file of its own name: only v1 can tell.
        v2.files[0].path.push(name);
        v2.single_file = false;
    }
    let mut tree = v2.files.into_iter();
    for file in v1.files.iter_mut().filter(|file| !file.padding) {
        let shown = |file: &RawFile<'_>| printable(file.path.iter().copied());
        let Some(other) = tree.next() else {
            return differ(format!("file {:?} is in v1 alone", shown(file)));
        };
        if file.path != other.path {
            return differ(format!("{:?} and {:?}", shown(file), shown(&other)));
        }
        if file.length != other.length || file.symlink != other.symlink {
            return differ(format!("the size or kind of {:?}", shown(file)));
        }
        file.root = other.root;
        file.executable |= other.executable;
        file.hidden |= other.hidden;
    }
    match tree.next() {
        None => Ok(v1),
        Some(file) => differ(format!(
            "file {:?} is in v2 alone",
            printable(file.path.iter().copied())
        )),
    }
}

/// Checks that the v1 list, laid out with its own padding, puts every file where v2 has it.
pub(super) fn check_alignment(listed: &Build<'_>, layout: &Layout) -> Result<(), Error> {
    debug_assert_eq!(layout.version(), Version::Hybrid);
    let mut offset = 0;
    let mut entries = layout.files().iter();
    for file in &listed.files {
        // Links that were dropped are empty and have no place to check.
        if !file.padding && file.symlink.is_none() {
            let entry = entries.by_ref().find(|entry| entry.symlink.is_none());
            let aligned = entry.is_some_and(|entry| entry.offset == offset);
            if file.length > 0 && !aligned {
                let path = printable(file.path.iter().copied());
                return differ(format!("file {path:?} does not start at a piece in v1"));
            }
        }
        offset += file.length;
    }
    Ok(())
}
