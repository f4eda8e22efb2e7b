//! Writes the planned torrent, keys in order.

use std::ffi::OsStr;
use std::path::{Components, Path};

use bencode::{DictEncoder, ListEncoder};
use hash::{Sha1Digest, Sha256Digest};

use super::{Plan, PlanOptions, SourceEntry};
use crate::layout::Layout;
use crate::{PieceLayers, Version};

/// What hashing gives.
pub(super) struct Hashes {
    /// Of each piece; none for v2.
    pub(super) v1: Vec<Sha1Digest>,
    /// The root of each file's tree, in the order of the files.
    pub(super) roots: Vec<Option<Sha256Digest>>,
}

/// Zeros in place of all hashes, to learn the size.
pub(super) fn no_hashes(layout: &Layout) -> Hashes {
    let pieces = if layout.version().has_v1() { layout.pieces() as usize } else { 0 };
    Hashes {
        v1: vec![Sha1Digest::default(); pieces],
        roots: layout.files().iter().map(|file| file.root).collect(),
    }
}

/// What an `info` dictionary is written from.
pub(super) struct Draft<'a> {
    pub(super) entries: &'a [SourceEntry],
    pub(super) single_file: bool,
    pub(super) options: &'a PlanOptions,
    pub(super) layout: &'a Layout,
}

/// At least as large as the `info` dictionary of a plan will be, found without writing it.
pub(super) fn at_most(plan: &Plan) -> usize {
    let version = plan.layout.version();
    // An entry beside its names, and what its names take: a component of a byte needs three more
    // for its length, and in the tree three for its dictionary.
    let v1 = if version.has_v1() { (160, 3) } else { (0, 0) };
    let v2 = if version.has_v2() { (120, 4) } else { (0, 0) };
    let (entry, names) = (v1.0 + v2.0, v1.1 + v2.1);
    let long = |path: &Path| names * (1 + path.as_os_str().len());
    let target = |entry: &SourceEntry| entry.symlink.as_deref().map_or(0, long);
    let entries = plan.entries.iter().map(|it| entry + long(&it.path) + target(it));
    let pieces = plan.layout.pieces() as usize * size_of::<Sha1Digest>();
    HEAD_MOST + 2 * plan.options.name.len() + pieces + entries.sum::<usize>()
}

/// More than the keys of the dictionary itself take, and the values of fixed size.
const HEAD_MOST: usize = 256;

/// The `info` dictionary of a plan.
pub(super) fn info(plan: &Plan, hashes: &Hashes) -> Vec<u8> {
    let Plan { entries, single_file, options, layout, .. } = plan;
    draft(&Draft { entries, single_file: *single_file, options, layout }, hashes)
}

/// The `info` dictionary of a draft.
pub(super) fn draft<'a>(draft: &Draft<'a>, hashes: &Hashes) -> Vec<u8> {
    let Draft { entries, single_file, options, layout } = *draft;
    let version = layout.version();
    bencode::encode(|e| {
        e.dict(|d| {
            let single = (single_file && version.has_v1()).then(|| &entries[0]);
            if let Some(attributes) = single.map(attributes).filter(|it| !it.is_empty()) {
                d.bytes("attr", attributes);
            }
            if version.has_v2() {
                // A lone file stands in the tree under the torrent's own name.
                let own = single_file.then(|| Path::new(&options.name));
                let path = |entry: &'a SourceEntry| own.unwrap_or(&entry.path).components();
                let files = entries.iter().zip(&hashes.roots);
                let files: Vec<Node<'_>> = files
                    .filter_map(|(entry, root)| Node::new(path(entry), entry, *root))
                    .collect();
                d.dict("file tree", |d| tree(d, &files));
            }
            match single {
                Some(entry) => d.int("length", entry.length),
                None if version.has_v1() => d.list("files", |l| v1_files(l, entries, layout)),
                None => {}
            }
            if version.has_v2() {
                d.int("meta version", 2);
            }
            d.bytes("name", &options.name);
            d.int("piece length", layout.piece_length());
            if version.has_v1() {
                let pieces: Vec<u8> = hashes.v1.iter().flat_map(|hash| hash.0).collect();
                d.bytes("pieces", pieces);
            }
            if options.private {
                d.int("private", 1);
            }
        });
    })
}

