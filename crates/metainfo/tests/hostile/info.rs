//! What `info` says of files and pieces (BEP 3, 27, 47).

use super::ben::{Ben, Int, List, dict, file, link, multi, raw, s, single, torrent};
use super::rows::{Accepted, Noted, Refused, Torrent};

const MAX: i64 = i64::MAX;

fn one(key: &str, value: Ben) -> Vec<u8> {
    torrent(single().with(key, value))
}

fn lacks(key: &str) -> Vec<u8> {
    torrent(single().without(key))
}

fn files<const N: usize>(files: [Ben; N]) -> Vec<u8> {
    torrent(multi(files.into()))
}

fn a() -> Ben {
    file(&[b"a"], 1)
}

/// A folder of one file with one value changed.
fn with(key: &str, value: Ben) -> Vec<u8> {
    files([a().with(key, value)])
}

fn many_files() -> Vec<u8> {
    let files = b"d6:lengthi0e4:pathl1:aee".repeat(600_000);
    let files = raw([b"l".as_slice(), &files, b"e"].concat());
    torrent(multi(vec![]).with("files", files))
}

pub(super) static ROWS: &[Torrent] = &[
    ("empty info", || torrent(dict([])), Refused("the torrent has no `pieces`")),
    ("no piece length", || lacks("piece length"), Refused("the torrent has no `piece length`")),
    (
        "piece length 0",
        || one("piece length", Int(0)),
        Refused(
            "the torrent's pieces: piece length 0 is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB",
        ),
    ),
    (
        "piece length negative",
        || one("piece length", Int(-16_384)),
        Refused("the torrent's `piece length` is not valid: it must be a positive number"),
    ),
    (
        "piece length 2^62",
        || one("piece length", Int(1 << 62)),
        Refused(
            "the torrent's pieces: piece length 4611686018427387904 is not possible: v1 takes up to 512 MiB, v2 a power of two from 16 KiB",
        ),
    ),
    (
        "piece length is a string",
        || one("piece length", s("16384")),
        Refused("the torrent's `piece length` is not valid: it must be a positive number"),
    ),
    (
        "piece length 1",
        || one("piece length", Int(1)),
        Refused(
            "the torrent's `pieces` is not valid: it has not as many hashes as the files have pieces",
        ),
    ),
    ("piece length odd", || one("piece length", Int(16_385)), Accepted),
    ("no pieces", || lacks("pieces"), Refused("the torrent has no `pieces`")),
    (
        "pieces is a number",
        || one("pieces", Int(1)),
        Refused("the torrent's `pieces` is not valid: it must be a string"),
    ),
    (
        "pieces of 19 bytes",
        || one("pieces", s([7; 19])),
        Refused("the torrent's `pieces` is not valid: its length is not a multiple of 20"),
    ),
    (
        "too few hashes",
        || one("pieces", s("")),
        Refused(
            "the torrent's `pieces` is not valid: it has not as many hashes as the files have pieces",
        ),
    ),
    (
        "too many hashes",
        || one("pieces", s([7; 40])),
        Refused(
            "the torrent's `pieces` is not valid: it has not as many hashes as the files have pieces",
        ),
    ),
    (
        "no name",
        || lacks("name"),
        Noted(&["`` is no name; it becomes `e2516f07180864c6fb4401d13766c2e59b1a500d`"]),
    ),
    (
        "name is a number",
        || one("name", Int(1)),
        Noted(&["`` is no name; it becomes `97765c8b17d7e8209c15ef14faf32b3fc694f845`"]),
    ),
    ("neither length nor files", || lacks("length"), Refused("the torrent has no `length`")),
    ("length and files", || torrent(multi(vec![a()]).with("length", Int(5))), Accepted),
    (
        "length negative",
        || one("length", Int(-5)),
        Refused("file 0 of the torrent: its length is not a size"),
    ),
    (
        "length 2^63-1",
        || one("length", Int(MAX)),
        Refused("the torrent's pieces: more than 8388608 pieces; a larger piece length is needed"),
    ),
    (
        "length is a string",
        || one("length", s("5")),
        Refused("file 0 of the torrent: its length is not a size"),
    ),
    (
        "nothing but an empty file",
        || torrent(single().with("length", Int(0)).with("pieces", s(""))),
        Accepted,
    ),
    (
        "files is empty",
        || files([]),
        Refused("the torrent's `files` is not valid: there is no file in it"),
    ),
    (
        "files is a dictionary",
        || torrent(single().without("length").with("files", dict([]))),
        Refused("the torrent's `files` is not valid: it must be a list"),
    ),
    (
        "file is a number",
        || files([Int(1)]),
        Refused("file 0 of the torrent: the entry is no dictionary"),
    ),
    (
        "file without length",
        || files([a().without("length")]),
        Refused("file 0 of the torrent: it has no length"),
    ),
    (
        "file length negative",
        || files([a(), file(&[b"b"], -1)]),
        Refused("file 1 of the torrent: its length is not a size"),
    ),
    (
        "lengths overflow",
        || files([file(&[b"a"], MAX), file(&[b"b"], MAX), file(&[b"c"], MAX)]),
        Refused("the torrent's pieces: more than 8388608 pieces; a larger piece length is needed"),
    ),
    (
        "file without path",
        || files([a().without("path")]),
        Refused("file 0 of the torrent: it has no path"),
    ),
    ("path is empty", || files([file(&[], 1)]), Noted(&["`n` has no name; it becomes `n/_`"])),
    ("path is a string", || with("path", s("a")), Refused("file 0 of the torrent: it has no path")),
    (
        "path holds a number",
        || with("path", List(vec![Int(1)])),
        Refused("file 0 of the torrent: its path is not made of strings"),
    ),
    (
        "path 101 deep",
        || files([file(&[&b"d"[..]; 101], 1)]),
        Refused("file 0 of the torrent: its path is too deep"),
    ),
    (
        "600,000 files",
        || many_files(),
        Refused("the number of files: 600000 is more than the limit of 500000"),
    ),
    ("attr is a number", || with("attr", Int(1)), Accepted),
    ("attr junk", || with("attr", s(b"zxh\0\xff")), Accepted),
    (
        "nothing but padding",
        || files([a().with("attr", s("p"))]),
        Refused("the torrent's `files` is not valid: there is no file in it"),
    ),
    ("padding without path", || files([a(), a().with("attr", s("p")).without("path")]), Accepted),
    (
        "padding that leads out",
        || files([a(), file(&[b"..", b"x"], 1).with("attr", s("p"))]),
        Accepted,
    ),
    (
        "padding of 2^62 bytes",
        || files([a(), file(&[b"p"], 1 << 62).with("attr", s("p"))]),
        Refused("the torrent's pieces: more than 8388608 pieces; a larger piece length is needed"),
    ),
    (
        "only file is padding",
        || one("attr", s("p")),
        Refused("file 0 of the torrent: the only file is padding or a link"),
    ),
    (
        "only file is a link",
        || one("attr", s("l")),
        Refused("file 0 of the torrent: a link cannot have a length"),
    ),
    (
        "link with a length",
        || files([link(&[b"l"], &[b"a"]).with("length", Int(1)), a()]),
        Refused("file 0 of the torrent: a link cannot have a length"),
    ),
    ("link to a file", || files([a(), link(&[b"l"], &[b"a"])]), Accepted),
    (
        "link without target",
        || files([a(), link(&[b"l"], &[])]),
        Noted(&["link `n/l` left out: its target `` is not in the torrent"]),
    ),
    (
        "link that leads out",
        || files([a(), link(&[b"l"], &[b"..", b"..", b"etc"])]),
        Noted(&["link `n/l` left out: its target `../../etc` is not in the torrent"]),
    ),
    (
        "link to /etc/passwd",
        || files([a(), link(&[b"l"], &[b"/etc/passwd"])]),
        Noted(&["link `n/l` left out: its target `/etc/passwd` is not in the torrent"]),
    ),
    (
        "links in a circle",
        || files([a(), link(&[b"l"], &[b"m"]), link(&[b"m"], &[b"l"])]),
        Noted(&[
            "link `n/l` left out: its target `m` leads back to itself",
            "link `n/m` left out: its target `l` leads back to itself",
        ]),
    ),
    (
        "file below a link",
        || files([file(&[b"d", b"x"], 1), link(&[b"l"], &[b"d"]), file(&[b"l", b"y"], 1)]),
        Noted(&["`n/l/y` is a file and a folder at once; it becomes `n/l (2)/y`"]),
    ),
    ("private 1", || one("private", Int(1)), Accepted),
    ("private 7", || one("private", Int(7)), Accepted),
    ("private is a string", || one("private", s("1")), Accepted),
];
