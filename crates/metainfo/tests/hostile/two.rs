//! Version 2 and hybrids (BEP 52).

use super::ben::{
    Ben, Dict, Int, List, dict, file, hybrid, layers, leaf, s, torrent, v2, v2_info, with_layers,
    zero_piece, zero_root,
};
use super::rows::{Accepted, Refused, Torrent};

fn tree(tree: Ben) -> Vec<u8> {
    with_layers(v2_info(tree))
}

/// A torrent of one file with these properties.
fn entry(entry: Ben) -> Vec<u8> {
    tree(dict([("a", dict([("", entry)]))]))
}

fn info(key: &str, value: Ben) -> Vec<u8> {
    with_layers(v2_info(dict([("a", leaf(1))])).with(key, value))
}

fn given(layers: Ben) -> Vec<u8> {
    v2().with("piece layers", layers).bytes()
}

/// The piece layer of the one file that needs one.
fn layer(hashes: Ben) -> Vec<u8> {
    given(Dict(vec![(zero_root(2).0.to_vec(), hashes)]))
}

fn mixed(key: &str, value: Ben) -> Vec<u8> {
    with_layers(hybrid().with(key, value))
}

fn pair(a: Ben, b: Ben) -> Vec<u8> {
    mixed("files", List(vec![a, b]))
}

fn two() -> Ben {
    dict([("a", leaf(1)), ("b", leaf(1))])
}

fn root() -> Ben {
    s(zero_root(1).0)
}

fn sized(length: i64, root: Ben) -> Ben {
    dict([("length", Int(length)), ("pieces root", root)])
}

fn with_unknown() -> Vec<u8> {
    let own = (zero_root(2).0.to_vec(), s(zero_piece().0.repeat(2)));
    given(Dict(vec![([0; 32].to_vec(), s([1; 64])), own]))
}

fn deep() -> Vec<u8> {
    tree((0..120).fold(leaf(1), |below, _| dict([("d", below)])))
}

