use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use bencode::{Dict, List, Value};
use hash::Sha256Digest;

use crate::layout::{FileEntry, Item};
use crate::limits::{MAX_FILES, MAX_PATH_COMPONENTS, MAX_PATH_DEPTH, MAX_PATHS_SIZE};
use crate::names::{self, Paths, Rules};
use crate::notice::NameNotices;
use crate::text::one_line;
use crate::{Error, Notice};

pub(crate) use links::relative;

mod links;

/// A file as a torrent lists it, nothing made safe yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawFile<'a> {
    /// Without the torrent's name; empty for the file of a single-file torrent.
    pub(super) path: Vec<&'a [u8]>,
    pub(super) length: u64,
    pub(super) root: Option<Sha256Digest>,
    pub(super) padding: bool,
    pub(super) executable: bool,
    pub(super) hidden: bool,
    pub(super) symlink: Option<Vec<&'a [u8]>>,
}

/// All files of a torrent, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build<'a> {
    pub(super) files: Vec<RawFile<'a>>,
    pub(super) single_file: bool,
}

/// A path from a torrent, for messages: readable, and not longer than a screen line or two.
pub(super) fn printable<'a>(path: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for part in path {
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(&one_line(part));
        if text.len() > 200 {
            text.truncate(text.floor_char_boundary(200));
            text.push('…');
            break;
        }
    }
    text
}

/// As [`printable`], for errors; costs nothing before one is made.
struct Quoted<'a>(&'a [&'a [u8]]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("without a name"),
            path => write!(f, "`{}`", printable(path.iter().copied())),
        }
    }
}

fn fail<T>(file: &impl ToString, why: &'static str) -> Result<T, Error> {
    Err(Error::File { file: file.to_string(), why })
}

/// Reads `length` or `files` (BEP 3) with their attributes (BEP 47).
pub(super) fn list_v1<'a>(info: Dict<'a>, files: Option<Value<'a>>) -> Result<Build<'a>, Error> {
    let Some(files) = files else {
        if info.get("length").is_none() {
            return Err(Error::Missing("length"));
        }
        let file = Properties::of(info).file(&0)?;
        if file.padding || file.symlink.is_some() {
            return fail(&0, "the only file is padding or a link");
        }
        return Ok(Build { files: vec![file], single_file: true });
    };
    let Some(list) = files.as_list() else {
        return Err(Error::Invalid { key: "files", why: "it must be a list" });
    };
    // Counted first: what is too much must not cost memory.
    let count = list.into_iter().count();
    check_count(count.saturating_sub(1), 0)?;
    let mut files = Vec::with_capacity(count);
    for (at, entry) in list.into_iter().enumerate() {
        let Some(entry) = entry.as_dict() else {
            return fail(&at, "the entry is no dictionary");
        };
        let properties = Properties::of(entry);
        let mut file = properties.file(&at)?;
        file.path = match properties.path() {
            Some(path) => components(path, &at)?,
            None if file.padding => Vec::new(),
            None => return fail(&at, "it has no path"),
        };
        files.push(file);
    }
    Ok(Build { files, single_file: false })
}

fn check_count(files: usize, components: usize) -> Result<(), Error> {
    let fail = |what, size: usize, limit: usize| {
        Err(Error::TooLarge { what, size: size as u64, limit: limit as u64 })
    };
    if files >= MAX_FILES {
        return fail("the number of files", files + 1, MAX_FILES);
    }
    if components > MAX_PATH_COMPONENTS {
        return fail("the number of folders in all paths", components, MAX_PATH_COMPONENTS);
    }
    Ok(())
}

/// What an entry says of its file, in v1 and v2 alike.
struct Properties<'a> {
    attr: Option<Value<'a>>,
    length: Option<Value<'a>>,
    path: Option<Value<'a>>,
    path_utf8: Option<Value<'a>>,
    root: Option<Value<'a>>,
    target: Option<Value<'a>>,
}

impl<'a> Properties<'a> {
    fn of(entry: Dict<'a>) -> Self {
        let [attr, length, path, path_utf8, root, target] =
            entry.pick(["attr", "length", "path", "path.utf-8", "pieces root", "symlink path"]);
        Self { attr, length, path, path_utf8, root, target }
    }

    /// The file, but for its path and root.
    fn file(&self, at: &impl ToString) -> Result<RawFile<'a>, Error> {
        let flags = self.attr.and_then(Value::as_bytes).unwrap_or_default();
        let mut file = RawFile {
            padding: flags.contains(&b'p'),
            executable: flags.contains(&b'x'),
            hidden: flags.contains(&b'h'),
            ..RawFile::default()
        };
        let link = flags.contains(&b'l') && !file.padding;
        file.length = match self.length.map(Value::as_uint) {
            Some(Some(length)) => length,
            Some(None) => return fail(at, "its length is not a size"),
            // BEP 47: a link need not say that it is empty.
            None if link => 0,
            None => return fail(at, "it has no length"),
        };
        if link {
            if file.length != 0 {
                return fail(at, "a link cannot have a length");
            }
            let target = self.target.and_then(Value::as_list);
            file.symlink = Some(target.map_or(Ok(Vec::new()), |path| components(path, at))?);
        }
        Ok(file)
    }

    /// The path as v1 has it; some makers put it there in two encodings.
    fn path(&self) -> Option<List<'a>> {
        let list = |value: Option<Value<'a>>| value.and_then(Value::as_list);
        list(self.path_utf8).or_else(|| list(self.path))
    }
}

