use std::fs::Metadata;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use metainfo::{Layout, Metainfo, Notice, PieceHashes, Plan, PlanOptions, SourceEntry};
use stdx::{FileIndex, PieceIndex};

use crate::check::PROGRESS_STEP;
use crate::sweep::{on_all_cores, sweep};
use crate::{Error, FileStat, Roots, Storage, StorageOptions};

/// Folders that are worth a thread.
const FOLDERS_LEAST: usize = 8;

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A file could not be read.
    #[error(transparent)]
    Disk(#[from] Error),
    /// What was found cannot be made a torrent of.
    #[error(transparent)]
    Plan(#[from] metainfo::Error),
    /// A file changed while it was hashed.
    #[error("`{}` changed while it was read; try again when nothing writes to it", .0.display())]
    Changed(PathBuf),
    /// What was made is no torrent; a flaw of ours.
    #[error("what was made does not read back")]
    Unreadable(#[source] metainfo::Error),
    /// A device, a pipe or a socket.
    #[error("`{}` is neither a file nor a folder", .0.display())]
    Special(PathBuf),
}

/// A torrent made of files on disk.
#[derive(Debug)]
pub struct Created {
    /// The bytes of the `.torrent` file.
    pub torrent: Vec<u8>,
    /// The same, read back.
    pub metainfo: Metainfo,
    /// What was left out or decided.
    pub notices: Vec<Notice>,
}

/// Walks `path`, a file or folder, and hashes it with `threads` threads (zero: all cores), in one
/// pass also for hybrids. `progress` hears how many bytes of how many are done, on the calling
/// thread, and may break to cancel. The same files give the same bytes.
///
/// Links below `path` are not followed: the plan says what becomes of them. What is neither file,
/// folder nor link is left out with a notice.
///
/// # Errors
/// When something cannot be read, cannot be shared, or changes meanwhile.
pub fn create(
    path: &Path,
    options: PlanOptions,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Created, CreateError> {
    make(walk(path)?, (path, Roots::new()), options, threads, progress)
}

/// The same for several files and folders, which become the entries of one folder, whatever its
/// name. A link from one of them to another is kept only where all stand side by side.
///
/// # Errors
/// As [`create`].
pub fn create_several(
    roots: &Roots,
    options: PlanOptions,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Created, CreateError> {
    make(walk_all(roots)?, (Path::new(""), roots.clone()), options, threads, progress)
}

/// What a walk found, and what it left out.
type Walked = (Vec<SourceEntry>, Vec<Notice>);

fn make(
    (entries, mut notices): Walked,
    (path, roots): (&Path, Roots),
    options: PlanOptions,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Created, CreateError> {
    let plan = Plan::new(entries, options)?;
    notices.extend(plan.notices().iter().cloned());
    let layout = plan.layout();
    let files = (0..layout.files().len() as u32).map(FileIndex);
    let sources: Vec<&SourceEntry> = files.filter_map(|file| plan.source(file)).collect();
    let options = StorageOptions {
        read_only: true,
        path_is_content: true,
        looked_at: true,
        ..StorageOptions::default()
    };
    let storage = Storage::new(Arc::clone(layout), path, None, options).with_roots(roots);
    let hashes = hash(&storage, layout, threads, progress)?;
    let (torrent, metainfo) = std::thread::scope(|scope| {
        let unchanged = scope.spawn(|| check_unchanged(&storage, &sources));
        let torrent = plan.finish(&hashes);
        let metainfo = Metainfo::parse(&torrent);
        unchanged.join().expect("nothing panics").map(|()| (torrent, metainfo))
    })?;
    drop(sources);
    // With many files, freeing what is known of them takes a twentieth of the whole; nobody waits.
    std::thread::spawn(move || drop((plan, storage)));
    let metainfo = metainfo.map_err(CreateError::Unreadable)?;
    Ok(Created { torrent, metainfo, notices })
}

fn hash(
    storage: &Storage,
    layout: &Layout,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Vec<PieceHashes>, CreateError> {
    let pieces: Vec<PieceIndex> = (0..layout.pieces()).map(PieceIndex).collect();
    let mut hashes = vec![PieceHashes::default(); pieces.len()];
    let mut failed = None;
    let (mut done, mut told, total) = (0, 0, layout.content_length());
    let swept = sweep(storage, &pieces, threads, &mut |swept| {
        match swept.digests {
            Ok(found) => {
                let hashes = &mut hashes[swept.piece.get()];
                *hashes = PieceHashes { v1: found.sha1, v2: found.root };
            }
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        done += u64::from(layout.payload_bytes(swept.piece));
        if done - told < PROGRESS_STEP && done < total {
            return ControlFlow::Continue(());
        }
        told = done;
        progress(done, total)
    });
    match failed {
        Some(Error::Short { path }) => Err(CreateError::Changed(path)),
        Some(error) => Err(error.into()),
        None => Ok(swept.map(|()| hashes)?),
    }
}

/// Fails on the first file that is not as it was found.
fn check_unchanged(storage: &Storage, sources: &[&SourceEntry]) -> Result<(), CreateError> {
    let now = storage.stat();
    let changed = |(source, now): (&&SourceEntry, Option<FileStat>)| {
        let before = FileStat { size: source.length, mtime: source.modified };
        source.symlink.is_none() && now != Some(before)
    };
    match sources.iter().zip(now).position(changed) {
        Some(file) => Err(CreateError::Changed(storage.file_path(FileIndex(file as u32)))),
        None => Ok(()),
    }
}

/// What is in one folder.
#[derive(Default)]
struct Listed {
    /// Files and links.
    entries: Vec<SourceEntry>,
    folders: Vec<PathBuf>,
    /// What cannot be shared.
    special: Vec<PathBuf>,
}

/// Everything below `path`, which may be a link itself; folders of one depth at a time, on all
/// cores.
fn walk(path: &Path) -> Result<Walked, CreateError> {
    let meta = path.metadata().map_err(|error| Error::io("read", path, error))?;
    if meta.is_file() {
        return Ok((vec![entry(PathBuf::new(), &meta)], Vec::new()));
    }
    if !meta.is_dir() {
        return Err(CreateError::Special(path.to_owned()));
    }
    let mut found = Listed { folders: vec![PathBuf::new()], ..Listed::default() };
    while !found.folders.is_empty() {
        let folders = std::mem::take(&mut found.folders);
        for listed in on_all_cores(&folders, FOLDERS_LEAST, |folder| list(path, folder)) {
            let listed = listed?;
            found.entries.extend(listed.entries);
            found.folders.extend(listed.folders);
            found.special.extend(listed.special);
        }
    }
    found.special.sort();
    let reason = "not a regular file";
    let notices = found.special.into_iter().map(|path| Notice::Skipped { path, reason });
    Ok((found.entries, notices.collect()))
}

fn list(path: &Path, folder: &Path) -> Result<Listed, Error> {
    let full = path.join(folder);
    let failed = |error| Error::io("read the folder", &full, error);
    let mut listed = Listed::default();
    for found in full.read_dir().map_err(failed)? {
        let found = found.map_err(failed)?;
        let relative = folder.join(found.file_name());
        let failed = |error| Error::io("read", &path.join(&relative), error);
        let meta = found.metadata().map_err(failed)?;
        if meta.is_dir() {
            listed.folders.push(relative);
        } else if meta.is_symlink() {
            let symlink = Some(found.path().read_link().map_err(failed)?);
            listed.entries.push(SourceEntry { path: relative, symlink, ..Default::default() });
        } else if meta.is_file() {
            listed.entries.push(entry(relative, &meta));
        } else {
            listed.special.push(relative);
        }
    }
    // The plan sorts them all, which is sooner done when parts of it are in order.
    listed.entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    listed.folders.sort();
    Ok(listed)
}

/// Everything below several paths, each under its name.
fn walk_all(roots: &Roots) -> Result<Walked, CreateError> {
    let (mut entries, mut notices) = (Vec::new(), Vec::new());
    let mut parents = roots.values().map(|root| root.parent());
    let first = parents.next();
    let side_by_side = parents.all(|parent| Some(parent) == first);
    for (name, root) in roots {
        let below = |path: &Path| -> PathBuf { Path::new(name).iter().chain(path).collect() };
        let (found, left_out) = walk(root)?;
        for mut entry in found {
            let leaves = entry.symlink.as_deref().is_some_and(|to| leaves(&entry.path, to));
            entry.path = below(&entry.path);
            if leaves && !side_by_side {
                let reason = "a symbolic link that points out of what is shared";
                notices.push(Notice::Skipped { path: entry.path, reason });
            } else {
                entries.push(entry);
            }
        }
        notices.extend(left_out.into_iter().map(|notice| match notice {
            Notice::Skipped { path, reason } => Notice::Skipped { path: below(&path), reason },
            other => other,
        }));
    }
    Ok((entries, notices))
}

/// True when a link at `path` points out of the folder that `path` is relative to.
fn leaves(path: &Path, target: &Path) -> bool {
    let folder = path.parent().into_iter().flat_map(Path::components);
    let mut depth = 0_usize;
    for component in folder.chain(target.components()) {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

fn entry(path: PathBuf, meta: &Metadata) -> SourceEntry {
    let executable = meta.permissions().mode() & 0o100 != 0;
    let FileStat { size: length, mtime: modified } = FileStat::of(meta);
    SourceEntry { path, length, executable, modified, ..SourceEntry::default() }
}
