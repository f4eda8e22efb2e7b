use std::path::{Component, Path};

use bencode::{DictEncoder, encode};
use hash::Sha256Digest;
use proptest::prelude::*;

use crate::limits::MAX_PATH_DEPTH;
use crate::{Info, Version};

/// An `info` dictionary written key by key.
fn info(write: impl FnOnce(&mut DictEncoder<'_>)) -> Vec<u8> {
    encode(|e| e.dict(write))
}

/// A v1 `info` of files given by path, attributes and length, in pieces of 16 KiB.
fn v1(name: &[u8], files: &[(&[&[u8]], &str, u64)]) -> Vec<u8> {
    let links: Vec<_> =
        files.iter().map(|(path, attr, length)| (*path, *attr, *length, None)).collect();
    v1_links(name, &links)
}

type Linked<'a> = (&'a [&'a [u8]], &'a str, u64, Option<&'a [&'a [u8]]>);

fn v1_links(name: &[u8], files: &[Linked<'_>]) -> Vec<u8> {
    let total: u64 = files.iter().map(|file| file.2).sum();
    info(|d| {
        d.list("files", |l| {
            for (path, attr, length, link) in files {
                l.item().dict(|d| {
                    d.bytes("attr", attr);
                    d.int("length", *length);
                    d.list("path", |l| {
                        path.iter().for_each(|part| l.item().bytes(part));
                    });
                    if let Some(link) = link {
                        d.list("symlink path", |l| {
                            link.iter().for_each(|it| l.item().bytes(it));
                        });
                    }
                });
            }
        });
        d.bytes("name", name);
        d.int("piece length", 16_384);
        d.bytes("pieces", vec![7; 20 * total.div_ceil(16_384) as usize]);
    })
}

/// A v2 `info` round a file tree.
fn v2(tree: impl FnOnce(&mut DictEncoder<'_>)) -> Vec<u8> {
    info(|d| {
        d.dict("file tree", tree);
        d.int("meta version", 2);
        d.bytes("name", "name");
        d.int("piece length", 16_384);
    })
}

fn leaf(d: &mut DictEncoder<'_>, name: &str, length: u64, root: &[u8]) {
    d.dict(name, |d| {
        d.dict("", |d| {
            d.int("length", length);
            d.bytes("pieces root", root);
        });
    });
}

fn paths(info: &Info) -> Vec<&str> {
    info.layout().files().iter().map(|file| file.path.to_str().unwrap()).collect()
}

#[test]
fn malformed_info_is_refused_with_a_reason() {
    let root = [1; 32];
    let single = |length: i64, piece_length: i64, pieces: &[u8]| {
        info(|d| {
            d.int("length", length);
            d.bytes("name", "name");
            d.int("piece length", piece_length);
            d.bytes("pieces", pieces);
        })
    };
    let check = |raw: &[u8], expected: &str| {
        let error = Info::parse(raw).expect_err(expected).to_string();
        assert_eq!(error, expected, "{}", raw.escape_ascii());
    };
    let invalid = |raw: &[u8], key: &str, why: &str| {
        check(raw, &format!("the torrent's `{key}` is not valid: {why}"));
    };
    let file = |raw: &[u8], file: &str, why: &str| {
        check(raw, &format!("file {file} of the torrent: {why}"));
    };
    check(b"", "not a torrent: bencode, byte 0: the data ends too early");
    check(
        &v1(b"n", &[(&[], "", 1)])[..40],
        "not a torrent: bencode, byte 40: the data ends too early",
    );
    check(b"de", "the torrent has no `pieces`");
    check(b"d6:pieces0:e", "the torrent has no `length`");
    check(b"d6:lengthi0e6:pieces0:e", "the torrent has no `piece length`");
    invalid(b"le", "info", "no dictionary");
    invalid(b"d5:files0:6:pieces0:e", "files", "it must be a list");
    invalid(b"d5:filesle6:pieces0:e", "files", "there is no file in it");
    invalid(&v1(b"n", &[(&[b"a"], "p", 1)]), "files", "there is no file in it");
    file(b"d5:filesli1ee6:pieces0:e", "0", "the entry is no dictionary");
    file(b"d5:filesldee6:pieces0:e", "0", "it has no length");
    file(b"d5:filesld6:lengthi1eee6:pieces0:e", "0", "it has no path");
    file(&v1(b"n", &[(&[b"a"], "l", 1)]), "0", "a link cannot have a length");
    let deep = [b"a".as_slice(); MAX_PATH_DEPTH + 1];
    file(&v1(b"n", &[(&deep, "", 1)]), "0", "its path is too deep");
    file(&single(-1, 16_384, b""), "0", "its length is not a size");
    invalid(&single(1, -1, b""), "piece length", "it must be a positive number");
    for length in [0, 1 << 40] {
        let why = "is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB";
        let expected = format!("the torrent's pieces: piece length {length} {why}");
        check(&single(1, length, &root[..20]), &expected);
    }
    check(
        &single(i64::MAX, 16_384, b""),
        "the torrent's pieces: more than 8388608 pieces; a larger piece length is needed",
    );
    let pieces = single(1, 16_384, &root[..19]);
    invalid(&pieces, "pieces", "its length is not a multiple of 20");
    let pieces = single(1, 16_384, b"");
    invalid(&pieces, "pieces", "it has not as many hashes as the files have pieces");
}

#[test]
fn malformed_v2_info_is_refused_with_a_reason() {
    let root = [1; 32];
    let check = |raw: &[u8], expected: &str| {
        let error = Info::parse(raw).expect_err(expected).to_string();
        assert_eq!(error, expected, "{}", raw.escape_ascii());
    };
    let newer = info(|d| d.int("meta version", 3));
    check(&newer, "meta version 3 is newer than this program understands");
    check(&info(|d| d.int("meta version", 2)), "the torrent has no `file tree`");
    check(
        b"d12:meta versioni2e9:file treedee",
        "not a torrent: bencode, byte 19: dictionary keys are not sorted",
    );
    check(&v2(|_| {}), "the torrent's `files` is not valid: there is no file in it");
    let both = "of the torrent: it is a file and a folder at once";
    check(&v2(|d| leaf(d, "", 1, &root)), &format!("file without a name {both}"));
    let sibling = |d: &mut DictEncoder<'_>| {
        d.dict("", |d| d.int("length", 0));
        d.dict("b", |_| {});
    };
    check(&v2(|d| d.dict("a", sibling)), &format!("file `a` {both}"));
    check(
        &v2(|d| leaf(d, "a", 1, &root[1..])),
        "file `a` of the torrent: its pieces root is not 32 bytes long",
    );
    let rootless = v2(|d| d.dict("a", |d| d.dict("", |d| d.int("length", 1))));
    check(&rootless, "file `a` of the torrent: it has no pieces root");
    let number = v2(|d| d.dict("a", |d| d.int("b", 1)));
    check(&number, "file `a/b` of the torrent: its entry is no dictionary");
    let deep = v2(|d| nest(d, MAX_PATH_DEPTH + 5));
    assert!(Info::parse(&deep).unwrap_err().to_string().contains("nested too deeply"));
}

fn nest(d: &mut DictEncoder<'_>, depth: usize) {
    d.dict("x", |d| {
        if depth > 0 {
            nest(d, depth - 1);
        }
    });
}

#[test]
fn hybrids_must_agree_with_themselves() {
    let root = [1; 32];
    let hybrid = |files: &[(&str, u64)], tree: &[(&str, u64)]| {
        let total: u64 = files.iter().map(|file| file.1).sum();
        info(|d| {
            d.dict("file tree", |d| {
                for (name, length) in tree {
                    leaf(d, name, *length, &root);
                }
            });
            d.list("files", |l| {
                for (name, length) in files {
                    l.item().dict(|d| {
                        d.bytes("attr", if *name == "pad" { "p" } else { "" });
                        d.int("length", *length);
                        d.list("path", |l| l.item().bytes(name));
                    });
                }
            });
            d.int("meta version", 2);
            d.bytes("name", "name");
            d.int("piece length", 16_384);
            d.bytes("pieces", vec![7; 20 * total.div_ceil(16_384) as usize]);
        })
    };
    let tree = [("a", 5), ("b", 6)];
    let good = hybrid(&[("a", 5), ("pad", 16_379), ("b", 6)], &tree);
    let good = Info::parse(&good).unwrap();
    assert_eq!((good.version(), good.layout().pieces()), (Version::Hybrid, 2));
    let padded = hybrid(&[("a", 5), ("pad", 16_379), ("b", 6), ("pad", 16_378)], &tree);
    assert_eq!(Info::parse(&padded).unwrap().layout().space_length(), 32_768);
    for (files, expected) in [
        (&[("a", 5), ("b", 6)][..], "file `b` starts elsewhere in v1"),
        (&[("a", 5), ("pad", 32_763), ("b", 6)], "file `b` starts elsewhere in v1"),
        (
            &[("pad", 16_384), ("a", 5), ("pad", 16_378), ("b", 6)],
            "file `a` starts elsewhere in v1",
        ),
        (&[("a", 5), ("pad", 16_379), ("b", 6), ("pad", 16_379)], "the number of pieces"),
        (&[("a", 5)], "file `b` is in v2 alone"),
        (&[("a", 5), ("pad", 16_379), ("b", 6), ("c", 1)], "file `c` is in v1 alone"),
        (&[("a", 5), ("pad", 16_379), ("c", 6)], "`c` in v1 is `b` in v2"),
        (&[("a", 5), ("pad", 16_379), ("b", 7)], "the size or kind of `b`"),
    ] {
        let error = Info::parse(&hybrid(files, &tree)).unwrap_err().to_string();
        let prefix = "the v1 and v2 parts of the hybrid torrent differ: ";
        assert_eq!(error, format!("{prefix}{expected}"));
    }
}

#[test]
fn unsafe_names_become_safe_with_a_notice_each() {
    let raw = v1(
        b"../evil",
        &[
            (&[b"..", b"..", b"etc", b"passwd"], "", 1),
            (&[b"/abs"], "", 1),
            (&[b"a", b"", b".", b"b"], "", 1),
            (&[b"same"], "", 1),
            (&[b"same"], "", 1),
            (&[b"same", b"below"], "", 1),
            (&[], "", 1),
            (&[b"fine"], "", 1),
            (&[b"x"], "p", 1),
        ],
    );
    let info = Info::parse(&raw).unwrap();
    assert_eq!(info.name(), ".._evil");
    assert_eq!(
        paths(&info),
        [
            ".._evil/_/_/etc/passwd",
            ".._evil/_abs",
            ".._evil/a/b",
            ".._evil/same",
            ".._evil/same (2)",
            ".._evil/same (3)/below",
            ".._evil/_ (2)",
            ".._evil/fine",
        ]
    );
    let notices: Vec<String> = info.notices().iter().map(ToString::to_string).collect();
    assert_eq!(
        notices,
        [
            "`../evil` has a path separator in a name; it becomes `.._evil`",
            "`.._evil/../../etc/passwd` leads out of the folder; it becomes `.._evil/_/_/etc/passwd`",
            "`.._evil//abs` has a path separator in a name; it becomes `.._evil/_abs`",
            "`.._evil/a//./b` has an empty or `.` part; it becomes `.._evil/a/b`",
            "`.._evil/same` is an earlier file's name too; it becomes `.._evil/same (2)`",
            "`.._evil/same/below` is a file and a folder at once; it becomes `.._evil/same (3)/below`",
            "`.._evil` has no name; it becomes `.._evil/_ (2)`",
        ]
    );
}

#[test]
fn many_changed_names_are_counted() {
    let names: Vec<Vec<u8>> = (0..150).map(|at| format!("{at}?").into_bytes()).collect();
    let parts: Vec<[&[u8]; 1]> = names.iter().map(|name| [&name[..]]).collect();
    let files: Vec<(&[&[u8]], &str, u64)> = parts.iter().map(|part| (&part[..], "", 1)).collect();
    let info = Info::parse(&v1(b"n", &files)).unwrap();
    assert_eq!(info.notices().len(), 101);
    assert_eq!(info.notices()[100].to_string(), "… and 50 more names changed or left out");
}

#[test]
fn the_original_names_are_there_for_the_asking() {
    let files: [(&[&[u8]], &str, u64); 3] =
        [(&[b"a:b"], "", 1), (&[b"A:B"], "", 1), (&[b"..", b"c"], "", 1)];
    let info = Info::parse(&v1(b"con", &files)).unwrap();
    assert_eq!(paths(&info), ["_con/a_b", "_con/A_B (2)", "_con/_/c"]);
    let original = info.with_original_names();
    let found = original.as_ref().map(paths);
    let kept = vec!["con/a:b", "con/A:B", "con/_/c"];
    assert_eq!(found, (!cfg!(any(windows, target_os = "macos"))).then_some(kept));
    assert!(Info::parse(&v1(b"n", &[(&[b"a"], "", 1)])).unwrap().with_original_names().is_none());
}

#[test]
fn links_stay_inside() {
    fn link<'a>(path: &'a [&'a [u8]], target: &'a [&'a [u8]]) -> Linked<'a> {
        (path, "l", 0, Some(target))
    }
    let raw = v1_links(
        b"n",
        &[
            (&[b"d", b"f"], "x", 1, None),
            link(&[b"d", b"e", b"up"], &[b"d", b"f"]),
            link(&[b"top"], &[b"d"]),
            link(&[b"out"], &[b"..", b"f"]),
            link(&[b"gone"], &[b"nothing"]),
            link(&[b"through"], &[b"top", b"f"]),
            link(&[b"own"], &[b"own"]),
            link(&[b"ping"], &[b"pong"]),
            link(&[b"pong"], &[b"ping"]),
            link(&[b"again"], &[b"top"]),
            link(&[b"none"], &[]),
        ],
    );
    let info = Info::parse(&raw).unwrap();
    assert_eq!(paths(&info), ["n/d/f", "n/d/e/up", "n/top", "n/again"]);
    let links: Vec<_> = info.layout().files().iter().map(|it| it.symlink.as_deref()).collect();
    assert_eq!(
        links,
        [None, Some(Path::new("../f")), Some(Path::new("d")), Some(Path::new("top"))]
    );
    assert_eq!(info.notices().len(), 7);
    assert_eq!(
        info.notices()[0].to_string(),
        "link `n/out` left out: its target `../f` is not in the torrent"
    );
    assert_eq!(
        info.notices()[4].to_string(),
        "link `n/ping` left out: its target `pong` leads back to itself"
    );
}

#[test]
fn old_makers_are_understood() {
    // Keys out of order, no name, names in a local encoding beside UTF-8.
    let raw = b"d6:pieces20:aaaaaaaaaaaaaaaaaaaa12:piece lengthi16384e6:lengthi5e7:privatei1ee";
    let info = Info::parse(raw).unwrap();
    assert_eq!(info.notices()[0], crate::Notice::NotCanonical);
    assert_eq!(info.name(), hash::sha1(raw).to_string());
    assert!(info.is_private() && info.is_single_file());
    for (value, private) in [("i7e", true), ("i-1e", true), ("i0e", false), ("1:1", false)] {
        let raw = String::from_utf8_lossy(raw).replace("i1e", value);
        assert_eq!(Info::parse(raw.as_bytes()).unwrap().is_private(), private, "{value}");
    }
    let raw = info_utf8();
    let info = Info::parse(&raw).unwrap();
    assert_eq!(paths(&info), ["ä/é"]);
    assert_eq!(info.notices(), []);
}

fn info_utf8() -> Vec<u8> {
    info(|d| {
        d.list("files", |l| {
            l.item().dict(|d| {
                d.int("length", 1);
                d.list("path", |l| l.item().bytes(b"\xe9"));
                d.list("path.utf-8", |l| l.item().bytes("é"));
            });
        });
        d.bytes("name", b"\xe4");
        d.bytes("name.utf-8", "ä");
        d.int("piece length", 16_384);
        d.bytes("pieces", [7; 20]);
    })
}

#[test]
fn metadata_of_another_torrent_is_refused() {
    let raw = v1(b"n", &[(&[b"a"], "", 1)]);
    let info = Info::parse(&raw).unwrap();
    assert!(Info::parse_expecting(&raw, &info.hashes()).is_ok());
    let mut other = info.hashes();
    other.v2 = Some(Sha256Digest([1; 32]));
    assert_eq!(
        Info::parse_expecting(&raw, &other).unwrap_err().to_string(),
        "the metadata is that of another torrent"
    );
    // Right SHA-256, but the dictionary is not a v2 one.
    other = crate::InfoHashes { v1: None, v2: Some(hash::sha256(&raw)) };
    assert!(Info::parse_expecting(&raw, &other).is_err());
}

fn nasty_path() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(nasty(), 0..4)
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(|part| &part[..]).collect()
}

fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let fixed = ["..", ".", "", "/", "a", "A", "a/../..", "C:\\", "\0", "con", "x (2)", "x", "~"];
    prop_oneof![
        prop::sample::select(fixed.to_vec()).prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
        Just(vec![b'y'; 300]),
    ]
}

proptest! {
    #[test]
    fn no_path_leaves_the_output_directory(
        name in nasty(),
        files in prop::collection::vec(
            (nasty_path(), any::<bool>(), nasty_path()),
            1..12,
        ),
    ) {
        let parts: Vec<_> = files
            .iter()
            .map(|(path, link, target)| {
                (slices(path), *link, slices(target))
            })
            .collect();
        let listed: Vec<Linked<'_>> = parts
            .iter()
            .map(|(path, link, target)| {
                let link = link.then_some(&target[..]);
                (&path[..], link.map_or("", |_| "l"), if link.is_some() { 0 } else { 3 }, link)
            })
            .collect();
        let info = Info::parse(&v1_links(&name, &listed)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for file in info.layout().files() {
            prop_assert!(file.path.components().all(|it| matches!(it, Component::Normal(_))));
            prop_assert!(file.path.starts_with(info.name()));
            prop_assert!(file.path.components().all(|it| it.as_os_str().len() <= 255));
            prop_assert!(seen.insert(file.path.clone()), "twice: {:?}", file.path);
            if let Some(target) = &file.symlink {
                let mut at: Vec<Component<'_>> = file.path.parent().unwrap().components().collect();
                for part in target.components() {
                    match part {
                        Component::ParentDir => {
                            at.pop();
                        }
                        Component::CurDir => {}
                        part => at.push(part),
                    }
                    prop_assert!(!at.is_empty(), "{:?} leads out by {:?}", file.path, target);
                }
            }
        }
        // No file lies below another file or link.
        for path in &seen {
            prop_assert!(!path.ancestors().skip(1).any(|above| seen.contains(above)));
        }
    }

    #[test]
    fn any_bytes_are_survived(
        at in any::<prop::sample::Index>(),
        byte: u8,
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = Info::parse(&tail);
        let mut raw = v2(|d| {
            leaf(d, "a", 40_000, &[1; 32]);
            d.dict("b", |d| leaf(d, "c", 1, &[2; 32]));
        });
        let at = at.index(raw.len());
        raw[at] = byte;
        let _ = Info::parse(&raw);
        let files: [(&[&[u8]], _, _); 3] =
            [(&[b"a"], "x", 5), (&[b"p"], "p", 20_000), (&[b"b", b"c"], "h", 9)];
        let mut raw = v1(b"n", &files);
        let at = at % raw.len();
        raw[at] = byte;
        let _ = Info::parse(&raw);
    }
}