fn components<'a>(path: List<'a>, at: &impl ToString) -> Result<Vec<&'a [u8]>, Error> {
    let mut parts = Vec::new();
    for part in path {
        let Some(part) = part.as_bytes() else {
            return fail(at, "its path is not made of strings");
        };
        if parts.len() == MAX_PATH_DEPTH {
            return fail(at, "its path is too deep");
        }
        parts.push(part);
    }
    Ok(parts)
}

/// Reads `file tree` (BEP 52).
pub(super) fn list_v2<'a>(tree: Option<Value<'a>>, name: &[u8]) -> Result<Build<'a>, Error> {
    let tree = match tree {
        None => return Err(Error::Missing("file tree")),
        Some(tree) => tree.as_dict(),
    };
    let Some(tree) = tree else {
        return Err(Error::Invalid { key: "file tree", why: "it must be a dictionary" });
    };
    let mut files = Vec::new();
    walk(tree, &mut Vec::new(), &mut files, &mut 0)?;
    // A lone file with the torrent's own name is the content itself, as with v1's `length`.
    let single_file = matches!(&*files, [only] if *only.path == [name] && only.symlink.is_none());
    if single_file {
        files[0].path.clear();
    }
    Ok(Build { files, single_file })
}

/// Collects the files of a folder. The depth is bounded by the decoder's limit.
fn walk<'a>(
    folder: Dict<'a>,
    path: &mut Vec<&'a [u8]>,
    files: &mut Vec<RawFile<'a>>,
    components: &mut usize,
) -> Result<(), Error> {
    for (name, node) in folder {
        if name.is_empty() {
            return fail(&Quoted(path), "it is a file and a folder at once");
        }
        path.push(name);
        let Some(node) = node.as_dict() else {
            return fail(&Quoted(path), "its entry is no dictionary");
        };
        // The empty key sorts first, so that a look at the first entry is enough.
        match node.iter().next() {
            Some((b"", entry)) => {
                if node.iter().nth(1).is_some() {
                    return fail(&Quoted(path), "it is a file and a folder at once");
                }
                *components += path.len();
                check_count(files.len(), *components)?;
                files.push(leaf(entry, path)?);
            }
            _ => walk(node, path, files, components)?,
        }
        path.pop();
    }
    Ok(())
}

fn leaf<'a>(entry: Value<'a>, path: &[&'a [u8]]) -> Result<RawFile<'a>, Error> {
    let shown = Quoted(path);
    let Some(entry) = entry.as_dict() else {
        return fail(&shown, "its properties are no dictionary");
    };
    let properties = Properties::of(entry);
    let mut file = RawFile { path: path.to_vec(), ..properties.file(&shown)? };
    if file.padding {
        return fail(&shown, "a v2 file tree cannot hold padding");
    }
    if file.length > 0 {
        let root = properties.root.and_then(Value::as_bytes);
        file.root = match root.map(Sha256Digest::from_slice) {
            Some(Some(root)) => Some(root),
            Some(None) => return fail(&shown, "its pieces root is not 32 bytes long"),
            None => return fail(&shown, "it has no pieces root"),
        };
    }
    Ok(file)
}

/// Makes all paths safe and unique, and settles links.
pub(super) fn build(
    name: &str,
    listed: &Build<'_>,
    rules: Rules,
    notices: &mut NameNotices,
) -> Result<Vec<Item>, Error> {
    let mut paths = Paths::new(rules);
    let mut size = 0;
    let mut items = Vec::with_capacity(listed.files.len());
    for file in &listed.files {
        if file.padding {
            items.push(Item::Padding(file.length));
            continue;
        }
        let path = place(name, file, listed.single_file, rules, &mut paths, notices);
        size += path.as_os_str().len();
        if size > MAX_PATHS_SIZE {
            let (size, limit) = (size as u64, MAX_PATHS_SIZE as u64);
            return Err(Error::TooLarge { what: "the size of all paths", size, limit });
        }
        items.push(Item::File(FileEntry {
            path,
            length: file.length,
            offset: 0,
            listed: 0,
            root: file.root,
            executable: file.executable,
            hidden: file.hidden,
            symlink: None,
        }));
    }
    if listed.files.iter().any(|file| file.symlink.is_some()) {
        links::settle(listed, &mut items, notices);
    }
    Ok(items)
}

/// The components that count: a path through "here" or "nothing" is the path without it.
fn meaningful<'a>(path: &[&'a [u8]]) -> Vec<&'a [u8]> {
    path.iter().copied().filter(|part| !part.is_empty() && *part != b".").collect()
}

fn place(
    name: &str,
    file: &RawFile<'_>,
    single_file: bool,
    rules: Rules,
    paths: &mut Paths,
    notices: &mut NameNotices,
) -> PathBuf {
    let mut parts = vec![Cow::Borrowed(name)];
    let mut why = None;
    for part in &file.path {
        let safe = names::component(part, rules);
        why = why.or(safe.why);
        if !safe.name.is_empty() {
            parts.push(safe.name);
        }
    }
    if parts.len() == 1 && !single_file {
        why = why.or(Some("has no name"));
        parts.push("_".into());
    }
    if names::fit(&mut parts) {
        why = why.or(Some("is too long"));
    }
    let given = paths.take(&parts);
    if let Some(why) = why.or(given.why) {
        let path = std::iter::once(name.as_bytes()).chain(file.path.iter().copied());
        notices.add(|| Notice::Renamed { from: printable(path), to: given.path.clone(), why });
    }
    given.path
}