/// The list of BEP 3, with BEP 47's padding where the layout has gaps.
fn v1_files(list: &mut ListEncoder<'_>, entries: &[SourceEntry], layout: &Layout) {
    let mut end = 0;
    for (entry, file) in entries.iter().zip(layout.files()) {
        let gap = file.offset - end;
        if gap > 0 {
            list.item().dict(|d| {
                d.bytes("attr", "p");
                d.int("length", gap);
                d.list("path", |l| write_path(l, [".pad", &gap.to_string()]));
            });
        }
        end = file.offset + file.length;
        list.item().dict(|d| {
            properties(d, entry);
            d.list("path", |l| write_path(l, parts(&entry.path)));
            link(d, entry);
        });
    }
}

/// The letters of BEP 47's `attr`, sorted.
fn attributes(entry: &SourceEntry) -> String {
    let SourceEntry { hidden, executable, .. } = *entry;
    let flags = [('h', hidden), ('l', entry.symlink.is_some()), ('x', executable)];
    flags.into_iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect()
}

fn properties(d: &mut DictEncoder<'_>, entry: &SourceEntry) {
    let letters = attributes(entry);
    if !letters.is_empty() {
        d.bytes("attr", letters);
    }
    d.int("length", entry.length);
}

fn link(d: &mut DictEncoder<'_>, entry: &SourceEntry) {
    if let Some(target) = &entry.symlink {
        d.list("symlink path", |l| write_path(l, parts(target)));
    }
}

/// The components of a checked path.
fn parts(path: &Path) -> impl Iterator<Item = &[u8]> {
    path.iter().map(OsStr::as_encoded_bytes)
}

fn write_path<T: AsRef<[u8]>>(list: &mut ListEncoder<'_>, path: impl IntoIterator<Item = T>) {
    for part in path {
        list.item().bytes(part);
    }
}

/// A file on its way into the tree.
struct Node<'a> {
    /// What it, or the folder that holds it, is called at this level.
    name: &'a OsStr,
    /// Its path below that.
    rest: Components<'a>,
    entry: &'a SourceEntry,
    root: Option<Sha256Digest>,
}

impl<'a> Node<'a> {
    fn new(
        mut path: Components<'a>,
        entry: &'a SourceEntry,
        root: Option<Sha256Digest>,
    ) -> Option<Self> {
        Some(Self { name: path.next()?.as_os_str(), rest: path, entry, root })
    }

    /// The same one level down; `None` for what is a file at this one.
    fn below(&self) -> Option<Self> {
        Self::new(self.rest.clone(), self.entry, self.root)
    }
}

/// One level of BEP 52's `file tree`; `files` are sorted. The depth is that of the paths.
fn tree(d: &mut DictEncoder<'_>, files: &[Node<'_>]) {
    for same in files.chunk_by(|a, b| a.name == b.name) {
        let inner: Vec<Node<'_>> = same.iter().filter_map(Node::below).collect();
        d.dict(same[0].name.as_encoded_bytes(), |d| match &*inner {
            [] => d.dict("", |d| leaf(d, &same[0])),
            inner => tree(d, inner),
        });
    }
}

fn leaf(d: &mut DictEncoder<'_>, file: &Node<'_>) {
    properties(d, file.entry);
    if let Some(root) = file.root {
        d.bytes("pieces root", root.0);
    }
    link(d, file.entry);
}

/// The whole file round an `info` dictionary.
pub(super) fn torrent(
    options: &PlanOptions,
    version: Version,
    info: &[u8],
    layers: &PieceLayers,
) -> Vec<u8> {
    crate::torrent::Outer {
        trackers: &options.trackers,
        comment: options.comment.as_deref(),
        created_by: options.created_by.as_deref(),
        creation_date: options.creation_date,
        info,
        layers: version.has_v2().then_some(layers),
        nodes: &[],
        web_seeds: &options.web_seeds,
        http_seeds: &[],
    }
    .to_bytes()
}
