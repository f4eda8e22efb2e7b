use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

use super::SourceEntry;
use crate::limits::{MAX_FILES, MAX_PATH_DEPTH};
use crate::names::{self, Rules};
use crate::{Error, Notice};

/// Sorts and checks what is to be shared, and resolves links: each says where it leads, from the
/// torrent's root (BEP 47). The order is that of a v2 file tree: by the bytes of one component
/// after the other.
pub(super) fn entries(
    mut sources: Vec<SourceEntry>,
    name: &str,
    single_file: bool,
    notices: &mut Vec<Notice>,
) -> Result<Vec<SourceEntry>, Error> {
    check_name(name, Path::new(name))?;
    if sources.is_empty() {
        return Err(Error::NothingToShare("there are no files"));
    }
    if sources.len() > MAX_FILES {
        let (size, limit) = (sources.len() as u64, MAX_FILES as u64);
        return Err(Error::TooLarge { what: "the number of files", size, limit });
    }
    for source in &mut sources {
        if source.symlink.is_some() {
            (source.length, source.executable) = (0, false);
        }
        check_path(&source.path, single_file)?;
    }
    // Stable, for that is quick where much is in order already.
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    check_neighbours(&sources)?;
    if sources.iter().any(|source| source.symlink.is_some()) {
        settle_links(&mut sources, notices);
    }
    if sources.is_empty() {
        return Err(Error::NothingToShare("there are only links that point elsewhere"));
    }
    Ok(sources)
}

/// Resolves the links, and takes out those that lead nowhere.
fn settle_links(entries: &mut Vec<SourceEntry>, notices: &mut Vec<Notice>) {
    let target = |entry: &SourceEntry| {
        let path = resolve(&entry.path, entry.symlink.as_ref()?)?;
        (path != entry.path && exists(entries, &path)).then_some(path)
    };
    let mut targets: VecDeque<Option<PathBuf>> = entries.iter().map(target).collect();
    entries.retain_mut(|entry| {
        let was_link = entry.symlink.is_some();
        entry.symlink = targets.pop_front().flatten();
        let leads_nowhere = was_link && entry.symlink.is_none();
        if leads_nowhere {
            let reason = "a symbolic link that does not point to something shared with it";
            notices.push(Notice::Skipped { path: entry.path.clone(), reason });
        }
        !leads_nowhere
    });
}

fn check_name(name: &str, path: &Path) -> Result<(), Error> {
    match names::component(name.as_bytes(), Rules::ORIGINAL).why {
        None => Ok(()),
        Some(why) => Err(Error::Unshareable { path: path.to_owned(), why }),
    }
}

fn check_path(path: &Path, single_file: bool) -> Result<(), Error> {
    let fail = |why| Err(Error::Unshareable { path: path.to_owned(), why });
    let mut depth = 0;
    for component in path.components() {
        let Component::Normal(part) = component else {
            return fail("has no relative path");
        };
        let Some(part) = part.to_str() else {
            return fail("is not valid UTF-8");
        };
        check_name(part, path)?;
        depth += 1;
    }
    if depth >= MAX_PATH_DEPTH {
        return fail("is in too deep a folder");
    }
    if depth == 0 && !single_file {
        return fail("has no name");
    }
    Ok(())
}

/// No path may be there twice, or lie below another that is a file. In sorted order only neighbours
/// can clash.
fn check_neighbours(known: &[SourceEntry]) -> Result<(), Error> {
    for (file, next) in known.iter().zip(known.iter().skip(1)) {
        if next.path.starts_with(&file.path) {
            let twice = next.path == file.path;
            let why = if twice { "is listed twice" } else { "is listed as a file and as a folder" };
            return Err(Error::Unshareable { path: file.path.clone(), why });
        }
    }
    Ok(())
}

/// What a link's target means from the shared folder; `None` when it leads out of it or to it.
fn resolve(link: &Path, target: &Path) -> Option<PathBuf> {
    let mut path = link.parent()?.to_owned();
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part.to_str()?),
            Component::ParentDir if path.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Whether there is such a file or folder among those that are `known`, in order.
fn exists(known: &[SourceEntry], path: &Path) -> bool {
    let at = known.partition_point(|entry| *entry.path < *path);
    known.get(at).is_some_and(|entry| entry.path.starts_with(path))
}
