//! The two halves of a hybrid torrent must describe the same files (BEP 52, Upgrade Path).

use super::files::{Build, RawFile, printable};
use crate::Error;
use crate::layout::Layout;

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
    if v1.single_file != v2.single_file {
        return differ("one is a file, the other a folder");
    }
    let mut tree = v2.files.into_iter();
    for file in v1.files.iter_mut().filter(|file| !file.padding) {
        let shown = |file: &RawFile<'_>| printable(file.path.iter().copied());
        let Some(other) = tree.next() else {
            return differ(format!("file `{}` is in v1 alone", shown(file)));
        };
        if file.path != other.path {
            return differ(format!("`{}` in v1 is `{}` in v2", shown(file), shown(&other)));
        }
        if file.length != other.length || file.symlink != other.symlink {
            return differ(format!("the size or kind of `{}`", shown(file)));
        }
        file.root = other.root;
        file.executable |= other.executable;
        file.hidden |= other.hidden;
    }
    match tree.next() {
        None => Ok(v1),
        Some(file) => {
            differ(format!("file `{}` is in v2 alone", printable(file.path.iter().copied())))
        }
    }
}

/// Checks that the v1 list, with its own padding, puts every file where v2 has it, and has no more
/// pieces.
pub(super) fn check_alignment(listed: &Build<'_>, layout: &Layout) -> Result<(), Error> {
    let piece_length = u64::from(layout.piece_length());
    let (mut v1, mut v2) = (0, 0u64);
    for file in &listed.files {
        if !file.padding && file.length > 0 {
            v2 = v2.next_multiple_of(piece_length);
            if v1 != v2 {
                let path = printable(file.path.iter().copied());
                return differ(format!("file `{path}` starts elsewhere in v1"));
            }
            v2 += file.length;
        }
        v1 += file.length;
    }
    if v1.div_ceil(piece_length) == v2.div_ceil(piece_length) {
        return Ok(());
    }
    differ("the number of pieces")
}
