//! What stands round `info`: trackers, web seeds, dates (BEP 3, 5, 12, 19).

use super::ben::{Ben, Int, List, dict, s, single};
use super::rows::{Accepted, Noted, Torrent};

fn with(key: &str, value: Ben) -> Vec<u8> {
    dict([("info", single())]).with(key, value).bytes()
}

fn tiers(urls: &[&str]) -> Ben {
    List(vec![List(urls.iter().map(s).collect())])
}

fn many() -> Ben {
    let urls = (0..600).map(|at| s(format!("http://t{at}.example/announce")));
    List(vec![List(urls.collect())])
}

pub(super) static ROWS: &[Torrent] = &[
    ("announce is empty", || with("announce", s("")), Accepted),
    ("announce is a number", || with("announce", Int(1)), Accepted),
    (
        "announce over file://",
        || with("announce", s("file:///etc/passwd")),
        Noted(&["tracker `file:///etc/passwd` left out: it is no http, https or udp URL"]),
    ),
    (
        "announce without a host",
        || with("announce", s("http:///announce")),
        Noted(&["tracker `http:///announce` left out: it is no http, https or udp URL"]),
    ),
    (
        "announce over wss://",
        || with("announce-list", tiers(&["wss://x.example/", "udp://y.example:1"])),
        Noted(&["tracker `wss://x.example/` left out: it is no http, https or udp URL"]),
    ),
    (
        "announce with a line end",
        || with("announce", s("http://x.example/a\r\nHost: y")),
        Noted(&["tracker `http://x.example/a��Host: y` left out: it is no http, https or udp URL"]),
    ),
    (
        "announce not UTF-8",
        || with("announce", s(b"http://\xff/")),
        Noted(&["tracker `http://�/` left out: it is no http, https or udp URL"]),
    ),
    (
        "announce of 3 KiB",
        || with("announce", s("http://x.example/".to_owned() + &"a".repeat(3_000))),
        Noted(&["tracker `http://x.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"]),
    ),
    ("announce on loopback", || with("announce", s("http://127.0.0.1:631/printers")), Accepted),
    ("announce-list is a string", || with("announce-list", s("http://x.example/a")), Accepted),
    (
        "announce-list without tiers",
        || with("announce-list", List(vec![s("http://x.example/a")])),
        Accepted,
    ),
    (
        "announce-list of 600",
        || with("announce-list", many()),
        Noted(&[
            "tracker `http://t500.example/announce` left out: it is one too many",
            "tracker `http://t501.example/announce` left out: it is one too many",
            "tracker `http://t502.example/announce` left out: it is one too many",
            "tracker `http://t503.example/announce` left out: it is one too many",
            "tracker `http://t504.example/announce` left out: it is one too many",
            "tracker `http://t505.example/announce` left out: it is one too many",
            "tracker `http://t506.example/announce` left out: it is one too many",
            "tracker `http://t507.example/announce` left out: it is one too many",
            "tracker `http://t508.example/announce` left out: it is one too many",
            "tracker `http://t509.example/announce` left out: it is one too many",
            "tracker `http://t510.example/announce` left out: it is one too many",
            "tracker `http://t511.example/announce` left out: it is one too many",
            "tracker `http://t512.example/announce` left out: it is one too many",
            "tracker `http://t513.example/announce` left out: it is one too many",
            "tracker `http://t514.example/announce` left out: it is one too many",
            "tracker `http://t515.example/announce` left out: it is one too many",
            "tracker `http://t516.example/announce` left out: it is one too many",
            "tracker `http://t517.example/announce` left out: it is one too many",
            "tracker `http://t518.example/announce` left out: it is one too many",
            "tracker `http://t519.example/announce` left out: it is one too many",
        ]),
    ),
    (
        "url-list is junk",
        || with("url-list", List(vec![Int(1), s("data://x/"), List(vec![])])),
        Noted(&["web seed `data://x/` left out: it is no http, https or ftp URL"]),
    ),
    ("url-list is a string", || with("url-list", s("http://x.example/f")), Accepted),
    ("nodes are junk", || with("nodes", List(vec![Int(1), List(vec![s("x"), Int(-1)])])), Accepted),
    ("creation date is a string", || with("creation date", s("yesterday")), Accepted),
    ("creation date of no year", || with("creation date", Int(i64::MIN)), Accepted),
    ("comment with controls", || with("comment", s("\x1b]0;owned\x07\u{202e}")), Accepted),
    ("comment of a megabyte", || with("comment", s("x".repeat(1 << 20))), Accepted),
];
