//! Files that are no bencode, odd bencode, or too much of it.

use super::ben::{Dict, Int, List, dict, raw, s, single, torrent};
use super::rows::{Accepted, Noted, Refused, Torrent};

const ODD: &str = "the torrent is not canonical bencode; used as it stands";

/// The `info` of a file of 5 bytes with one value written in a way of its own.
fn with(key: &str, bytes: &[u8]) -> Vec<u8> {
    torrent(single().with(key, raw(bytes)))
}

fn nested(open: u8, depth: usize) -> Vec<u8> {
    let deep = [vec![open; depth], vec![b'e'; depth]].concat();
    dict([("info", single()), ("x", raw(deep))]).bytes()
}

fn folders() -> Vec<u8> {
    let folders = [b"1:ad".repeat(10_000), vec![b'e'; 10_000]].concat();
    torrent(raw([b"d9:file treed", &folders[..], b"ee"].concat()))
}

fn many_lists(times: usize) -> Vec<u8> {
    let lists = raw([b"l".as_slice(), &b"le".repeat(times), b"e"].concat());
    dict([("info", single()), ("x", lists)]).bytes()
}

/// A good torrent without its last bytes.
fn cut(bytes: usize) -> Vec<u8> {
    let mut good = torrent(single());
    good.truncate(good.len() - bytes);
    good
}

/// A good torrent with something behind it.
fn and(more: &[u8]) -> Vec<u8> {
    [&torrent(single())[..], more].concat()
}

fn unsorted() -> Vec<u8> {
    torrent(Dict(vec![
        (b"pieces".to_vec(), s([7; 20])),
        (b"piece length".to_vec(), Int(16_384)),
        (b"name".to_vec(), s("n")),
        (b"length".to_vec(), Int(5)),
    ]))
}

fn twice() -> Vec<u8> {
    let twice = b"d6:lengthi5e6:lengthi9e4:name1:n12:piece lengthi16384e6:pieces20:";
    torrent(raw([&twice[..], &[7; 20], b"e"].concat()))
}

pub(super) static ROWS: &[Torrent] = &[
    ("empty file", || vec![], Refused("the file is empty")),
    ("web page", || b"<!DOCTYPE html><html>404</html>".to_vec(), Refused("it is a web page")),
    ("gzip", || vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], Refused("it is a gzip file")),
    (
        "magnet in a file",
        || b"magnet:?xt=urn:btih:aaaa".to_vec(),
        Refused("it holds a magnet link"),
    ),
    ("noise", || b"\xff\xfe\x00torrent".to_vec(), Refused("it is some other kind of file")),
    ("top is a list", || b"le".to_vec(), Refused("the torrent has no `info`")),
    ("top is a number", || b"i1e".to_vec(), Refused("the torrent has no `info`")),
    ("no info", || b"d8:announce10:http://x/ae".to_vec(), Refused("the torrent has no `info`")),
    (
        "info is a string",
        || b"d4:info1:xe".to_vec(),
        Refused("the torrent's `info` is not valid: no dictionary"),
    ),
    (
        "info is a list",
        || b"d4:infolee".to_vec(),
        Refused("the torrent's `info` is not valid: no dictionary"),
    ),
    (
        "cut in a string",
        || cut(9),
        Refused("not a torrent: bencode, byte 58: string length malformed or beyond the end"),
    ),
    (
        "cut before the end",
        || cut(1),
        Refused("not a torrent: bencode, byte 82: the data ends too early"),
    ),
    ("line end after it", || and(b"\r\n"), Accepted),
    ("noise after it", || and(b"garbage"), Accepted),
    ("keys not sorted", || unsorted(), Noted(&[ODD])),
    ("key twice", || twice(), Noted(&[ODD])),
    (
        "key twice outside info",
        || b"d4:infodei0e".to_vec(),
        Refused("not a torrent: bencode, byte 9: a dictionary key must be a string"),
    ),
    (
        "v2 keys not sorted",
        || torrent(raw(b"d12:meta versioni2e9:file treedee")),
        Refused("not a torrent: bencode, byte 19: dictionary keys are not sorted"),
    ),
    ("number with leading zero", || with("length", b"i05e"), Noted(&[ODD])),
    (
        "minus zero",
        || with("length", b"i-0e"),
        Refused(
            "the torrent's `pieces` is not valid: it has not as many hashes as the files have pieces",
        ),
    ),
    ("length with leading zero", || with("name", b"01:n"), Noted(&[ODD])),
    (
        "number beyond 64 bits",
        || with("length", b"i18446744073709551616e"),
        Refused("not a torrent: bencode, byte 16: integer out of range"),
    ),
    (
        "number of a megabyte",
        || with("length", &[b"i", &vec![b'9'; 1 << 20][..], b"e"].concat()),
        Refused("not a torrent: bencode, byte 16: integer out of range"),
    ),
    (
        "number without digits",
        || with("length", b"ie"),
        Refused("not a torrent: bencode, byte 17: malformed integer"),
    ),
    (
        "number with a letter",
        || with("length", b"i5xe"),
        Refused("not a torrent: bencode, byte 18: malformed integer"),
    ),
    (
        "number with a plus",
        || with("length", b"i+5e"),
        Refused("not a torrent: bencode, byte 17: malformed integer"),
    ),
    (
        "string of 1e9 bytes",
        || with("name", b"1000000000:n"),
        Refused("not a torrent: bencode, byte 25: string length malformed or beyond the end"),
    ),
    (
        "string of 1e30 bytes",
        || with("name", &[b"1", &[b'0'; 30][..], b":n"].concat()),
        Refused("not a torrent: bencode, byte 25: string length malformed or beyond the end"),
    ),
    (
        "string of minus one byte",
        || with("name", b"-1:n"),
        Refused("not a torrent: bencode, byte 25: expected a value (i, l, d or a digit)"),
    ),
    (
        "key is a number",
        || b"d4:infodi1ei2eee".to_vec(),
        Refused("not a torrent: bencode, byte 8: a dictionary key must be a string"),
    ),
    (
        "key without value",
        || b"d4:info".to_vec(),
        Refused("not a torrent: bencode, byte 7: the data ends too early"),
    ),
    (
        "lists 10,000 deep",
        || nested(b'l', 10_000),
        Refused("not a torrent: bencode, byte 189: nested too deeply"),
    ),
    (
        "folders 10,000 deep",
        || folders(),
        Refused("not a torrent: bencode, byte 431: nested too deeply"),
    ),
    ("a million empty lists", || many_lists(1_000_000), Accepted),
    (
        "six million empty lists",
        || many_lists(6_000_000),
        Refused("not a torrent: bencode, byte 10200060: too many values"),
    ),
    ("unknown keys", || torrent(single().with("x", List(vec![Int(1)]))), Accepted),
];
