//! Writes the planned torrent, keys in order.

use bencode::{DictEncoder, ListEncoder};
use hash::{Sha1Digest, Sha256Digest};

use super::listing::Entry;
use super::{Plan, PlanOptions};
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
    pub(super) entries: &'a [Entry],
    pub(super) single_file: bool,
    pub(super) options: &'a PlanOptions,
    pub(super) layout: &'a Layout,
}

/// The `info` dictionary of a plan.
pub(super) fn info(plan: &Plan, hashes: &Hashes) -> Vec<u8> {
    let Plan { entries, single_file, options, layout, .. } = plan;
    draft(&Draft { entries, single_file: *single_file, options, layout }, hashes)
}

/// The `info` dictionary of a draft.
pub(super) fn draft(draft: &Draft<'_>, hashes: &Hashes) -> Vec<u8> {
    let Draft { entries, single_file, options, layout } = *draft;
    let version = layout.version();
    bencode::encode(|e| {
        e.dict(|d| {
            let single = (single_file && version.has_v1()).then(|| &entries[0]);
            if let Some(attributes) = single.map(Entry::attributes).filter(|it| !it.is_empty()) {
                d.bytes("attr", attributes);
            }
            if version.has_v2() {
                // A lone file stands in the tree under the torrent's own name.
                let own = [options.name.clone()];
                let files: Vec<Node<'_>> = entries
                    .iter()
                    .zip(&hashes.roots)
                    .map(|(entry, root)| {
                        let path = if single_file { &own[..] } else { &entry.path };
                        Node { path, entry, root: *root }
                    })
                    .collect();
                d.dict("file tree", |d| tree(d, &files));
            }
            match single {
                Some(entry) => d.int("length", entry.source.length),
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
fn v1_files(list: &mut ListEncoder<'_>, entries: &[Entry], layout: &Layout) {
    let mut end = 0;
    for (entry, file) in entries.iter().zip(layout.files()) {
        let gap = file.offset - end;
        if gap > 0 {
            list.item().dict(|d| {
                d.bytes("attr", "p");
                d.int("length", gap);
                d.list("path", |l| write_path(l, &[".pad".into(), gap.to_string()]));
            });
        }
        end = file.offset + file.length;
        list.item().dict(|d| {
            attributes(d, entry);
            d.list("path", |l| write_path(l, &entry.path));
            link(d, entry);
        });
    }
}

fn attributes(d: &mut DictEncoder<'_>, entry: &Entry) {
    let letters = entry.attributes();
    if !letters.is_empty() {
        d.bytes("attr", letters);
    }
    d.int("length", entry.source.length);
}

fn link(d: &mut DictEncoder<'_>, entry: &Entry) {
    if let Some(target) = &entry.symlink {
        d.list("symlink path", |l| write_path(l, target));
    }
}

fn write_path(list: &mut ListEncoder<'_>, path: &[String]) {
    for part in path {
        list.item().bytes(part);
    }
}

/// A file on its way into the tree.
struct Node<'a> {
    /// What is left of its path at this level.
    path: &'a [String],
    entry: &'a Entry,
    root: Option<Sha256Digest>,
}

/// One level of BEP 52's `file tree`; `files` are sorted. The depth is that of the paths.
fn tree(d: &mut DictEncoder<'_>, files: &[Node<'_>]) {
    for same in files.chunk_by(|a, b| a.path[0] == b.path[0]) {
        let name = &same[0].path[0];
        let inner: Vec<Node<'_>> =
            same.iter().map(|node| Node { path: &node.path[1..], ..*node }).collect();
        d.dict(name, |d| match &*inner {
            [Node { path: [], entry, root }] => d.dict("", |d| {
                attributes(d, entry);
                if let Some(root) = root {
                    d.bytes("pieces root", root.0);
                }
                link(d, entry);
            }),
            _ => tree(d, &inner),
        });
    }
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
