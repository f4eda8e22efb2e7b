use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use hash::{Sha1Digest, sha1};
use stdx::Rng;

/// Bytes of each torrent's content, and of a piece.
const LENGTH: usize = 128 << 10;
const PIECE: usize = 64 << 10;

/// A folder with torrents and their content; it goes when this does.
pub(super) struct Stage {
    folder: PathBuf,
    pub(super) count: u32,
    /// The info-hash of the last torrent.
    pub(super) last: Sha1Digest,
}

impl Stage {
    /// Makes so many torrents of one file each.
    pub(super) fn set(folder: PathBuf, count: u32) -> Result<Self> {
        ensure!(count > 0, "there must be a torrent");
        println!("== content: {count} torrents of {} KiB in {}", LENGTH >> 10, folder.display());
        let mut this = Self { folder, count, last: Sha1Digest::default() };
        // What a run that was killed left.
        let _nothing = fs::remove_dir_all(&this.folder);
        for part in [this.torrents(), this.data()] {
            let cannot = || format!("cannot make the folder {}", part.display());
            fs::create_dir_all(&part).with_context(cannot)?;
        }
        let mut content = vec![0; LENGTH];
        Rng::new(1).fill(&mut content);
        for number in 0..count {
            // Each another: the same noise with a number in both pieces.
            for piece in content.chunks_mut(PIECE) {
                piece[..4].copy_from_slice(&number.to_be_bytes());
            }
            let name = format!("{number:06}.bin");
            fs::write(this.data().join(&name), &content)?;
            let info = info(&name, &content);
            this.last = sha1(&info);
            let torrent = [b"d4:info", &info[..], b"e"].concat();
            fs::write(this.torrents().join(format!("{name}.torrent")), torrent)?;
        }
        Ok(this)
    }

    pub(super) fn torrents(&self) -> PathBuf {
        self.folder.join("torrents")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // On tmpfs it is memory.
        let _best_effort = fs::remove_dir_all(&self.folder);
    }
}

/// The info dictionary of a file (BEP 3).
fn info(name: &str, content: &[u8]) -> Vec<u8> {
    let pieces: Vec<u8> = content.chunks(PIECE).flat_map(|piece| sha1(piece).0).collect();
    let head = format!("d6:lengthi{}e4:name{}:{name}", content.len(), name.len());
    let middle = format!("12:piece lengthi{PIECE}e6:pieces{}:", pieces.len());
    [head.as_bytes(), middle.as_bytes(), &pieces, b"e"].concat()
}
