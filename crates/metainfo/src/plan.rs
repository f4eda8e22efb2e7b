use std::path::PathBuf;
use std::sync::Arc;

use hash::{Sha1Digest, Sha256Digest};
use stdx::{FileIndex, PieceIndex};

use crate::layout::Layout;
use crate::limits::MAX_METADATA_SIZE;
use crate::merkle;
use crate::urls::{TRACKER_SCHEMES, WEB_SEED_SCHEMES, usable_url};
use crate::{Error, Notice, PieceHashes, PieceLayer, PieceLayers, Version};

mod choose;
mod encode;
mod listing;

/// One file or symbolic link that is to be shared.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SourceEntry {
    /// Relative to the folder that is shared; empty when a single file is.
    pub path: PathBuf,
    /// Size in bytes; of no meaning for a link.
    pub length: u64,
    /// Executable by its owner.
    pub executable: bool,
    /// Hidden by an attribute of its own, not merely by a dot in front.
    pub hidden: bool,
    /// What a symbolic link says.
    pub symlink: Option<PathBuf>,
    /// When it was last written, in nanoseconds since 1970; nothing is made of it here.
    pub modified: u64,
}

/// How to make a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PlanOptions {
    /// The torrent's name: the file or folder that downloaders get.
    pub name: String,
    /// The format; `None` is hybrid if its padding is at most a tenth of the content and its
    /// metadata at most 8 MiB, otherwise v1 with a notice.
    pub format: Option<Version>,
    /// Bytes in a piece; `None` chooses for about one to two thousand pieces.
    pub piece_length: Option<u64>,
    /// Peers only from the trackers (BEP 27).
    pub private: bool,
    /// A remark.
    pub comment: Option<String>,
    /// The program that makes it.
    pub created_by: Option<String>,
    /// Tracker URLs in tiers (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// Web seed URLs (BEP 19).
    pub web_seeds: Vec<String>,
    /// Seconds since 1970; without it the same content gives the same bytes.
    pub creation_date: Option<i64>,
}

/// A torrent to be: all but the hashes.
///
/// Hash every piece of [`Self::layout`] with a [`crate::PieceHasher`], in any order and on any
/// number of threads, then give the hashes to [`Self::finish`].
#[derive(Clone, Debug)]
pub struct Plan {
    options: PlanOptions,
    /// In the order of the torrent; with the link targets that it will state.
    entries: Vec<SourceEntry>,
    single_file: bool,
    layout: Arc<Layout>,
    notices: Vec<Notice>,
}

impl Plan {
    /// Plans a torrent of `entries`: one with an empty path for a single file, or all files and
    /// links below a folder. Their order does not matter.
    ///
    /// # Errors
    /// When there is nothing to share, a path cannot be carried safely, an option is not possible
    /// or the metadata would be too large.
    pub fn new(entries: Vec<SourceEntry>, options: PlanOptions) -> Result<Self, Error> {
        check(&options)?;
        let mut notices = Vec::new();
        let single_file = matches!(&*entries, [only] if only.path.as_os_str().is_empty());
        let entries = listing::entries(entries, &options.name, single_file, &mut notices)?;
        let layout = choose::layout(&entries, single_file, &options, &mut notices)?.into();
        let plan = Self { options, entries, single_file, layout, notices };
        if encode::at_most(&plan) > MAX_METADATA_SIZE {
            plan.check_size()?;
        }
        Ok(plan)
    }

    fn check_size(&self) -> Result<(), Error> {
        let size = encode::info(self, &encode::no_hashes(&self.layout)).len() as u64;
        let limit = MAX_METADATA_SIZE as u64;
        if size > limit {
            let what = "the metadata (a larger --piece-length helps)";
            return Err(Error::TooLarge { what, size, limit });
        }
        Ok(())
    }

    /// The pieces and files. For v2 and hybrid the files' roots are not known yet and all zero.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// What a file is made of; a link has no length, and says where it leads to from the root.
    pub fn source(&self, file: FileIndex) -> Option<&SourceEntry> {
        self.entries.get(file.get())
    }

    /// What was left out or decided.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The bytes of the `.torrent` file, given the hashes of all pieces in order. The same input
    /// gives the same bytes.
    ///
    /// # Panics
    /// When there are not as many hashes as pieces, or one that the format needs is missing.
    pub fn finish(&self, pieces: &[PieceHashes]) -> Vec<u8> {
        assert_eq!(pieces.len(), self.layout.pieces() as usize, "one set of hashes for each piece");
        let (v1, v2) = (self.v1(pieces), self.v2(pieces));
        let hashes = encode::Hashes { v1, roots: v2.0 };
        let info = encode::info(self, &hashes);
        encode::torrent(&self.options, self.layout.version(), &info, &v2.1)
    }

    fn v1(&self, pieces: &[PieceHashes]) -> Vec<Sha1Digest> {
        if !self.layout.version().has_v1() {
            return Vec::new();
        }
        pieces.iter().map(|piece| piece.v1.expect("every piece has a SHA-1")).collect()
    }

    /// The root of each file, and the layers of those that are longer than a piece.
    fn v2(&self, pieces: &[PieceHashes]) -> (Vec<Option<Sha256Digest>>, PieceLayers) {
        let mut layers = PieceLayers::default();
        let files = self.layout.files().iter().enumerate();
        let roots = files.map(|(at, file)| {
            file.root?;
            let range = self.layout.file_pieces(FileIndex(at as u32));
            let hash = |piece: u32| {
                let piece = PieceIndex(piece).get();
                pieces[piece].v2.expect("every piece of a v2 file has a node")
            };
            let hashes: Vec<Sha256Digest> = range.map(hash).collect();
            let piece_length = self.layout.piece_length();
            let width = (hashes.len() as u64).next_power_of_two();
            let root = merkle::root(&hashes, merkle::piece_layer_of(piece_length), width);
            if hashes.len() == 1 {
                return Some(hashes[0]);
            }
            let layer = PieceLayer::new(root, file.length, piece_length, hashes);
            layers.insert(layer.expect("the root was made of these hashes"));
            Some(root)
        });
        (roots.collect(), layers)
    }
}

fn check(options: &PlanOptions) -> Result<(), Error> {
    let trackers = options.trackers.iter().flatten().map(|url| ("tracker", url, TRACKER_SCHEMES));
    let seeds = options.web_seeds.iter().map(|url| ("web seed", url, WEB_SEED_SCHEMES));
    for (option, url, schemes) in trackers.chain(seeds) {
        if usable_url(url, schemes) != Some(url) {
            let why = format!("`{url}` is not a URL of {}", schemes.join(", "));
            return Err(Error::Option { option, why });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
