use std::path::Path;

use bencode::{DictEncoder, encode};
use stdx::PieceIndex;

use crate::{Metainfo, PieceHasher, Version};

/// Made by libtorrent 2.1.1 of files whose byte `i` is `i * 7 + i / 251`.
const HYBRID: &[u8] = include_bytes!("fixtures/libtorrent-hybrid.torrent");

const INFO: &[u8] = b"d6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";

fn torrent(
    before: impl FnOnce(&mut DictEncoder<'_>),
    after: impl FnOnce(&mut DictEncoder<'_>),
) -> Vec<u8> {
    encode(|e| {
        e.dict(|d| {
            before(d);
            d.key("info").raw(INFO);
            after(d);
        });
    })
}

#[test]
fn a_hybrid_of_libtorrent_is_read_and_verifies_its_content() {
    let metainfo = Metainfo::parse(HYBRID).unwrap();
    let layout = metainfo.info.layout();
    assert_eq!(metainfo.info.version(), Version::Hybrid);
    assert_eq!(
        metainfo.hashes.to_string(),
        "6942f23a79f65a0be95a6fa58c85767b3dac879e \
         (f98a2243653f0526422bc96cfeacca8df430d64d4c74adfdc2825fe0543b1a10)"
    );
    let files: Vec<_> =
        layout.files().iter().map(|it| (it.path.to_str().unwrap(), it.length)).collect();
    assert_eq!(
        files,
        [
            ("name/a/b/x.txt", 3),
            ("name/a/empty", 0),
            ("name/bin/run.sh", 70_000),
            ("name/m.txt", 16_384),
            ("name/z", 81_920),
        ]
    );
    assert!(layout.files()[2].executable);
    assert_eq!((metainfo.info.notices(), layout.pieces()), (&[][..], 8));
    for piece in (0..layout.pieces()).map(PieceIndex) {
        let mut hasher = PieceHasher::new(layout, piece);
        for span in layout.spans(piece, 0, layout.piece_size(piece)) {
            let byte = |i: u64| (i * 7 + i / 251) as u8;
            let range = span.offset..span.offset + u64::from(span.length);
            let bytes: Vec<u8> = range.map(|i| span.file.map_or(0, |_| byte(i))).collect();
            hasher.update(&bytes);
        }
        let hashes = hasher.finish();
        let v2 = layout.v2_piece(piece).unwrap();
        assert_eq!(hashes.v1, metainfo.info.v1_hash(piece));
        assert_eq!(hashes.v2, metainfo.piece_layers.piece_hash(&v2));
    }
    assert_eq!(metainfo.to_bytes(), HYBRID);
}

#[test]
fn v2_needs_its_piece_layers() {
    let metainfo = Metainfo::parse(HYBRID).unwrap();
    let mut without = metainfo.clone();
    without.piece_layers = crate::PieceLayers::default();
    let error = Metainfo::parse(&without.to_bytes()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the piece layer of file `name/bin/run.sh` is missing or does not match its root"
    );
    let info = metainfo.info.raw();
    let bare = encode(|e| e.dict(|d| d.key("info").raw(info)));
    let error = Metainfo::parse(&bare).unwrap_err().to_string();
    assert_eq!(error, "the torrent has no `piece layers`");
    // Every byte of every layer counts.
    let start = HYBRID.windows(12).position(|it| it == b"piece layers").unwrap();
    let mut altered = HYBRID.to_vec();
    altered[start + 90] ^= 1;
    assert!(Metainfo::parse(&altered).is_err());
}

#[test]
fn trackers_come_in_tiers() {
    let tiers = |list: &[&[&str]]| {
        torrent(
            |d| {
                d.bytes("announce", "http://first.example/announce");
                d.list("announce-list", |l| {
                    for tier in list {
                        l.item().list(|l| tier.iter().for_each(|url| l.item().bytes(url)));
                    }
                });
            },
            |_| {},
        )
    };
    let check = |file: &[u8], expected: &[&[&str]], dropped: usize| {
        let metainfo = Metainfo::parse(file).unwrap();
        assert_eq!(metainfo.trackers, expected);
        assert_eq!(metainfo.notices.len(), dropped, "{:?}", metainfo.notices);
        assert_eq!(Metainfo::parse(&metainfo.to_bytes()).unwrap().trackers, expected);
    };
    let (a, b, c) = ("http://a.example/announce", "udp://b.example:80", "HTTPS://c.example/");
    check(&tiers(&[&[a, b], &[c]]), &[&[a, b], &[c]], 0);
    check(&tiers(&[&[a, a], &[], &[a, c], &[""]]), &[&[a], &[c]], 0);
    check(&tiers(&[]), &[&["http://first.example/announce"]], 0);
    check(&tiers(&[&["wss://w.example", "http://"]]), &[&["http://first.example/announce"]], 2);
    check(&torrent(|d| d.list("announce-list", |l| l.item().bytes(a)), |_| {}), &[&[a]], 0);
    check(&torrent(|d| d.bytes("announce", " "), |_| {}), &[], 1);
    check(&torrent(|d| d.int("announce", 1), |_| {}), &[], 0);
}

#[test]
fn web_seeds_are_one_or_many() {
    let check = |file: Vec<u8>, expected: &[&str]| {
        let metainfo = Metainfo::parse(&file).unwrap();
        assert_eq!(metainfo.web_seeds, expected);
        assert_eq!(Metainfo::parse(&metainfo.to_bytes()).unwrap().web_seeds, expected);
    };
    check(torrent(|_| {}, |d| d.bytes("url-list", "http://w.example/")), &["http://w.example/"]);
    check(torrent(|_| {}, |d| d.bytes("url-list", "")), &[]);
    let many = ["http://w.example/", "gopher://x.example/", "https://y.example/a%20b"];
    let list = |d: &mut DictEncoder<'_>| {
        d.list("url-list", |l| {
            for url in many {
                l.item().bytes(url);
            }
        });
    };
    check(torrent(|_| {}, list), &[many[0], many[2]]);
}

#[test]
fn nodes_are_pairs_of_host_and_port() {
    let file = torrent(
        |_| {},
        |d| {
            d.list("nodes", |list| {
                for (host, port) in [
                    ("router.example", 6881),
                    ("192.0.2.7", 1),
                    ("2001:db8::1", 65_535),
                    ("192.0.2.8", 0),
                    ("192.0.2.9", 65_536),
                    ("no host", 6881),
                ] {
                    list.item().list(|node| {
                        node.item().bytes(host);
                        node.item().int(port);
                    });
                }
                list.item().bytes("192.0.2.10");
                list.item().list(|_| {});
            });
        },
    );
    let metainfo = Metainfo::parse(&file).unwrap();
    let expected = ["router.example:6881", "192.0.2.7:1", "[2001:db8::1]:65535"];
    assert_eq!(metainfo.nodes, expected);
    assert_eq!(Metainfo::parse(&metainfo.to_bytes()).unwrap().nodes, expected);
}

#[test]
fn text_cannot_steer_a_terminal() {
    let file = torrent(
        |d| {
            d.bytes("comment", "one\ntwo\x1b[2J");
            d.bytes("created by", b"caf\xe9");
            d.int("creation date", 1_700_000_000);
        },
        |_| {},
    );
    let metainfo = Metainfo::parse(&file).unwrap();
    assert_eq!(metainfo.comment.as_deref(), Some("one\ntwo\u{fffd}[2J"));
    assert_eq!(metainfo.created_by.as_deref(), Some("caf\u{fffd}"));
    assert_eq!(metainfo.creation_date, Some(1_700_000_000));
}

#[test]
fn sloppy_files_are_read_and_others_refused() {
    let mut file = torrent(|_| {}, |_| {});
    file.extend_from_slice(b"\r\n");
    let metainfo = Metainfo::parse(&file).unwrap();
    assert_eq!(metainfo.info.layout().files()[0].path, Path::new("n"));
    let unsorted = [b"d4:zzzzi1e4:info", INFO, b"e"].concat();
    assert_eq!(Metainfo::parse(&unsorted).unwrap().hashes.v1, Some(hash::sha1(INFO)));
    for (file, expected) in [
        (&b""[..], "the file is empty"),
        (b"<html>", "it is a web page"),
        (b"le", "the torrent has no `info`"),
        (b"d3:fooi1ee", "the torrent has no `info`"),
        (b"d4:infoi1ee", "the torrent's `info` is not valid: no dictionary"),
        (b"d4:infod", "not a torrent: bencode, byte 8: the data ends too early"),
    ] {
        assert_eq!(Metainfo::parse(file).unwrap_err().to_string(), expected);
    }
}

#[test]
fn notices_of_dropped_urls_are_bounded() {
    let bad = |d: &mut DictEncoder<'_>| {
        d.list("url-list", |l| {
            (0..1_000).for_each(|at| l.item().bytes(format!("gopher://{at}")));
        });
    };
    let metainfo = Metainfo::parse(&torrent(|_| {}, bad)).unwrap();
    assert_eq!(metainfo.notices.len(), 20);
    let notice = metainfo.notices[0].to_string();
    assert_eq!(notice, "web seed `gopher://0` left out: it is no http, https or ftp URL");
}
