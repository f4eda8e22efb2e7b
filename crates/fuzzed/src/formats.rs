use bencode::{Encoder, Kind, Limits, Mode, Value, decode, decode_prefix, encode};
use metainfo::{Magnet, Metainfo};

/// Bencode: what the strict mode takes, the lenient mode takes too and the encoder writes back
/// byte for byte; what only the lenient mode takes can be walked to its end.
pub fn fuzz_bencode(data: &[u8]) {
    let lenient = decode(data, Mode::Lenient, Limits::MESSAGE);
    if let Ok(value) = lenient {
        walk(value);
    }
    if let Ok(value) = decode(data, Mode::Strict, Limits::MESSAGE) {
        assert_eq!(lenient, Ok(value), "strict takes it, lenient does not");
        assert_eq!(encode(|place| write(place, value)), data, "strict is not canonical");
    }
    if let Ok((value, rest)) = decode_prefix(data, Mode::Lenient, Limits::MESSAGE) {
        assert_eq!([value.raw(), rest].concat(), data, "a prefix and its rest are the whole");
    }
}

/// Torrent files: what parses is written so that it parses again, to the same torrent.
pub fn fuzz_metainfo(data: &[u8]) {
    let Ok(torrent) = Metainfo::parse(data) else {
        return;
    };
    let bytes = torrent.to_bytes();
    let again = Metainfo::parse(&bytes).expect("what we write, we read");
    assert_eq!(again.hashes, torrent.hashes, "the info-hashes survive");
    assert_eq!(again.trackers, torrent.trackers);
    assert_eq!(again.web_seeds, torrent.web_seeds);
    assert_eq!(again.to_bytes(), bytes, "same torrent, same bytes");
}

/// Magnet links: what parses is written so that it parses to the same link.
pub fn fuzz_magnet(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(magnet) = Magnet::parse(text) else {
        return;
    };
    let written = magnet.to_string();
    assert_eq!(Magnet::parse(&written), Ok(magnet), "{written}");
}

/// Visits every value; the depth limit bounds the recursion.
fn walk(value: Value<'_>) {
    match value.kind() {
        Kind::Integer => assert!(value.as_int().is_some()),
        Kind::Bytes => assert!(value.as_bytes().is_some()),
        Kind::List => value.as_list().into_iter().flatten().for_each(walk),
        Kind::Dict => value.as_dict().into_iter().flatten().for_each(|(_, value)| walk(value)),
    }
}

fn write(place: Encoder<'_>, value: Value<'_>) {
    if let Some(number) = value.as_int() {
        place.int(number);
    } else if let Some(bytes) = value.as_bytes() {
        place.bytes(bytes);
    } else if let Some(items) = value.as_list() {
        place.list(|list| items.iter().for_each(|item| write(list.item(), item)));
    } else if let Some(entries) = value.as_dict() {
        place.dict(|dict| {
            for (key, value) in entries {
                write(dict.key(key), value);
            }
        });
    }
}
