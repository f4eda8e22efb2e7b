use bencode::ListEncoder;
use stdx::Rng;

const HASH_LENGTH: usize = 20;
const FILES_IN_FOLDER: u32 = 10;

/// A `.torrent` file (v1) of so many pieces of `piece_length` bytes, in `files` files of equal
/// length. Its hashes are those of no content.
pub fn torrent(pieces: u32, piece_length: u32, files: u32) -> Vec<u8> {
    let mut hashes = vec![0; pieces as usize * HASH_LENGTH];
    Rng::new(1).fill(&mut hashes);
    let file_length = u64::from(pieces) * u64::from(piece_length) / u64::from(files);
    bencode::encode(|e| {
        e.dict(|top| {
            top.bytes("announce", "udp://tracker.example:6969/announce");
            top.dict("info", |info| {
                info.list("files", |list| (0..files).for_each(|file| add(list, file, file_length)));
                info.bytes("name", "content");
                info.int("piece length", piece_length);
                info.bytes("pieces", &hashes);
            });
        });
    })
}

fn add(list: &mut ListEncoder<'_>, file: u32, length: u64) {
    list.item().dict(|entry| {
        entry.int("length", length);
        entry.list("path", |path| {
            path.item().bytes(format!("folder {:03}", file / FILES_IN_FOLDER));
            path.item().bytes(format!("file {file:04}.bin"));
        });
    });
}
