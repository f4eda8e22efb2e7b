//! Magnet links (BEP 9, 53).

use super::rows::{Accepted, Magnet, Noted, Refused};

const HEX: &str = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";

const V2: &str = "abababababababababababababababababababababababababababababababab";

fn link(rest: &str) -> String {
    format!("magnet:?xt=urn:btih:{HEX}{rest}")
}

fn topic(topic: &str) -> String {
    format!("magnet:?xt={topic}")
}

fn many(part: &str, times: usize) -> String {
    link(&part.repeat(times))
}

pub(super) static ROWS: &[Magnet] = &[
    (
        "magnet without parameters",
        || "magnet:?".into(),
        Refused("not a usable magnet link: it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
    ),
    (
        "magnet without xt",
        || "magnet:?dn=x".into(),
        Refused("not a usable magnet link: it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
    ),
    (
        "magnet with an empty xt",
        || topic(""),
        Refused("not a usable magnet link: it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
    ),
    (
        "btih of 39 digits",
        || topic(&format!("urn:btih:{}", &HEX[1..])),
        Refused("not a usable magnet link: btih must be 40 hexadecimal or 32 base32 digits"),
    ),
    (
        "btih with a wrong digit",
        || topic(&format!("urn:btih:g{}", &HEX[1..])),
        Refused("not a usable magnet link: btih must be 40 hexadecimal or 32 base32 digits"),
    ),
    ("btih in base32", || topic("urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"), Accepted),
    (
        "base32 with a wrong digit",
        || topic("urn:btih:1EX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"),
        Refused("not a usable magnet link: btih must be 40 hexadecimal or 32 base32 digits"),
    ),
    (
        "two torrents",
        || link(&format!("&xt=urn:btih:{}", "0".repeat(40))),
        Refused("not a usable magnet link: it names two torrents"),
    ),
    ("same torrent twice", || link(&format!("&xt=urn:btih:{}", HEX.to_uppercase())), Accepted),
    ("hybrid magnet", || link(&format!("&xt=urn:btmh:1220{V2}")), Accepted),
    (
        "btmh without prefix",
        || topic(&format!("urn:btmh:{V2}")),
        Refused("not a usable magnet link: btmh must be 1220 and 64 hexadecimal digits"),
    ),
    (
        "btmh of SHA-1",
        || topic(&format!("urn:btmh:1114{HEX}")),
        Refused("not a usable magnet link: btmh must be 1220 and 64 hexadecimal digits"),
    ),
    (
        "another network",
        || topic("urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0"),
        Refused("not a usable magnet link: it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
    ),
    ("another network too", || link("&xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0"), Accepted),
    ("upper case", || format!("MAGNET:?XT=URN:BTIH:{}", HEX.to_uppercase()), Accepted),
    ("escaped for HTML", || link("&amp;dn=x&amp;tr=http://x.example/announce"), Accepted),
    ("xt percent-encoded", || topic(&format!("urn%3Abtih%3A{HEX}")), Accepted),
    ("broken percent signs", || link("&dn=100%&dn=%zz%2"), Accepted),
    ("dn leads out", || link("&dn=..%2F..%2Fetc%2Fpasswd"), Accepted),
    ("dn with controls", || link("&dn=a%1b%5b2J%0ab"), Accepted),
    ("dn not UTF-8", || link("&dn=caf%e9"), Accepted),
    (
        "x.pe of all forms",
        || {
            link(
                "&x.pe=1.2.3.4:1&x.pe=[::1]:1&x.pe=h.example:1&x.pe=1.2.3.4&x.pe=:1&x.pe=h:0&x.pe=h:99999",
            )
        },
        Accepted,
    ),
    ("10,000 peers", || many("&x.pe=1.2.3.4:5", 4_000), Accepted),
    ("so absurd", || link("&so=0-4294967295,5-1,x,,99999999999"), Accepted),
    (
        "tr of forbidden schemes",
        || link("&tr=file:///etc/passwd&tr=gopher://x&ws=javascript:1"),
        Noted(&[
            "tracker `file:///etc/passwd` left out: it is no http, https or udp URL",
            "tracker `gopher://x` left out: it is no http, https or udp URL",
            "web seed `javascript:1` left out: it is no http, https or ftp URL",
        ]),
    ),
    ("parameter without value", || link("&&=&dn&="), Accepted),
    (
        "magnet of 65 KiB",
        || many("&x=y", 17_000),
        Refused("the magnet link: 68060 is more than the limit of 65536"),
    ),
    ("bare hash", || HEX.into(), Accepted),
    ("bare hash of v2", || format!("1220{V2}"), Accepted),
    (
        "bare hash too short",
        || HEX[1..].into(),
        Refused("not a usable magnet link: it does not start with `magnet:?` and is no info-hash"),
    ),
];
