//! Which names a torrent's content goes by on this disk: those that every system can hold, or the
//! torrent's own.

use std::path::PathBuf;
use std::sync::Arc;

use metainfo::{FileEntry, Info};

/// The names under which content lies there already, `place` saying where a file would be: the
/// torrent's own if another program, or the system that it was made on, wrote those.
pub(crate) fn found(info: &Arc<Info>, place: impl Fn(&FileEntry) -> PathBuf) -> Arc<Info> {
    let Some(original) = info.with_original_names() else {
        return Arc::clone(info);
    };
    let exists = |file: &FileEntry| place(file).symlink_metadata().is_ok();
    let files = info.layout().files().iter().zip(original.layout().files());
    let (mut changed, mut own) = (0, 0);
    for (one, other) in files.filter(|(one, other)| one.path != other.path) {
        changed += u64::from(exists(one));
        own += u64::from(exists(other));
    }
    // What one file is to be called may be another's own name: the better match counts.
    if own > changed { Arc::new(original) } else { Arc::clone(info) }
}

/// The torrent's own names where this system can hold them.
pub(crate) fn original(info: &Arc<Info>) -> Arc<Info> {
    info.with_original_names().map_or_else(|| Arc::clone(info), Arc::new)
}
