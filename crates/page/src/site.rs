use std::sync::Arc;

use metainfo::{FileEntry, Info, InfoHashes};
use stdx::FileIndex;

use crate::listing::Listing;
use crate::qr::Qr;
use crate::view::Problem;

/// The path that files are below: the base of a web seed (BEP 19).
pub const FILES: &str = "/files/";

/// What is shared, ready to be shown.
#[derive(Clone, Debug)]
pub struct Site {
    pub(crate) info: Arc<Info>,
    pub(crate) hashes: InfoHashes,
    pub(crate) listing: Listing,
    pub(crate) magnet: String,
    pub(crate) qr: Option<Qr>,
    /// What the entity tags of files begin with: the content of a torrent never changes.
    tag: String,
}

/// Who is there, as far as this process sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swarm {
    /// Peers that lack something.
    pub downloading: u32,
    /// Peers that have everything, the sharer included.
    pub seeding: u32,
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The page, or a further page of its list of files; they count from 1.
    Page(usize),
    /// The `.torrent` file.
    Torrent,
    /// A file of the content.
    File(FileIndex),
    /// Nothing.
    Nothing(Problem),
}

impl Site {
    /// The site of a torrent that `magnet` stands for.
    pub fn new(info: Arc<Info>, magnet: String) -> Self {
        let hashes = info.hashes();
        let v1 = hashes.v1.map(|hash| hash.to_string());
        let tag = v1.or_else(|| hashes.v2.map(|hash| hash.to_string())).unwrap_or_default();
        let listing = Listing::new(info.layout().files());
        Self { hashes, listing, qr: Qr::of(&magnet), magnet, tag, info }
    }

    /// Finds what a request's path and query stand for.
    pub fn route(&self, path: &str, query: Option<&str>) -> Route {
        if path == "/" {
            let mut fields = query.unwrap_or_default().split('&');
            let page = fields.find_map(|field| field.strip_prefix("page="));
            return match page.map_or(Ok(1), str::parse) {
                Ok(page) if (1..=self.listing.pages()).contains(&page) => Route::Page(page),
                _ => Route::Nothing(Problem::NoPage),
            };
        }
        if let Some(inner) = path.strip_prefix(FILES) {
            let file = self.listing.find(self.files(), inner);
            return match file.map(|file| (file, &self.files()[file.get()])) {
                None => Route::Nothing(Problem::NotFound),
                Some((_, entry)) if entry.symlink.is_some() => Route::Nothing(Problem::Link),
                Some((file, _)) => Route::File(file),
            };
        }
        let named = path.strip_prefix('/').and_then(|name| name.strip_suffix(".torrent"));
        let named = named.and_then(crate::names::unescaped);
        match named {
            Some(name) if name == self.info.name() => Route::Torrent,
            _ => Route::Nothing(Problem::NotFound),
        }
    }

    /// The name of the `.torrent` file.
    pub fn torrent_name(&self) -> String {
        format!("{}.torrent", self.info.name())
    }

    /// The entity tag of a file, in its quotes: a strong one, for what the torrent names does not
    /// change (RFC 9110 §8.8.3).
    pub fn tag(&self, file: FileIndex) -> String {
        format!("\"{}-{}\"", self.tag, file.0)
    }

    /// A file's description.
    pub fn file(&self, file: FileIndex) -> Option<&FileEntry> {
        self.info.layout().file(file)
    }

    pub(crate) fn files(&self) -> &[FileEntry] {
        self.info.layout().files()
    }
}

#[cfg(test)]
pub(crate) mod tests;
