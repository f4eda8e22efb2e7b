//! Symbolic links of a torrent (BEP 47): what to write into each, and which lead nowhere.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{Build, meaningful, printable};
use crate::Notice;
use crate::layout::Item;
use crate::notice::NameNotices;

/// Most links that a link may lead through, as systems have it.
const MAX_LINKS: usize = 40;

/// What a torrent calls its files and links, sorted: any file below a folder finds the folder.
type Known<'a> = BTreeMap<Vec<&'a [u8]>, Entry<'a>>;

struct Entry<'a> {
    path: PathBuf,
    /// Of a link, its target.
    target: Option<Vec<&'a [u8]>>,
}

/// Gives every link what to write into it, and takes out those that lead nowhere inside.
pub(super) fn settle(listed: &Build<'_>, items: &mut Vec<Item>, notices: &mut NameNotices) {
    let mut known: Known<'_> = BTreeMap::new();
    for (file, item) in listed.files.iter().zip(&*items) {
        if let Item::File(entry) = item {
            let target = file.symlink.as_ref().map(|target| meaningful(target));
            known
                .entry(meaningful(&file.path))
                .or_insert_with(|| Entry { path: entry.path.clone(), target });
        }
    }
    let mut raw = listed.files.iter();
    items.retain_mut(|item| {
        let file = raw.next().expect("an item was made of each file");
        let (Item::File(entry), Some(target)) = (item, &file.symlink) else {
            return true;
        };
        let found = find(&known, meaningful(target));
        match found.and_then(|found| relative(&entry.path, &found).ok_or(LOOP)) {
            Ok(path) => entry.symlink = Some(path),
            Err(why) => notices.add(|| {
                let target = printable(target.iter().copied());
                Notice::LinkDropped { path: entry.path.clone(), target, why }
            }),
        }
        entry.symlink.is_some()
    });
}

const LOOP: &str = "leads back to itself";

/// The path of the file or folder that a link's target names, when that or what it links to in
/// turn is there.
fn find(known: &Known<'_>, target: Vec<&[u8]>) -> Result<PathBuf, &'static str> {
    let mut first = None;
    let mut target = target;
    for _ in 0..MAX_LINKS {
        let (path, next) = look_up(known, &target).ok_or("is not in the torrent")?;
        let first = first.get_or_insert(path);
        match next {
            Some(next) => target = next,
            None => return Ok(first.clone()),
        }
    }
    Err(LOOP)
}

fn look_up<'a>(known: &Known<'a>, target: &[&'a [u8]]) -> Option<(PathBuf, Option<Vec<&'a [u8]>>)> {
    if target.is_empty() {
        return None;
    }
    let (path, found) = known.range(target.to_vec()..).next()?;
    if path == target {
        return Some((found.path.clone(), found.target.clone()));
    }
    // One component more: the torrent's name.
    path.starts_with(target).then(|| (found.path.iter().take(target.len() + 1).collect(), None))
}

/// `target` as seen from the folder of `link`; both start with the torrent's name, so the way up
/// never leaves it. `None` for a link to itself.
pub(crate) fn relative(link: &Path, target: &Path) -> Option<PathBuf> {
    if link == target {
        return None;
    }
    let folder: Vec<Component<'_>> = link.parent()?.components().collect();
    let target: Vec<Component<'_>> = target.components().collect();
    let common = folder.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(Component::ParentDir, folder.len() - common);
    let path: PathBuf = up.chain(target[common..].iter().copied()).collect();
    Some(if path.as_os_str().is_empty() { ".".into() } else { path })
}
