use std::ops::Range;
use std::path::{Path, PathBuf};

use hash::Sha256Digest;
use stdx::{BLOCK_LENGTH, BlockIndex, BlockRange, FileIndex, PieceIndex};

use crate::Version;
use crate::limits::{MAX_PIECE_LENGTH, MAX_PIECES, MAX_REQUEST_LENGTH};

pub use spans::{Span, Spans};

mod spans;

/// One file, or one symbolic link, of the content. Padding files are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FileEntry {
    /// Where it goes, relative to the output directory; starts with the torrent's name. Relative,
    /// made of ordinary components only, and unique.
    pub path: PathBuf,
    /// Size in bytes; zero for a link.
    pub length: u64,
    /// Where its first byte stands in the piece space.
    pub offset: u64,
    /// Its index in the list that the layout was made of, padding files counted: what a magnet
    /// link's `so` means (BEP 53).
    pub listed: u32,
    /// The root of its SHA-256 tree (BEP 52); present for files of v2 and hybrid torrents that are
    /// not empty.
    pub root: Option<Sha256Digest>,
    /// Executable (BEP 47, `x`).
    pub executable: bool,
    /// Hidden (BEP 47, `h`).
    pub hidden: bool,
    /// For a symbolic link (BEP 47, `l`) what to write into it: relative to the link's own folder,
    /// and never leading out of the torrent's.
    pub symlink: Option<PathBuf>,
}

impl FileEntry {
    /// Where the file is when `content` is the content itself, as in `verify TORRENT PATH`: the
    /// one file of a single-file torrent, or the folder that holds them all.
    pub fn path_in(&self, content: &Path) -> PathBuf {
        let mut components = self.path.components();
        components.next();
        let inner = components.as_path();
        // Joining an empty path would leave a trailing separator.
        if inner.as_os_str().is_empty() { content.to_owned() } else { content.join(inner) }
    }
}

/// What stands in the piece space besides its [`FileEntry`]: a run of bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    start: u64,
    end: u64,
    file: u32,
}

/// The part of a v2 file that one piece is (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V2Piece {
    /// The file that the piece belongs to.
    pub file: FileIndex,
    /// The piece's number within the file: its index in the file's piece layer.
    pub index_in_file: u32,
    /// The root of the file's tree.
    pub root: Sha256Digest,
    /// Bytes of the file in the piece; its padding is not hashed.
    pub length: u32,
    /// Blocks that are hashed to leaves: `length` in blocks, the last one possibly short.
    pub blocks: u32,
    /// Leaves under the piece's node, zero hashes included: a power of two. The whole file's, and
    /// so the node is `root` itself, when the file is no longer than a piece.
    pub leaves: u32,
    /// True when the file is no longer than a piece, so that it has no piece layer.
    pub whole_file: bool,
}

/// Why a list of files cannot be a piece space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Zero, too large, or for v2 not a power of two of at least 16 KiB.
    #[error(
        "piece length {0} is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB"
    )]
    PieceLength(u64),
    /// Beyond [`crate::limits::MAX_PIECES`], or sizes that overflow.
    #[error("more than {MAX_PIECES} pieces; a larger piece length is needed")]
    TooManyPieces,
}

/// The piece space: how pieces, blocks and files map to each other. Immutable; look-ups take
/// logarithmic time.
///
/// - v1: files one after the other, padding files among them if there are any (BEP 3, BEP 47).
/// - v2: each file that is not empty starts at a piece; what is between is not addressable, so a
///   file's last piece is short (BEP 52).
/// - hybrid: as v2, but the gaps are padding that v1 peers may ask for; it is zeros, and we request
///   it only where it ends a block of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    version: Version,
    piece_length: u32,
    pieces: u32,
    /// The end of the piece space: all v1 lengths with padding; for v2 the last file's end.
    length: u64,
    content: u64,
    files: Vec<FileEntry>,
    /// Files with content, by position.
    extents: Vec<Extent>,
}

/// One entry in the list that a [`Layout`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file or link; its `offset` and `listed` are filled in.
    File(FileEntry),
    /// So many bytes of padding (v1 and hybrid; BEP 47).
    Padding(u64),
}