pub(super) static ROWS: &[Torrent] = &[
    ("v2", || v2().bytes(), Accepted),
    (
        "meta version 1",
        || info("meta version", Int(1)),
        Refused("the torrent's `meta version` is not valid: it must be 2"),
    ),
    (
        "meta version 3",
        || info("meta version", Int(3)),
        Refused("meta version 3 is newer than this program understands"),
    ),
    (
        "meta version is a string",
        || info("meta version", s("2")),
        Refused("the torrent's `meta version` is not valid: it must be 2"),
    ),
    (
        "v2 piece length 3 * 16 KiB",
        || info("piece length", Int(49_152)),
        Refused(
            "the torrent's pieces: piece length 49152 is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB",
        ),
    ),
    (
        "v2 piece length 8 KiB",
        || info("piece length", Int(8_192)),
        Refused(
            "the torrent's pieces: piece length 8192 is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB",
        ),
    ),
    (
        "no file tree",
        || with_layers(v2_info(two()).without("file tree")),
        Refused("the torrent has no `file tree`"),
    ),
    (
        "file tree is a list",
        || info("file tree", List(vec![])),
        Refused("the torrent's `file tree` is not valid: it must be a dictionary"),
    ),
    (
        "file tree is empty",
        || tree(dict([])),
        Refused("the torrent's `files` is not valid: there is no file in it"),
    ),
    (
        "file tree 120 deep",
        || deep(),
        Refused("not a torrent: bencode, byte 431: nested too deeply"),
    ),
    (
        "folders without files",
        || tree(dict([("a", dict([("b", dict([]))]))])),
        Refused("the torrent's `files` is not valid: there is no file in it"),
    ),
    (
        "entry is a number",
        || tree(dict([("a", Int(1))])),
        Refused("file `a` of the torrent: its entry is no dictionary"),
    ),
    (
        "properties are a list",
        || entry(List(vec![])),
        Refused("file `a` of the torrent: its properties are no dictionary"),
    ),
    (
        "file and folder at once",
        || tree(dict([("a", leaf(1).with("b", leaf(1)))])),
        Refused("file `a` of the torrent: it is a file and a folder at once"),
    ),
    (
        "v2 file without a name",
        || tree(dict([("", sized(16_384, root()))])),
        Refused("file without a name of the torrent: it is a file and a folder at once"),
    ),
    (
        "v2 file without length",
        || entry(dict([("pieces root", root())])),
        Refused("file `a` of the torrent: it has no length"),
    ),
    (
        "no pieces root",
        || entry(dict([("length", Int(5))])),
        Refused("file `a` of the torrent: it has no pieces root"),
    ),
    (
        "pieces root of 31 bytes",
        || entry(sized(5, s([1; 31]))),
        Refused("file `a` of the torrent: its pieces root is not 32 bytes long"),
    ),
    ("empty file with a root", || entry(sized(0, root())), Accepted),
    (
        "v2 padding",
        || entry(sized(5, root()).with("attr", s("p"))),
        Refused("file `a` of the torrent: a v2 file tree cannot hold padding"),
    ),
    (
        "v2 length 2^62",
        || entry(sized(1 << 62, root())),
        Refused("the torrent's pieces: more than 8388608 pieces; a larger piece length is needed"),
    ),
    (
        "no piece layers",
        || torrent(v2_info(dict([("n", leaf(2))]))),
        Refused("the torrent has no `piece layers`"),
    ),
    (
        "piece layers is a list",
        || given(List(vec![])),
        Refused("the torrent's `piece layers` is not valid: it must be a dictionary"),
    ),
    (
        "piece layers is empty",
        || given(dict([])),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    (
        "piece layer is a number",
        || layer(Int(1)),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    (
        "piece layer of one hash",
        || layer(s([1; 32])),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    (
        "piece layer of 63 bytes",
        || layer(s([1; 63])),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    (
        "piece layer does not match",
        || layer(s([1; 64])),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    (
        "piece layer of another file",
        || given(layers(4)),
        Refused("the piece layer of file `n` is missing or does not match its root"),
    ),
    ("layer of an unknown file too", || with_unknown(), Accepted),
    ("hybrid", || with_layers(hybrid()), Accepted),
    (
        "hybrid, other length",
        || pair(file(&[b"a"], 16_384), file(&[b"b"], 16_383)),
        Refused("the v1 and v2 parts of the hybrid torrent differ: the size or kind of `b`"),
    ),
    (
        "hybrid, other order",
        || pair(file(&[b"b"], 16_384), file(&[b"a"], 16_384)),
        Refused("the v1 and v2 parts of the hybrid torrent differ: `b` in v1 is `a` in v2"),
    ),
    (
        "hybrid, other name",
        || pair(file(&[b"a"], 16_384), file(&[b"c"], 16_384)),
        Refused("the v1 and v2 parts of the hybrid torrent differ: `c` in v1 is `b` in v2"),
    ),
    (
        "hybrid, file in v1 alone",
        || mixed("file tree", dict([("a", leaf(1))])),
        Refused("the v1 and v2 parts of the hybrid torrent differ: file `b` is in v1 alone"),
    ),
    (
        "hybrid, file in v2 alone",
        || mixed("files", List(vec![file(&[b"a"], 16_384)])),
        Refused("the v1 and v2 parts of the hybrid torrent differ: file `b` is in v2 alone"),
    ),
    (
        "hybrid, padding missing",
        || unpadded(false),
        Refused(
            "the v1 and v2 parts of the hybrid torrent differ: file `b` starts elsewhere in v1",
        ),
    ),
    ("hybrid, padded", || unpadded(true), Accepted),
    (
        "hybrid, hashes missing",
        || mixed("pieces", s([7; 20])),
        Refused(
            "the torrent's `pieces` is not valid: it has not as many hashes as the files have pieces",
        ),
    ),
    (
        "hybrid, another single file",
        || with_layers(hybrid().without("files").with("length", Int(16_384))),
        Refused(
            "the v1 and v2 parts of the hybrid torrent differ: one is a file, the other a folder",
        ),
    ),
];

/// A hybrid whose first file ends within a piece.
fn unpadded(padded: bool) -> Vec<u8> {
    let short = dict([("length", Int(5)), ("pieces root", s([3; 32]))]);
    let tree = dict([("a", dict([("", short)])), ("b", leaf(1))]);
    let mut files = vec![file(&[b"a"], 5), file(&[b"b"], 16_384)];
    if padded {
        files.insert(1, file(&[b".pad", b"16379"], 16_379).with("attr", s("p")));
    }
    with_layers(hybrid().with("file tree", tree).with("files", List(files)))
}
