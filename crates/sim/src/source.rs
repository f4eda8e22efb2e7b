use std::ops::Range;
use std::sync::Arc;

use bencode::Encoder;
use hash::{Sha256Digest, sha1, sha256};
use metainfo::merkle::{blocks_of, piece_root, root};
use metainfo::{Info, InfoHashes, PieceLayer, PieceLayers, Version};
use stdx::{BLOCK_LENGTH, BlockRange, Buf, PieceIndex, Rng};

/// Random bytes at the beginning of each block of a light source; the rest is zeros.
pub(crate) const LIGHT_HEAD: usize = 32;

/// What is distributed in a world: random bytes and the torrent that describes them.
#[derive(Clone, Debug)]
pub struct Source {
    light: bool,
    info: Arc<Info>,
    layers: PieceLayers,
    /// The whole piece space, padding included.
    space: Arc<[u8]>,
}

/// One file while the torrent is made.
struct File {
    name: String,
    bytes: Vec<u8>,
    /// The root and the hashes of its pieces, for versions that have them.
    tree: Option<(Sha256Digest, Vec<Sha256Digest>)>,
}

impl Source {
    /// Files of these sizes, whose bytes follow from `seed`. With one size it is a single-file
    /// torrent.
    ///
    /// # Panics
    /// When the sizes and piece length do not make a torrent of that version.
    pub fn new(version: Version, sizes: &[u64], piece_length: u32, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let contents = sizes.iter().map(|&size| {
            let mut bytes = vec![0; size as usize];
            rng.fill(&mut bytes);
            bytes
        });
        Self::of(version, contents, piece_length)
    }

    fn of(version: Version, contents: impl Iterator<Item = Vec<u8>>, piece_length: u32) -> Self {
        let files: Vec<File> = contents
            .enumerate()
            .map(|(at, bytes)| {
                let name = format!("file-{at:04}");
                let tree =
                    (version.has_v2() && !bytes.is_empty()).then(|| tree(&bytes, piece_length));
                File { name, bytes, tree }
            })
            .collect();
        let space = space(version, &files, piece_length);
        let raw = bencode::encode(|e| encode(e, version, &files, piece_length, &space));
        let info = Info::parse(&raw).expect("the sizes make a torrent of that version");
        let layer = |file: &File| {
            let (root, hashes) = file.tree.clone()?;
            PieceLayer::new(root, file.bytes.len() as u64, piece_length, hashes)
        };
        let mut layers = PieceLayers::default();
        files.iter().filter_map(layer).for_each(|layer| layers.insert(layer));
        assert_eq!(info.layout().space_length(), space.len() as u64, "padding as laid out");
        Self { light: false, info: Arc::new(info), layers, space: space.into() }
    }

    /// A v1 torrent of one file.
    pub fn single(size: u64, piece_length: u32, seed: u64) -> Self {
        Self::new(Version::V1, &[size], piece_length, seed)
    }

    /// A v1 torrent of one file for large swarms: blocks differ in their first 32 bytes, and the
    /// rest is zeros. Worlds carry it as what it is, a length, so that a byte costs next to
    /// nothing; all else is as ever.
    pub fn light(size: u64, piece_length: u32, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut bytes = vec![0; size as usize];
        for block in bytes.chunks_mut(BLOCK_LENGTH as usize) {
            let head = block.len().min(LIGHT_HEAD);
            rng.fill(&mut block[..head]);
        }
        let source = Self::of(Version::V1, [bytes].into_iter(), piece_length);
        Self { light: true, ..source }
    }

    /// Whether it came from [`Self::light`].
    pub(crate) fn is_light(&self) -> bool {
        self.light
    }

    /// The metadata.
    pub fn info(&self) -> &Arc<Info> {
        &self.info
    }

    /// The hashes of v2 pieces.
    pub fn layers(&self) -> &PieceLayers {
        &self.layers
    }

    /// What names the torrent.
    pub fn hashes(&self) -> InfoHashes {
        self.info.hashes()
    }

    /// Bytes of content.
    pub fn size(&self) -> u64 {
        self.info.layout().content_length()
    }

    /// The bytes of a piece from `begin`, at most `length`, cut off at the end of the piece.
    pub fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> &[u8] {
        &self.space[self.place(piece, begin, length)]
    }

    /// The bytes of a block, not copied; `None` beyond the piece.
    pub(crate) fn block(&self, range: BlockRange) -> Option<Buf> {
        let place = self.place(range.piece, range.begin, range.length);
        (place.len() == range.length as usize).then(|| Buf::window(&self.space, place))
    }