impl Layout {
    /// Lays out `items` in their order. For v2 and hybrid, files that are not empty are aligned to
    /// pieces; padding items of a hybrid add nothing but at the end, where they extend the space.
    ///
    /// # Errors
    /// When the piece length does not fit the version or there are too many pieces.
    pub fn new(
        version: Version,
        piece_length: u64,
        items: impl IntoIterator<Item = Item>,
    ) -> Result<Self, LayoutError> {
        let wrong = LayoutError::PieceLength(piece_length);
        let piece_length = u32::try_from(piece_length).map_err(|_| wrong)?;
        let v2 = piece_length.is_power_of_two() && piece_length >= BLOCK_LENGTH;
        if piece_length == 0 || piece_length > MAX_PIECE_LENGTH || (version.has_v2() && !v2) {
            return Err(wrong);
        }
        let items = items.into_iter();
        let count = items.size_hint().0;
        let (mut files, mut extents) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let (mut end, mut content) = (0u64, 0u64);
        // Bounds every sum below far from overflow.
        let most = u64::from(MAX_PIECES) * u64::from(piece_length);
        for (listed, item) in (0..).zip(items) {
            let length = match &item {
                Item::File(file) => file.length,
                Item::Padding(length) => *length,
            };
            if length > most {
                return Err(LayoutError::TooManyPieces);
            }
            if let Item::File(mut file) = item {
                if version.has_v2() && length > 0 {
                    end = end.next_multiple_of(u64::from(piece_length));
                }
                (file.offset, file.listed) = (end, listed);
                if length > 0 {
                    let index = files.len() as u32;
                    extents.push(Extent { start: end, end: end + length, file: index });
                }
                files.push(file);
                content += length;
            }
            end += length;
            if end > most {
                return Err(LayoutError::TooManyPieces);
            }
        }
        if version == Version::V2 {
            end = extents.last().map_or(0, |extent: &Extent| extent.end);
        }
        let pieces = end.div_ceil(u64::from(piece_length)) as u32;
        Ok(Self { version, piece_length, pieces, length: end, content, files, extents })
    }

    /// A v1 layout of one file called `content`: for tests and simulations.
    ///
    /// # Panics
    /// Where [`Self::new`] fails.
    pub fn single(length: u64, piece_length: u32) -> Self {
        let file = FileEntry { path: "content".into(), length, ..FileEntry::default() };
        Self::new(Version::V1, u64::from(piece_length), [Item::File(file)])
            .expect("the caller gives sizes within the limits")
    }

