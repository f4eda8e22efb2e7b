use proptest::prelude::*;

use super::*;

const HEX: &str = "d0d14c926e6e99761a2fdcff27b403d96376eff6";
const BASE32: &str = "2DIUZETON2MXMGRP3T7SPNAD3FRXN37W";
/// The published v2 and hybrid test torrents of the BEP 52 authors.
const V2: &str = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
const HYBRID: &str = "magnet:?xt=urn:btih:631a31dd0a46257d5078c0dee4e66e26f73e42ac&xt=urn:btmh:\
    1220d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb\
    &dn=bittorrent-v1-v2-hybrid-test";

fn parse(text: &str) -> Magnet {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn info_hashes_are_read_in_every_spelling() {
    let v1 = InfoHashes { v1: Some(HEX.parse().unwrap()), v2: None };
    let v2 = InfoHashes { v1: None, v2: Some(V2.parse().unwrap()) };
    for (text, expected) in [
        (format!("magnet:?xt=urn:btih:{HEX}"), v1),
        (format!("MAGNET:?XT=URN:BTIH:{}", HEX.to_uppercase()), v1),
        (format!("magnet:?xt=urn:btih:{BASE32}"), v1),
        (format!("magnet:?xt=urn:btih:{}", BASE32.to_lowercase()), v1),
        (format!("magnet:?xt=urn%3Abtih%3A{HEX}"), v1),
        (
            format!(
                "magnet:?dn=x&xt.1=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0&xt.2=urn:btih:{HEX}"
            ),
            v1,
        ),
        (format!("magnet:?xt=urn:btih:{HEX}&xt=urn:btih:{BASE32}"), v1),
        (format!("  {HEX}\n"), v1),
        (BASE32.to_owned(), v1),
        (format!("magnet:?xt=urn:btmh:1220{V2}&dn=bittorrent-v2-test"), v2),
        (V2.to_owned(), v2),
        (format!("1220{V2}"), v2),
        (
            format!("magnet:?xt=urn:btih:{HEX}&xt=urn:btmh:1220{V2}"),
            InfoHashes { v1: v1.v1, v2: v2.v2 },
        ),
    ] {
        assert_eq!(parse(&text).hashes, expected, "{text}");
    }
}

#[test]
fn all_parameters_are_read() {
    let magnet = parse(&format!(
        "magnet:?xt=urn:btih:{HEX}&dn=A+name%20%C3%A9%1b&tr=http%3A%2F%2Ft.example%2Fannounce\
         &tr.1=udp://u.example:6969&tr=ftp://no.example/&tr=udp://u.example:6969\
         &ws=https://w.example/a%2520b/&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:6881\
         &x.pe=seed.example:51413&x.pe=nonsense&x.pe=1.2.3.4:0&x.pe=a/b:1&so=0,2,4,6-8,x,9-3\
         &xl=123&unknown&=&&amp;as=z"
    ));
    assert_eq!(magnet.name.as_deref(), Some("A name é\u{fffd}"));
    assert_eq!(magnet.trackers, ["http://t.example/announce", "udp://u.example:6969"]);
    assert_eq!(magnet.web_seeds, ["https://w.example/a%20b/"]);
    assert_eq!(magnet.peers, ["192.0.2.1:6881", "[2001:db8::1]:6881", "seed.example:51413"]);
    assert_eq!(magnet.select_only, Some(vec![0..=0, 2..=2, 4..=4, 6..=8]));
    let selected: Vec<u32> = (0..10).filter(|&file| magnet.selects(file)).collect();
    assert_eq!(selected, [0, 2, 4, 6, 7, 8]);
    let notices: Vec<_> = magnet.notices.iter().map(ToString::to_string).collect();
    let left_out = "tracker `ftp://no.example/` left out: it is no http, https or udp URL";
    assert_eq!(notices, [left_out]);
    let again = parse(&magnet.to_string());
    assert_eq!(again, Magnet { notices: Vec::new(), ..magnet });
    assert!(parse(HEX).selects(1_000));
}

#[test]
fn useless_links_are_refused_with_a_reason() {
    let link = |rest: &str| format!("magnet:?{rest}");
    let long = link(&"x".repeat(MAX_MAGNET_LENGTH));
    for (text, expected) in [
        (String::new(), "it does not start with `magnet:?` and is no info-hash"),
        ("magnet:".into(), "it does not start with `magnet:?` and is no info-hash"),
        ("é".repeat(9), "it does not start with `magnet:?` and is no info-hash"),
        (HEX[1..].into(), "it does not start with `magnet:?` and is no info-hash"),
        (link(""), "it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
        (link("dn=x"), "it has no xt=urn:btih: or xt=urn:btmh: info-hash"),
        (
            link("xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0"),
            "it has no xt=urn:btih: or xt=urn:btmh: info-hash",
        ),
        (link("xt=urn:btih:123"), "btih must be 40 hexadecimal or 32 base32 digits"),
        (
            link(&format!("xt=urn:btih:{}1", &BASE32[1..])),
            "btih must be 40 hexadecimal or 32 base32 digits",
        ),
        (link(&format!("xt=urn:btmh:{V2}")), "btmh must be 1220 and 64 hexadecimal digits"),
        (link(&format!("xt=urn:btih:{HEX}&xt=urn:btih:{}", &V2[..40])), "it names two torrents"),
    ] {
        let error = Magnet::parse(&text).unwrap_err().to_string();
        assert_eq!(error, format!("not a usable magnet link: {expected}"), "{text}");
    }
    let error = Magnet::parse(&long).unwrap_err().to_string();
    assert_eq!(error, "the magnet link: 65544 is more than the limit of 65536");
}

#[test]
fn links_are_written_as_they_are_read() {
    assert_eq!(parse(HYBRID).to_string(), HYBRID);
    let magnet = Magnet {
        hashes: parse(HEX).hashes,
        name: Some("it's a&b".into()),
        trackers: vec!["http://192.0.2.1:80/announce".into()],
        peers: vec!["[2001:db8::1]:6881".into()],
        ..Magnet::default()
    };
    assert_eq!(
        magnet.to_string(),
        format!(
            "magnet:?xt=urn:btih:{HEX}&dn=it%27s%20a%26b\
             &tr=http%3A%2F%2F192.0.2.1%3A80%2Fannounce&x.pe=[2001:db8::1]:6881"
        )
    );
}

/// The links of BEP 46; where they lead, the `dht` crate checks.
#[test]
fn publishers_are_read_and_written() {
    const KEY: &str = "8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e";
    for (rest, salt) in [("", &b""[..]), ("&s=6e", b"n")] {
        let link = format!("magnet:?xs=urn:btpk:{KEY}{rest}");
        let magnet = parse(&link);
        let publisher = magnet.publisher.clone().unwrap();
        assert_eq!((publisher.key[0], publisher.key[31], &*publisher.salt), (0x85, 0x3e, salt));
        assert_eq!(magnet.hashes, InfoHashes::default());
        assert_eq!(magnet.to_string(), link);
    }
    let both = parse(&format!("magnet:?xt=urn:btih:{HEX}&xs=urn:btpk:{}", KEY.to_uppercase()));
    assert!(both.hashes.v1.is_some() && both.publisher.is_some());
    let other = parse(&format!("magnet:?xt=urn:btih:{HEX}&xs=http://x.example/&s=nonsense"));
    assert_eq!(other.publisher, None);
    for (rest, expected) in [
        ("xs=urn:btpk:85", "btpk must be 64 hexadecimal digits"),
        (&format!("xs=urn:btpk:{KEY}&s=6"), "s must be at most 64 bytes in hexadecimal"),
        (&format!("xs=urn:btpk:{KEY}&s=zz"), "s must be at most 64 bytes in hexadecimal"),
        (
            &format!("xs=urn:btpk:{KEY}&s={}", "00".repeat(65)),
            "s must be at most 64 bytes in hexadecimal",
        ),
    ] {
        let error = Magnet::parse(&format!("magnet:?{rest}")).unwrap_err().to_string();
        assert_eq!(error, format!("not a usable magnet link: {expected}"), "{rest}");
    }
}

#[test]
fn handshakes_name_the_v1_hash_and_the_truncated_v2_hash() {
    let hashes = parse(HYBRID).hashes;
    let handshake: Vec<String> = hashes.handshake_hashes().map(|hash| hash.to_string()).collect();
    let (v1, v2) =
        ("631a31dd0a46257d5078c0dee4e66e26f73e42ac", "d8dd32ac93357c368556af3ac1d95c9d76bd0dff");
    assert_eq!(handshake, [v1, v2]);
    assert_eq!(hashes.version_of(&v1.parse().unwrap()), Some(crate::Version::V1));
    assert_eq!(hashes.version_of(&v2.parse().unwrap()), Some(crate::Version::V2));
    assert_eq!(hashes.version_of(&HEX.parse().unwrap()), None);
    assert!(hashes.matches(&InfoHashes { v1: hashes.v1, v2: None }));
    assert!(!hashes.matches(&parse(HEX).hashes));
    assert!(!hashes.matches(&InfoHashes { v1: hashes.v1, v2: Some(V2.parse().unwrap()) }));
    assert!(!InfoHashes { v2: None, ..hashes }.matches(&InfoHashes { v1: None, ..hashes }));
}

proptest! {
    #[test]
    fn any_text_is_survived(
        tail in "\\PC{0,80}",
        bytes in prop::collection::vec(any::<char>(), 0..40),
    ) {
        let text: String = bytes.into_iter().collect();
        let _ = Magnet::parse(&text);
        let _ = Magnet::parse(&format!("magnet:?xt=urn:btih:{tail}"));
        let link = format!("magnet:?xt=urn:btih:{HEX}&{tail}&dn={text}&so={text}");
        if let Ok(magnet) = Magnet::parse(&link) {
            let again = magnet.to_string();
            prop_assert!(again.is_ascii());
            prop_assert_eq!(Magnet::parse(&again).unwrap(), magnet);
        }
    }
}
