use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::SourceEntry;
use crate::limits::{MAX_FILES, MAX_PATH_DEPTH};
use crate::names::{self, Rules};
use crate::{Error, Notice};

/// A file or link that will be in the torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where to read it.
    pub(super) source: PathBuf,
    /// Components below the torrent's name; none for a single file.
    pub(super) path: Vec<String>,
    pub(super) length: u64,
    pub(super) executable: bool,
    pub(super) hidden: bool,
    /// Components of a link's target, from the torrent's root (BEP 47).
    pub(super) symlink: Option<Vec<String>>,
}

impl Entry {
    /// The letters of BEP 47's `attr`, sorted.
    pub(super) fn attributes(&self) -> String {
        let flags = [('h', self.hidden), ('l', self.symlink.is_some()), ('x', self.executable)];
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
    let mut known = BTreeMap::new();
    for source in sources {
        let path = components(&source.path, single_file)?;
        let target = source.symlink.clone();
        let entry = Entry {
            path: path.clone(),
            length: if target.is_some() { 0 } else { source.length },
            executable: source.executable && target.is_none(),
            hidden: source.hidden,
            symlink: None,
            source: source.path.clone(),
        };
        if known.insert(path, (entry, target)).is_some() {
            return Err(Error::Unshareable { path: source.path, why: "is listed twice" });
        }
    }
    check_folders(&known)?;
    let paths: Vec<Vec<String>> = known.keys().cloned().collect();
    let mut entries = Vec::with_capacity(known.len());
    for (mut entry, target) in known.into_values() {
        if let Some(target) = target {
            match resolve(&entry.path, &target).filter(|path| exists(&paths, path)) {
                Some(path) if path != entry.path => entry.symlink = Some(path),
                _ => {
                    let reason = "a symbolic link that does not point to something shared with it";
                    notices.push(Notice::Skipped { path: entry.source, reason });
                    continue;
                }
            }
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

/// No path may lie below another that is a file. In sorted order only neighbours can clash.
fn check_folders<T>(known: &BTreeMap<Vec<String>, T>) -> Result<(), Error> {
    for (file, next) in known.keys().zip(known.keys().skip(1)) {
        if next.starts_with(file) {
            let why = "is listed as a file and as a folder";
            return Err(Error::Unshareable { path: file.iter().collect(), why });
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

/// Whether there is such a file or folder in the sorted `paths`.
fn exists(paths: &[Vec<String>], path: &[String]) -> bool {
    let at = paths.partition_point(|known| **known < *path);
    paths.get(at).is_some_and(|known| known.starts_with(path))
}
