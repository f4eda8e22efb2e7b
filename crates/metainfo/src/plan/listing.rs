use std::path::{Component, Path};

use super::SourceEntry;
use crate::limits::{MAX_FILES, MAX_PATH_DEPTH};
use crate::names::{self, Rules};
use crate::{Error, Notice};

/// A file or link that will be in the torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it is made of. A link's length is zero.
    pub(super) source: SourceEntry,
    /// Components below the torrent's name; none for a single file.
    pub(super) path: Vec<String>,
    /// Components of a link's target, from the torrent's root (BEP 47).
    pub(super) symlink: Option<Vec<String>>,
}

impl Entry {
    /// The letters of BEP 47's `attr`, sorted.
    pub(super) fn attributes(&self) -> String {
        let SourceEntry { hidden, executable, .. } = self.source;
        let flags = [('h', hidden), ('l', self.symlink.is_some()), ('x', executable)];
        flags.into_iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect()
    }
}

/// Sorts and checks what is to be shared. The order is that of a v2 file tree: by the bytes of
/// one component after the other.
pub(super) fn entries(
    sources: Vec<SourceEntry>,
    name: &str,
    single_file: bool,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Entry>, Error> {
    check_name(name, Path::new(name))?;
    if sources.is_empty() {
        return Err(Error::NothingToShare("there are no files"));
    }
    if sources.len() > MAX_FILES {
        let (size, limit) = (sources.len() as u64, MAX_FILES as u64);
        return Err(Error::TooLarge { what: "the number of files", size, limit });
    }
    let mut known = Vec::with_capacity(sources.len());
    for mut source in sources {
        if source.symlink.is_some() {
            (source.length, source.executable) = (0, false);
        }
        known.push(Entry { path: components(&source.path, single_file)?, source, symlink: None });
    }
    // Stable, for that is quick where much is in order already.
    known.sort_by(|a, b| a.path.cmp(&b.path));
    check_neighbours(&known)?;
    let target = |entry: &Entry| {
        let path = resolve(&entry.path, entry.source.symlink.as_ref()?)?;
        (path != entry.path && exists(&known, &path)).then_some(path)
    };
    let targets: Vec<Option<Vec<String>>> = known.iter().map(target).collect();
    let mut entries = Vec::with_capacity(known.len());
    for (mut entry, target) in known.into_iter().zip(targets) {
        entry.symlink = target;
        if entry.source.symlink.is_some() && entry.symlink.is_none() {
            let reason = "a symbolic link that does not point to something shared with it";
            notices.push(Notice::Skipped { path: entry.source.path, reason });
            continue;
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(Error::NothingToShare("there are only links that point elsewhere"));
    }
    Ok(entries)
}

fn check_name(name: &str, path: &Path) -> Result<(), Error> {
    match names::component(name.as_bytes(), Rules::ORIGINAL).why {
        None => Ok(()),
        Some(why) => Err(Error::Unshareable { path: path.to_owned(), why }),
    }
}

fn components(path: &Path, single_file: bool) -> Result<Vec<String>, Error> {
    let fail = |why| Err(Error::Unshareable { path: path.to_owned(), why });
    let mut parts = Vec::new();
    for component in path.components() {
        let Component::Normal(part) = component else {
            return fail("has no relative path");
        };
        let Some(part) = part.to_str() else {
            return fail("is not valid UTF-8");
        };
        check_name(part, path)?;
        parts.push(part.to_owned());
    }
    if parts.len() >= MAX_PATH_DEPTH {
        return fail("is in too deep a folder");
    }
    if parts.is_empty() && !single_file {
        return fail("has no name");
    }
    Ok(parts)
}

/// No path may be there twice, or lie below another that is a file. In sorted order only neighbours
/// can clash.
fn check_neighbours(known: &[Entry]) -> Result<(), Error> {
    for (file, next) in known.iter().zip(known.iter().skip(1)) {
        if next.path == file.path {
            let (path, why) = (next.source.path.clone(), "is listed twice");
            return Err(Error::Unshareable { path, why });
        }
        if next.path.starts_with(&file.path) {
            let why = "is listed as a file and as a folder";
            return Err(Error::Unshareable { path: file.path.iter().collect(), why });
        }
    }
    Ok(())
}

/// What a link's target means from the shared folder; `None` when it leads out of it or to it.
fn resolve(link: &[String], target: &Path) -> Option<Vec<String>> {
    let mut path = link.split_last()?.1.to_vec();
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part.to_str()?.to_owned()),
            Component::ParentDir => {
                path.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!path.is_empty()).then_some(path)
}

/// Whether there is such a file or folder among those that are `known`, in order.
fn exists(known: &[Entry], path: &[String]) -> bool {
    let at = known.partition_point(|entry| *entry.path < *path);
    known.get(at).is_some_and(|entry| entry.path.starts_with(path))
}
