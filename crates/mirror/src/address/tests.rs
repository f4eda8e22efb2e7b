use std::sync::Arc;

use stdx::BLOCK_LENGTH;

use super::*;

/// A v1 torrent of files, each given by its path and length.
pub(crate) fn torrent(name: &str, files: &[(&[&str], u64)]) -> Arc<Info> {
    let total: u64 = files.iter().map(|(_, length)| length).sum();
    let piece_length = u64::from(BLOCK_LENGTH) * 2;
    let raw = bencode::encode(|e| {
        e.dict(|d| {
            if let [(path, length)] = files
                && path.is_empty()
            {
                d.int("length", length.cast_signed());
            } else {
                d.list("files", |list| {
                    for (path, length) in files {
                        list.item().dict(|d| {
                            d.int("length", length.cast_signed());
                            d.list("path", |list| {
                                path.iter().for_each(|part| list.item().bytes(part));
                            });
                        });
                    }
                });
            }
            d.bytes("name", name);
            d.int("piece length", piece_length.cast_signed());
            d.bytes("pieces", vec![7; 20 * total.div_ceil(piece_length) as usize]);
        });
    });
    Arc::new(Info::parse(&raw).unwrap())
}

#[test]
fn files_are_named_as_the_torrent_names_them() {
    let check = |base: &str, info: &Info, file: u32, expected: &str| {
        let url = Address::files(base, false).unwrap().of_file(info, FileIndex(file));
        assert_eq!(url.target(), expected, "{base}");
    };
    let single = torrent("a b.iso", &[(&[], 9)]);
    check("http://m/x.iso", &single, 0, "/x.iso");
    check("http://m/x.iso?k", &single, 0, "/x.iso?k");
    check("http://m/pub/", &single, 0, "/pub/a%20b.iso");
    check("http://m", &single, 0, "/a%20b.iso");
    let many = torrent("ä", &[(&["1"], 9), (&["d e", "#?%"], 9)]);
    let many = many.with_original_names().unwrap();
    check("http://m/pub/", &many, 0, "/pub/%C3%A4/1");
    check("http://m/pub", &many, 1, "/pub/%C3%A4/d%20e/%23%3F%25");
    check("http://m/pub?k", &many, 1, "/pub/%C3%A4/d%20e/%23%3F%25?k");
}

#[test]
fn pieces_are_asked_of_scripts() {
    let info = torrent("x", &[(&[], 9)]);
    let it = Address::pieces("http://m/seed.php?a=1", false).unwrap();
    let target = it.of_piece(&info.hashes(), PieceIndex(3), 16, 32).target();
    let hash = percent_encode(&info.hashes().v1.unwrap().0, NAME).to_string();
    assert_eq!(target, format!("/seed.php?a=1&info_hash={hash}&piece=3&ranges=16-31"));
    assert!(Address::pieces("ftp://m/", false).is_err());
}
