use std::path::{Path, PathBuf};

use hash::Sha256Digest;
use stdx::BLOCK_LENGTH;

use super::{PlanOptions, SourceEntry, encode};
use crate::layout::{FileEntry, Item, Layout};
use crate::limits::MAX_PIECE_LENGTH;
use crate::{Error, Notice, Version, info};

/// Automatic pieces are doubled until there are no more than this many.
const TARGET_PIECES: u64 = 2_000;
/// Automatic pieces grow no further than this for the target's sake: 16 MiB.
const LARGEST_AUTOMATIC: u64 = 16 << 20;
/// Beyond this many, pieces grow further all the same, or the hashes would fill the metadata.
const MOST_AUTOMATIC_PIECES: u64 = 200_000;
/// Smaller pieces need less padding; a hybrid's are halved for that until there are this many.
const MOST_PIECES_FOR_PADDING: u64 = 16_384;
/// The automatic format is hybrid up to this much metadata: 8 MiB.
const MAX_HYBRID_METADATA: u64 = 8 << 20;

/// Settles format and piece length.
pub(super) fn layout(
    entries: &[SourceEntry],
    single_file: bool,
    options: &PlanOptions,
    notices: &mut Vec<Notice>,
) -> Result<Layout, Error> {
    let make = |version, piece_length| {
        check(version, piece_length)?;
        Ok::<_, Error>(Layout::new(version, piece_length, items(entries, version, &options.name))?)
    };
    let content: u64 = entries.iter().map(|entry| entry.length).fold(0, u64::saturating_add);
    let usual = options.piece_length.unwrap_or_else(|| piece_length(content));
    if let Some(version) = options.format {
        return make(version, usual);
    }
    // A piece length that only v1 allows settles the format.
    if check(Version::Hybrid, usual).is_err() {
        let made = make(Version::V1, usual)?;
        notices.push(Notice::V1PieceLength { length: usual });
        return Ok(made);
    }
    let mut hybrid = make(Version::Hybrid, usual)?;
    if options.piece_length.is_none() {
        let mut length = usual;
        while too_padded(&hybrid) && length > u64::from(BLOCK_LENGTH) {
            length /= 2;
            let smaller = make(Version::Hybrid, length)?;
            if u64::from(smaller.pieces()) > MOST_PIECES_FOR_PADDING {
                break;
            }
            hybrid = smaller;
        }
    }
    if too_padded(&hybrid) {
        let content = hybrid.content_length();
        let padding = hybrid.space_length() - content;
        notices.push(Notice::HybridPadding { padding, content });
        return make(Version::V1, usual);
    }
    let draft = encode::Draft { entries, single_file, options, layout: &hybrid };
    let size = encode::draft(&draft, &encode::no_hashes(&hybrid)).len() as u64;
    if size > MAX_HYBRID_METADATA {
        notices.push(Notice::HybridMetadata { size });
        return make(Version::V1, usual);
    }
    Ok(hybrid)
}

/// More than a tenth of the content is padding.
fn too_padded(layout: &Layout) -> bool {
    (layout.space_length() - layout.content_length()).saturating_mul(10) > layout.content_length()
}

/// The automatic piece length.
pub(super) fn piece_length(content: u64) -> u64 {
    let mut length = u64::from(BLOCK_LENGTH);
    while length < LARGEST_AUTOMATIC && content.div_ceil(length) > TARGET_PIECES {
        length *= 2;
    }
    while length < u64::from(MAX_PIECE_LENGTH) && content.div_ceil(length) > MOST_AUTOMATIC_PIECES {
        length *= 2;
    }
    length
}

fn check(version: Version, piece_length: u64) -> Result<(), Error> {
    let blocks = piece_length.is_multiple_of(u64::from(BLOCK_LENGTH));
    let size = (1..=u64::from(MAX_PIECE_LENGTH)).contains(&piece_length);
    if blocks && size && (piece_length.is_power_of_two() || version == Version::V1) {
        return Ok(());
    }
    let why = format!(
        "{piece_length} is not possible; use a power of two from 16KiB to 512MiB \
         (v1 takes any multiple of 16KiB)"
    );
    Err(Error::Option { option: "piece length", why })
}

/// The entries as a layout takes them. A hybrid's padding is implied by its alignment.
fn items(entries: &[SourceEntry], version: Version, name: &str) -> impl Iterator<Item = Item> {
    let full = move |path: &Path| -> PathBuf {
        let mut full = PathBuf::with_capacity(name.len() + 1 + path.as_os_str().len());
        full.push(name);
        // An empty path would add a separator.
        if !path.as_os_str().is_empty() {
            full.push(path);
        }
        full
    };
    entries.iter().map(move |entry| {
        let path = full(&entry.path);
        let target = entry.symlink.as_ref();
        Item::File(FileEntry {
            length: entry.length,
            root: (version.has_v2() && entry.length > 0).then(Sha256Digest::default),
            executable: entry.executable,
            hidden: entry.hidden,
            symlink: target.and_then(|target| info::relative(&path, &full(target))),
            offset: 0,
            listed: 0,
            path,
        })
    })
}
