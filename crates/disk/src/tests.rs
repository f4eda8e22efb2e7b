//! On real temporary folders.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use metainfo::{Metainfo, PlanOptions, Version};
use stdx::Rng;
use tempfile::TempDir;

use crate::{Judge, Storage, StorageOptions, create};

mod cataloguing;
mod changing;
mod checking;
mod continuing;
mod creating;
mod pipeline;
mod power;
mod resuming;
mod storing;

const FORMATS: [Version; 3] = [Version::V1, Version::V2, Version::Hybrid];
const PIECE: u64 = 32 << 10;

/// A folder `tree` with files of awkward sizes and names.
fn tree(seed: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(seed);
    let files = [
        ("a.bin", 200_001),
        ("b/empty", 0),
        ("b/c/d/e/f/deep.bin", 32_768),
        ("grüße/日本.bin", 40_000),
        ("z.bin", 7),
        ("zz.bin", 100_000),
    ];
    for (name, size) in files {
        let path = dir.path().join("tree").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = vec![0; size];
        rng.fill(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
    dir
}

fn options(format: Version) -> PlanOptions {
    PlanOptions {
        name: "tree".to_owned(),
        format: Some(format),
        piece_length: Some(PIECE),
        ..PlanOptions::default()
    }
}

/// The torrent of a folder.
fn torrent(path: &Path, format: Version) -> Metainfo {
    let created = create(path, options(format), 2, &mut |_, _| ControlFlow::Continue(())).unwrap();
    Metainfo::parse(&created.torrent).unwrap()
}

fn judge(torrent: &Metainfo) -> Judge {
    Judge::new(Arc::clone(&torrent.info), torrent.piece_layers.clone())
}

/// The content itself, to be read.
fn seeding(torrent: &Metainfo, path: &Path) -> Storage {
    let options =
        StorageOptions { read_only: true, path_is_content: true, ..StorageOptions::default() };
    Storage::new(Arc::clone(&torrent.info), path, None, options)
}

/// Every file below a folder, with its bytes.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() && !entry.is_symlink() {
                folders.push(entry);
            } else {
                let bytes = fs::read(&entry).unwrap();
                found.insert(entry.strip_prefix(path).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}
