use std::cmp::Ordering;
use std::ops::Range;
use std::path::Path;

use metainfo::FileEntry;
use stdx::FileIndex;

use crate::names::unescaped;

/// Files on one page of the list, at most.
pub const FILES_ON_PAGE: usize = 250;

/// The order in which files are listed, and found by path: in each folder first its files, then
/// its folders, by name.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    order: Vec<FileIndex>,
}

impl Listing {
    pub(crate) fn new(files: &[FileEntry]) -> Self {
        let mut order: Vec<FileIndex> = (0..files.len() as u32).map(FileIndex).collect();
        order.sort_by(|a, b| compare(parts(&files[a.get()].path), parts(&files[b.get()].path)));
        Self { order }
    }

    /// How many pages the list takes; one when it is empty.
    pub(crate) fn pages(&self) -> usize {
        self.order.len().div_ceil(FILES_ON_PAGE).max(1)
    }

    /// The files on a page, which counts from 1, and where they stand in the list.
    pub(crate) fn on_page(&self, page: usize) -> (Range<usize>, &[FileIndex]) {
        let start = page.saturating_sub(1).saturating_mul(FILES_ON_PAGE).min(self.order.len());
        let end = (start + FILES_ON_PAGE).min(self.order.len());
        (start..end, &self.order[start..end])
    }

    /// The file that a URL's path below the web seed's base stands for (BEP 19): the torrent's name
    /// and the path in it, each segment escaped.
    pub(crate) fn find(&self, files: &[FileEntry], path: &str) -> Option<FileIndex> {
        let segments: Option<Vec<_>> = path.split('/').map(unescaped).collect();
        let segments = segments?;
        let found = self.order.binary_search_by(|file| {
            let segments = segments.iter().map(|segment| &**segment);
            compare(parts(&files[file.get()].path), segments)
        });
        Some(self.order[found.ok()?])
    }
}

/// The components of a path in a torrent, whose names were UTF-8 before they were a path.
pub(crate) fn parts(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| part.as_os_str().to_str())
}

fn compare<'a>(
    left: impl Iterator<Item = &'a str>,
    right: impl Iterator<Item = &'a str>,
) -> Ordering {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    loop {
        let (Some(a), Some(b)) = (left.next(), right.next()) else {
            // Only paths that were the same all along end here.
            return Ordering::Equal;
        };
        let folders = (left.peek().is_some(), right.peek().is_some());
        match folders.0.cmp(&folders.1).then_with(|| a.cmp(b)) {
            Ordering::Equal => {}
            different => return different,
        }
    }
}

#[cfg(test)]
mod tests;
