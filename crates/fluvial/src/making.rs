//! Making torrents of files and folders, for `create` and `share`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use disk::{Created, Roots};
use metainfo::{Metainfo, PlanOptions, Version};

use crate::args::Format;
use crate::output::Output;

/// Made by, as torrents say (BEP 3).
pub(crate) const CREATED_BY: &str = concat!("Fluvial ", env!("CARGO_PKG_VERSION"));

impl From<Format> for Version {
    fn from(format: Format) -> Self {
        match format {
            Format::V1 => Self::V1,
            Format::V2 => Self::V2,
            Format::Hybrid => Self::Hybrid,
        }
    }
}

/// Hashes `path`, or the entries of `roots` unless there are none, into a torrent, with a bar.
///
/// # Errors
/// When something cannot be read, changes meanwhile, or cannot be a torrent.
pub(crate) fn make(
    path: &Path,
    roots: &Roots,
    options: PlanOptions,
    output: &Output,
) -> anyhow::Result<Created> {
    let bar = output.bytes_bar("Hashing", 0);
    let progress = &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        std::ops::ControlFlow::Continue(())
    };
    let made = if roots.is_empty() {
        disk::create(path, options, 0, progress)
            .with_context(|| format!("cannot make a torrent of `{}`", path.display()))
    } else {
        disk::create_several(roots, options, 0, progress).context("cannot make a torrent of these")
    };
    bar.finish_and_clear();
    let made = made?;
    for notice in &made.notices {
        output.notice(notice.to_string());
    }
    Ok(made)
}

/// Says which names others will see changed, because some system cannot hold them.
pub(crate) fn tell_names(metainfo: &Metainfo, output: &Output) {
    for notice in metainfo.info.notices() {
        output.notice(format!("{notice} for those who fetch it"));
    }
}

/// Where something to be shared really is.
///
/// # Errors
/// When it is not there, or may not be looked at.
pub(crate) fn real_path(typed: &Path) -> anyhow::Result<PathBuf> {
    let shown = typed.display();
    typed.canonicalize().with_context(|| match typed.read_link() {
        Ok(target) => format!("cannot follow the link `{shown}` to `{}`", target.display()),
        Err(_) => format!("cannot read `{shown}`"),
    })
}

/// The name that content has by its real path; `typed` is how the person wrote it.
///
/// # Errors
/// When it has none, as `/`.
pub(crate) fn name_of(real: &Path, typed: &Path) -> anyhow::Result<String> {
    let shown = typed.display();
    let Some(name) = real.file_name() else {
        bail!("`{shown}` has no name of its own; give one with --name");
    };
    let Some(name) = name.to_str() else {
        bail!("the name of `{shown}` is not valid UTF-8; give another with --name");
    };
    Ok(name.to_owned())
}
