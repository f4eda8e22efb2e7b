//! Tells whether content is what it was: names, sizes and times of change, not the bytes.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;

use hash::Sha256;
use metainfo::PlanOptions;

/// Twenty hexadecimal digits that change when the listing below `paths`, one of them itself or the
/// options do.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn of(paths: &[&Path], options: &PlanOptions) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    let options = (paths, &options.name, options.format, options.piece_length);
    hasher.update(format!("{options:?}").as_bytes());
    for path in paths {
        add(path, &mut hasher)?;
    }
    let mut digits = hasher.finish().to_string();
    digits.truncate(20);
    Ok(digits)
}

fn add(path: &Path, hasher: &mut Sha256) -> anyhow::Result<()> {
    let unreadable = || format!("cannot look at `{}`", path.display());
    let meta = fs::symlink_metadata(path).with_context(unreadable)?;
    if meta.is_dir() {
        let mut names: Vec<OsString> = fs::read_dir(path)
            .with_context(unreadable)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()
            .with_context(unreadable)?;
        names.sort();
        for name in names {
            add(&path.join(name), hasher)?;
        }
        return Ok(());
    }
    let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let target = fs::read_link(path).unwrap_or_default();
    let looks = (path, meta.len(), changed, target, meta.permissions());
    hasher.update(format!("{looks:?}\n").as_bytes());
    Ok(())
}
