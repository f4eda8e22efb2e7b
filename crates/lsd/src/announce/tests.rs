use hash::{Sha1Digest, sha1};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Announce, HASHES_MAX, LENGTH_MAX, ParseError};
use crate::{GROUP_V4, GROUP_V6};

#[test]
fn an_announce_has_the_bytes_of_the_specification() {
    let hash: Sha1Digest = "d0d14c926e6e99761a2fdcff27b403d96376eff6".parse().unwrap();
    let it = Announce { port: 6881, hashes: vec![hash, hash], cookie: Some("abc".to_owned()) };
    let expected = "BT-SEARCH * HTTP/1.1\r\n\
        Host: 239.192.152.143:6771\r\n\
        Port: 6881\r\n\
        Infohash: d0d14c926e6e99761a2fdcff27b403d96376eff6\r\n\
        Infohash: d0d14c926e6e99761a2fdcff27b403d96376eff6\r\n\
        cookie: abc\r\n\r\n\r\n";
    assert_eq!(
        it.encode(GROUP_V4).escape_ascii().to_string(),
        expected.escape_default().to_string()
    );
    let v6 = String::from_utf8(it.encode(GROUP_V6)).unwrap();
    assert!(v6.contains("Host: [ff15::efc0:988f]:6771\r\n"), "{v6}");
}

#[test]
fn what_others_write_is_read() {
    let check = |headers: &str, expected: Result<(u16, usize, Option<&str>), ParseError>| {
        let text = format!("BT-SEARCH * HTTP/1.1\r\n{headers}\r\n\r\n");
        let parsed = Announce::parse(text.as_bytes());
        let parsed = parsed.map(|it| (it.port, it.hashes.len(), it.cookie));
        let expected = expected.map(|(port, n, cookie)| (port, n, cookie.map(str::to_owned)));
        assert_eq!(parsed, expected, "{headers:?}");
    };
    let hash = "D0D14C926E6E99761A2FDCFF27B403D96376EFF6";
    check(&format!("port:6881\r\nINFOHASH:{hash}\r\n"), Ok((6881, 1, None)));
    check(
        &format!("Infohash: {hash}\r\nX: y\r\nnone\r\nPort: 1\r\nCookie: c\r\n"),
        Ok((1, 1, Some("c"))),
    );
    check(&format!("Infohash: {hash}\r\n"), Err(ParseError::NoPort));
    check(&format!("Port: 0\r\nInfohash: {hash}\r\n"), Err(ParseError::NoPort));
    check(&format!("Port: 65536\r\nInfohash: {hash}\r\n"), Err(ParseError::NoPort));
    check("Port: 1\r\nInfohash: 00\r\n", Err(ParseError::NoHash));
    check(&format!("Port: 1\r\n\r\nInfohash: {hash}\r\n"), Err(ParseError::NoHash));
    check(
        &format!("Port: 1\r\n{}", format!("Infohash: {hash}\r\n").repeat(25)),
        Ok((1, HASHES_MAX, None)),
    );
    check(
        &format!("Port: 1\r\nInfohash: {hash}\r\nCookie: {}\r\n", "x".repeat(65)),
        Ok((1, 1, None)),
    );
    for foreign in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe", b"BT-SEARCH"] {
        assert_eq!(Announce::parse(foreign), Err(ParseError::Foreign), "{foreign:?}");
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        port in 1u16.., seeds in vec(any::<u32>(), 1..=HASHES_MAX),
        cookie in prop::option::of("[0-9a-f]{1,16}"),
    ) {
        let hashes = seeds.iter().map(|seed| sha1(&seed.to_be_bytes())).collect();
        let it = Announce { port, hashes, cookie };
        let bytes = it.encode(GROUP_V6);
        prop_assert!(bytes.len() <= 1_400.min(LENGTH_MAX));
        prop_assert_eq!(Announce::parse(&bytes), Ok(it));
    }

    #[test]
    fn no_datagram_is_too_odd(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Announce::parse(&bytes);
        let _ = Announce::parse(&[b"BT-SEARCH * HTTP/1.1\r\n", &bytes[..]].concat());
    }
}
