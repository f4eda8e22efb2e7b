//! Which files of a torrent a person wants.

use std::path::Path;

use anyhow::{anyhow, bail};
use glob::{MatchOptions, Pattern};

use metainfo::{Info, Magnet};

use crate::units::count;

/// Wanted files by index from what was typed after `--files`, or named by the magnet (BEP 53);
/// `None` for all.
///
/// # Errors
/// When a pattern is no glob, or matches nothing.
pub(crate) fn wanted(
    info: &Info,
    typed: &[String],
    magnet: Option<&Magnet>,
) -> anyhow::Result<Option<Vec<bool>>> {
    let files = info.layout().files();
    if !typed.is_empty() {
        let mut wanted = vec![false; files.len()];
        for word in typed {
            choose(info, word, &mut wanted)?;
        }
        return Ok(Some(wanted));
    }
    match magnet {
        Some(magnet) if magnet.select_only.is_some() => {
            // Where there is v2 alone there is no list, and clients count differently: some as if
            // there were padding. We count what there is.
            let wanted: Vec<bool> = files.iter().map(|file| magnet.selects(file.listed)).collect();
            if !wanted.contains(&true) {
                bail!("the magnet's `so` selects none of the {} files", files.len());
            }
            Ok(Some(wanted))
        }
        _ => Ok(None),
    }
}

fn choose(info: &Info, word: &str, wanted: &mut [bool]) -> anyhow::Result<()> {
    if let Ok(index) = word.parse::<usize>() {
        let Some(slot) = wanted.get_mut(index) else {
            let files = count(wanted.len() as u64, "file");
            bail!("there is no file {index}; --list shows the {files} from index 0");
        };
        *slot = true;
        return Ok(());
    }
    let pattern = Pattern::new(word)
        .map_err(|error| anyhow!("--files `{word}` is no pattern: {}", error.msg))?;
    let mut any = false;
    for (slot, file) in wanted.iter_mut().zip(info.layout().files()) {
        if matches(&pattern, &file.path) {
            (*slot, any) = (true, true);
        }
    }
    if !any {
        bail!("no file matches `{word}`; --list shows the files");
    }
    Ok(())
}

/// A pattern may mean the path with or without the torrent's name, or the file's name alone.
fn matches(pattern: &Pattern, path: &Path) -> bool {
    let options = MatchOptions { case_sensitive: true, ..MatchOptions::default() };
    let mut inner = path.components();
    inner.next();
    let name = path.file_name().map(Path::new);
    [Some(path), Some(inner.as_path()), name]
        .into_iter()
        .flatten()
        .any(|path| pattern.matches_path_with(path, options))
}

#[cfg(test)]
mod tests;