    /// The format of the metadata.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> u32 {
        self.pieces
    }

    /// The nominal size of a piece in bytes; the last of the torrent, or of a v2 file, may be
    /// shorter.
    pub fn piece_length(&self) -> u32 {
        self.piece_length
    }

    /// Bytes of content, without padding.
    pub fn content_length(&self) -> u64 {
        self.content
    }

    /// The end of the piece space in bytes, padding and gaps included.
    pub fn space_length(&self) -> u64 {
        self.length
    }

    /// The files and links, in the order of the metadata; [`FileIndex`] counts these.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// One file, if there is such a file.
    pub fn file(&self, file: FileIndex) -> Option<&FileEntry> {
        self.files.get(file.get())
    }

    /// Bytes of the piece that peers can address, padding included; zero beyond the last piece.
    pub fn piece_size(&self, piece: PieceIndex) -> u32 {
        if piece.0 >= self.pieces {
            return 0;
        }
        let start = self.start_of(piece);
        let end = match self.version {
            Version::V1 | Version::Hybrid => self.length,
            // Files are aligned, so the piece belongs to the last file that starts at or before.
            Version::V2 => self.extents[self.extent_at(start)].end,
        };
        (end - start).min(u64::from(self.piece_length)) as u32
    }

    /// Blocks of the piece that peers can address, wholly padded ones included.
    pub fn block_count(&self, piece: PieceIndex) -> u32 {
        self.piece_size(piece).div_ceil(BLOCK_LENGTH)
    }

    /// What to ask a peer for to get a block. Padding at the end of the block is left out; `None`
    /// when the block is nothing else, or does not exist. Padding in front or in the middle, which
    /// only hand-made v1 torrents have within a block, is asked for.
    pub fn request(&self, piece: PieceIndex, block: BlockIndex) -> Option<BlockRange> {
        let begin = block.0.checked_mul(BLOCK_LENGTH)?;
        let size = self.piece_size(piece);
        if begin >= size {
            return None;
        }
        let start = self.start_of(piece) + u64::from(begin);
        let end = start + u64::from((size - begin).min(BLOCK_LENGTH));
        // The last extent that starts before the block's end holds its last byte of content.
        let last = self.extents.partition_point(|extent| extent.start < end).checked_sub(1)?;
        let end = end.min(self.extents[last].end);
        let length = end.checked_sub(start).filter(|&length| length > 0)? as u32;
        Some(BlockRange { piece, begin, length })
    }

    /// What [`Self::request`] gave, together with the padding at the block's end. On the wire a
    /// block is asked for whole, for there are clients that hang up on any other request. What is
    /// no such request stays as it is.
    pub fn padded(&self, range: BlockRange) -> BlockRange {
        let asked = self.request(range.piece, BlockIndex(range.begin / BLOCK_LENGTH));
        if asked != Some(range) {
            return range;
        }
        let length = (self.piece_size(range.piece) - range.begin).min(BLOCK_LENGTH);
        BlockRange { length, ..range }
    }

    /// The request that [`Self::padded`] makes this of, if there is one.
    pub fn unpadded(&self, range: BlockRange) -> BlockRange {
        let asked = self.request(range.piece, BlockIndex(range.begin / BLOCK_LENGTH));
        asked.filter(|&asked| self.padded(asked) == range).unwrap_or(range)
    }

    /// Whether a peer may ask for this: inside the piece, at least a byte, at most
    /// [`MAX_REQUEST_LENGTH`]. Padding may be asked for, as clients without BEP 47 do.
    pub fn is_valid_request(&self, range: BlockRange) -> bool {
        let end = u64::from(range.begin) + u64::from(range.length);
        (1..=MAX_REQUEST_LENGTH).contains(&range.length)
            && end <= u64::from(self.piece_size(range.piece))
    }

    /// Bytes of content in the piece, without padding.
    pub fn payload_bytes(&self, piece: PieceIndex) -> u32 {
        let spans = self.spans(piece, 0, self.piece_size(piece));
        spans.filter(|span| span.file.is_some()).map(|span| span.length).sum()
    }

    /// The files and padding behind `length` bytes of a piece from `begin`, in order and without
    /// gaps; cut at the piece's end.
    pub fn spans(&self, piece: PieceIndex, begin: u32, length: u32) -> Spans<'_> {
        Spans::new(self, piece, begin, length)
    }

    /// The pieces that hold bytes of a file; empty for an empty file or one that does not exist.
    pub fn file_pieces(&self, file: FileIndex) -> Range<u32> {
        let Some(file) = self.files.get(file.get()) else {
            return 0..0;
        };
        let piece_length = u64::from(self.piece_length);
        let first = (file.offset / piece_length) as u32;
        if file.length == 0 {
            return first..first;
        }
        first..(file.offset + file.length).div_ceil(piece_length) as u32
    }

    /// The piece's place in a file's SHA-256 tree; `None` for v1, beyond the last piece, and for
    /// pieces of padding alone.
    pub fn v2_piece(&self, piece: PieceIndex) -> Option<V2Piece> {
        if piece.0 >= self.pieces || !self.version.has_v2() {
            return None;
        }
        let start = self.start_of(piece);
        let here = |it: &&Extent| (it.start..it.end).contains(&start);
        let extent = self.extents.get(self.extent_at(start)).filter(here)?;
        let root = self.files[extent.file as usize].root?;
        let length = (extent.end - start).min(u64::from(self.piece_length)) as u32;
        let blocks = length.div_ceil(BLOCK_LENGTH);
        let whole_file = extent.end - extent.start <= u64::from(self.piece_length);
        let full = self.piece_length / BLOCK_LENGTH;
        Some(V2Piece {
            file: FileIndex(extent.file),
            index_in_file: ((start - extent.start) / u64::from(self.piece_length)) as u32,
            root,
            length,
            blocks,
            leaves: if whole_file { blocks.next_power_of_two() } else { full },
            whole_file,
        })
    }

    fn start_of(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.0) * u64::from(self.piece_length)
    }

    /// The last extent that starts at or before `position`; the first if none does.
    fn extent_at(&self, position: u64) -> usize {
        self.extents.partition_point(|extent| extent.start <= position).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests;
