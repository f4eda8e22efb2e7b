//! The state directory: resume stores and made torrents, shared by every process of a user.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};

/// How long records are kept that nobody uses.
const KEPT: Duration = Duration::from_hours(24 * 180);

/// Finds and makes the state directory: `--state-dir`, else `$XDG_STATE_HOME/fluvial`, else
/// `~/.local/state/fluvial`.
///
/// # Errors
/// When there is no home, or the directory cannot be made.
pub(crate) fn dir(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let dir = match named {
        Some(dir) => dir.to_owned(),
        None => default_dir()?,
    };
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the state directory `{}`", dir.display()))?;
    forget_unused(&dir);
    Ok(dir)
}

/// Once in a run, records that nobody used for long are removed, so that they do not heap up.
fn forget_unused(dir: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let removed = SystemTime::now().checked_sub(KEPT).map(|at| disk::remove_stale(dir, at));
        if let Some(removed @ 1..) = removed {
            tracing::info!(removed, "records that nobody used for half a year");
        }
    });
}

fn default_dir() -> anyhow::Result<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    if let Some(base) = absolute("XDG_STATE_HOME") {
        return Ok(base.join("fluvial"));
    }
    match absolute("HOME") {
        Some(home) => Ok(home.join(".local/state/fluvial")),
        None => bail!("neither XDG_STATE_HOME nor HOME is set; name a folder with --state-dir"),
    }
}

/// Sees whether a file could be written, before the work that it is to hold.
///
/// # Errors
/// When it could not.
pub(crate) fn check_writable(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("cannot write `{}`: it is a folder", path.display());
    }
    place_for(path).map(drop)
}

/// Replaces `path` by `bytes`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write `{}`", path.display());
    let mut file = place_for(path)?;
    std::io::Write::write_all(&mut file, bytes).with_context(unwritable)?;
    file.as_file().sync_all().with_context(unwritable)?;
    make_readable(file.as_file()).with_context(unwritable)?;
    file.persist(path).with_context(unwritable)?;
    Ok(())
}

/// A temporary file beside the one that it is to become.
fn place_for(path: &Path) -> anyhow::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        bail!("cannot write `{}`: there is no folder `{}`", path.display(), folder.display());
    }
    let file = tempfile::NamedTempFile::new_in(folder).map_err(without_name);
    file.with_context(|| format!("cannot write `{}`", path.display()))
}

/// The error alone: the name of a temporary file says nothing to a person.
fn without_name(error: std::io::Error) -> std::io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((text, _)) => std::io::Error::new(error.kind(), text),
        None => error,
    }
}

/// A temporary file is private; what we write for people is not.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