    /// Lets go of the copy of a block that arrived as it should, of a light source: held by each
    /// who has it, copies are what a large world's memory would go to.
    pub(crate) fn share(&self, range: BlockRange, data: &mut Buf) {
        let head = data.len().min(LIGHT_HEAD);
        let same = |block: &Buf| block.len() == data.len() && block[..head] == data[..head];
        if let Some(block) = self.block(range).filter(|block| self.light && same(block)) {
            *data = block;
        }
    }

    /// Bytes of the piece space.
    pub(crate) fn space(&self, range: Range<u64>) -> &[u8] {
        &self.space[range.start as usize..range.end as usize]
    }

    fn place(&self, piece: PieceIndex, begin: u32, length: u32) -> Range<usize> {
        let layout = self.info.layout();
        let size = u64::from(layout.piece_size(piece));
        let start = u64::from(piece.0) * u64::from(layout.piece_length());
        let from = u64::from(begin).min(size);
        let to = (from + u64::from(length)).min(size);
        (start + from) as usize..(start + to) as usize
    }
}

/// The metadata of one file that nobody ever looks into: its hashes are made up.
pub(crate) fn outline(size: u64, piece_length: u32, seed: u64) -> Arc<Info> {
    let mut hashes = vec![0; size.div_ceil(piece_length.into()) as usize * 20];
    Rng::new(seed).fill(&mut hashes);
    let raw = bencode::encode(|e| {
        e.dict(|d| {
            d.int("length", size);
            d.bytes("name", "file-0000");
            d.int("piece length", piece_length);
            d.bytes("pieces", hashes);
        });
    });
    Arc::new(Info::parse(&raw).expect("the sizes make a torrent"))
}

/// The root and the piece hashes of a file (BEP 52).
fn tree(bytes: &[u8], piece_length: u32) -> (Sha256Digest, Vec<Sha256Digest>) {
    let leaves: Vec<_> = bytes.chunks(BLOCK_LENGTH as usize).map(sha256).collect();
    let width = blocks_of(bytes.len() as u64).next_power_of_two();
    let per_piece = piece_length / BLOCK_LENGTH;
    let pieces = leaves.chunks(per_piece as usize);
    let hashes = pieces.map(|leaves| piece_root(leaves, per_piece)).collect();
    (root(&leaves, 0, width), hashes)
}

/// All files as pieces see them. Hybrids pad every file but the last to whole pieces; so does the
/// space of v2, whose gaps nobody addresses.
fn space(version: Version, files: &[File], piece_length: u32) -> Vec<u8> {
    let mut space = Vec::new();
    for file in files {
        if version.has_v2() && !file.bytes.is_empty() {
            space.resize(space.len().next_multiple_of(piece_length as usize), 0);
        }
        space.extend_from_slice(&file.bytes);
    }
    space
}

fn encode(e: Encoder<'_>, version: Version, files: &[File], piece_length: u32, space: &[u8]) {
    let single = files.len() == 1;
    let name = if single { &files[0].name } else { "folder" };
    e.dict(|d| {
        if version.has_v2() {
            d.key("file tree").dict(|d| {
                for file in files {
                    d.key(&file.name).dict(|d| d.key("").dict(|d| leaf(d, file)));
                }
            });
        }
        if version.has_v1() && !single {
            let pads = version == Version::Hybrid;
            d.key("files").list(|l| list(l, files, pads.then_some(piece_length)));
        }
        if version.has_v1() && single {
            d.int("length", files[0].bytes.len() as u64);
        }
        if version.has_v2() {
            d.int("meta version", 2);
        }
        d.bytes("name", name);
        d.int("piece length", piece_length);
        if version.has_v1() {
            let hashes: Vec<u8> =
                space.chunks(piece_length as usize).flat_map(|piece| sha1(piece).0).collect();
            d.bytes("pieces", hashes);
        }
    });
}

fn leaf(d: &mut bencode::DictEncoder<'_>, file: &File) {
    d.int("length", file.bytes.len() as u64);
    if let Some((root, _)) = &file.tree {
        d.bytes("pieces root", root.0);
    }
}

/// The files of BEP 3, each followed by the padding of BEP 47 that the next one needs.
fn list(l: &mut bencode::ListEncoder<'_>, files: &[File], align: Option<u32>) {
    let mut end = 0u64;
    for file in files {
        let length = file.bytes.len() as u64;
        if let Some(align) = align.filter(|_| length > 0) {
            let padding = end.next_multiple_of(u64::from(align)) - end;
            if padding > 0 {
                l.item().dict(|d| {
                    d.bytes("attr", "p");
                    d.int("length", padding);
                    d.key("path").list(|l| {
                        l.item().bytes(".pad");
                        l.item().bytes(padding.to_string());
                    });
                });
            }
            end += padding;
        }
        l.item().dict(|d| {
            d.int("length", length);
            d.key("path").list(|l| l.item().bytes(&file.name));
        });
        end += length;
    }
}

#[cfg(test)]
mod tests;
