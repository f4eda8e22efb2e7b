//! What a torrent may ask of us. Named here, checked where the parts are parsed.

/// Largest `.torrent` file read, in bytes.
pub const MAX_TORRENT_SIZE: usize = 128 << 20;
/// Largest `info` dictionary, in bytes; also the most that a peer may claim (BEP 9).
pub const MAX_METADATA_SIZE: usize = 30 << 20;
/// Most bencode values and keys in a torrent file.
pub const MAX_TOKENS: usize = 5_000_000;
/// Most pieces.
pub const MAX_PIECES: u32 = 1 << 23;
/// Largest piece, in bytes.
pub const MAX_PIECE_LENGTH: u32 = 512 << 20;
/// Most files, padding files included.
pub const MAX_FILES: usize = 500_000;
/// Most components of a path, the torrent's name included.
pub const MAX_PATH_DEPTH: usize = 100;
/// Longest component of a path, in bytes; longer ones are shortened.
pub const MAX_NAME_LENGTH: usize = 255;
/// Longest path, the torrent's name included, in bytes; in longer ones every component is
/// shortened. macOS takes 1,024 with the output directory's own.
pub const MAX_PATH_LENGTH: usize = 900;
/// Most changed names of which each is mentioned; the rest are counted.
pub const MAX_NAME_NOTICES: usize = 100;
/// Most bytes of all paths together: a file tree shares long folder names among many files, so
/// small metadata could otherwise unfold to any size.
pub const MAX_PATHS_SIZE: usize = 128 << 20;
/// Most components of all paths of a v2 file tree together, for the same reason.
pub const MAX_PATH_COMPONENTS: usize = 8_000_000;
/// Most trackers in all tiers.
pub const MAX_TRACKERS: usize = 500;
/// Most web seeds.
pub const MAX_WEB_SEEDS: usize = 200;
/// Longest tracker or web seed URL, in bytes.
pub const MAX_URL_LENGTH: usize = 2_048;
/// Longest comment or creator that is kept, in bytes.
pub const MAX_TEXT_LENGTH: usize = 64 << 10;
/// Largest block that a peer may ask for, in bytes.
pub const MAX_REQUEST_LENGTH: u32 = 128 << 10;
/// Longest magnet link, in bytes.
pub const MAX_MAGNET_LENGTH: usize = 64 << 10;
/// Most nodes of the DHT named by a torrent.
pub const MAX_NODES: usize = 100;
/// Most peers named by a magnet link.
pub const MAX_MAGNET_PEERS: usize = 200;
/// Most ranges of files selected by a magnet link.
pub const MAX_MAGNET_RANGES: usize = 10_000;
/// Longest salt of a publisher, in bytes (BEP 44).
pub const MAX_SALT_LENGTH: usize = 64;
/// Most hashes in one `hash request` (BEP 52 suggests 512; a piece of 128 MiB has 8,192 blocks).
pub const MAX_HASH_REQUEST: u32 = 8_192;
