//! What `share` is given: one path, or several that become the entries of one folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use anyhow::bail;

use disk::Roots;
use metainfo::FileEntry;

use crate::making::{name_of, real_path};
use crate::output::Output;

/// Bytes in a file name that every system takes.
const NAME_MAX: usize = 255;

/// What is shared.
#[derive(Debug)]
pub(super) struct Paths {
    /// The content itself, or the nearest folder that has all of it below.
    pub(super) content: PathBuf,
    pub(super) name: String,
    /// The entries of the folder that several paths become, by name; empty for a single path.
    pub(super) roots: Roots,
}

impl Paths {
    /// Looks at the paths as typed. A link stands for what it points to, and names may be relative;
    /// the order does not matter.
    ///
    /// # Errors
    /// When one is not there, or two cannot be entries of one folder.
    pub(super) fn read(
        typed: &[PathBuf],
        name: Option<&str>,
        output: &Output,
    ) -> anyhow::Result<Self> {
        let found = find(typed, output)?;
        if let [(real, typed)] = &*found {
            let name = match name {
                Some(name) => name.to_owned(),
                None => name_of(real, typed)?,
            };
            return Ok(Self { content: real.clone(), name, roots: Roots::new() });
        }
        let roots = gather(&found)?;
        let name = name.map_or_else(|| default_name(&roots, output), str::to_owned);
        Ok(Self { content: common(&roots), name, roots })
    }

    /// Where a file of the content is.
    pub(super) fn place(&self, file: &FileEntry) -> PathBuf {
        let mut below = file.path.components().skip(1);
        let first = below.next();
        match first.and_then(|first| self.roots.get(first.as_os_str())) {
            // An empty path at the end would be a separator.
            Some(root) => root.iter().chain(below.map(Component::as_os_str)).collect(),
            None => file.path_in(&self.content),
        }
    }

    /// What is read: one path, or several in the order of their names.
    pub(super) fn all(&self) -> Vec<&Path> {
        if self.roots.is_empty() {
            return vec![&self.content];
        }
        self.roots.values().map(PathBuf::as_path).collect()
    }
}

/// The real paths in their order, each with how it was typed; none twice, none below another.
fn find(typed: &[PathBuf], output: &Output) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = BTreeMap::new();
    for path in typed {
        let real = real_path(path)?;
        if let Some(before) = found.insert(real, path.clone()) {
            let again =
                if before == *path { String::new() } else { format!(", as `{}`", path.display()) };
            output.notice(format!("`{}` is given twice{again}; shared once", before.display()));
        }
    }
    // A folder stands right before all that is below it.
    for ((above, outer), (below, inner)) in found.iter().zip(found.iter().skip(1)) {
        if below.starts_with(above) {
            let (outer, inner) = (outer.display(), inner.display());
            bail!("`{inner}` is inside `{outer}`, which is shared whole; leave one of them out");
        }
    }
    Ok(found.into_iter().collect())
}

/// Names the entries.
fn gather(found: &[(PathBuf, PathBuf)]) -> anyhow::Result<Roots> {
    let mut named: BTreeMap<OsString, &(PathBuf, PathBuf)> = BTreeMap::new();
    for pair in found {
        let (real, typed) = pair;
        let name = name_of(real, typed)?;
        if let Some((_, other)) = named.insert(OsString::from(&name), pair) {
            let (one, two) = (other.display(), typed.display());
            bail!("`{one}` and `{two}` are both called `{name}`; share them apart, or rename one");
        }
    }
    Ok(named.into_iter().map(|(name, (real, _))| (name, real.clone())).collect())
}

/// What the content is called when nobody says. Only the entries' names go into it, so that it is
/// the same wherever they are.
fn default_name(roots: &Roots, output: &Output) -> String {
    let mut names = roots.keys().map(|name| name.to_string_lossy());
    let first = names.next().unwrap_or_default();
    let name = match (names.next(), names.count()) {
        (Some(second), 0) => format!("{first} and {second}"),
        (_, others) => format!("{first} and {} more", others + 1),
    };
    let name = if name.len() <= NAME_MAX { name } else { format!("{} things", roots.len()) };
    output.notice(format!("the content is called `{name}`; --name gives another"));
    name
}

fn common(roots: &Roots) -> PathBuf {
    let mut all = roots.values();
    let first = all.next().map_or(Path::new("/"), PathBuf::as_path);
    let holds = |folder: &&Path| roots.values().all(|root| root.starts_with(folder));
    first.ancestors().find(holds).unwrap_or(Path::new("/")).to_owned()
}
