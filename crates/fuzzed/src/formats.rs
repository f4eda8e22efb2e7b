use std::collections::BTreeMap;
use std::path::{Component, Path};

use bencode::{Encoder, Kind, Limits, Mode, Value, decode, decode_prefix, encode};
use metainfo::{FileEntry, Magnet, Metainfo};

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

/// The longest name that common file systems take, in bytes.
const NAME_MAX: usize = 255;

/// Torrent files: what parses is written so that it parses again, to the same torrent; and no
/// name leads out of the output directory, or to where another does.
pub fn fuzz_metainfo(data: &[u8]) {
    let Ok(torrent) = Metainfo::parse(data) else {
        return;
    };
    let bytes = torrent.to_bytes();
    let again = Metainfo::parse(&bytes).expect("what we write, we read");
    assert_eq!(again.hashes, torrent.hashes, "the info-hashes survive");
    assert_eq!(again.trackers, torrent.trackers);
    assert_eq!(again.web_seeds, torrent.web_seeds);
    assert_eq!(again.nodes, torrent.nodes);
    assert_eq!(again.to_bytes(), bytes, "same torrent, same bytes");
    check_paths(torrent.info.layout().files(), str::to_lowercase);
    if let Some(original) = torrent.info.with_original_names() {
        check_paths(original.layout().files(), str::to_owned);
    }
}

/// `fold` makes equal what may not be there twice.
fn check_paths(files: &[FileEntry], fold: fn(&str) -> String) {
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    for file in files {
        let mut at = String::new();
        for component in file.path.components() {
            let Component::Normal(name) = component else {
                panic!("`{}` is not inside", file.path.display());
            };
            let name = name.to_str().expect("names are UTF-8");
            assert!(name.len() <= NAME_MAX && !name.contains(['/', '\\', '\0']), "{name:?}");
            if !at.is_empty() {
                let folder = seen.insert(at.clone(), false).is_none_or(|is_file| !is_file);
                assert!(folder, "{at:?} is a file and a folder");
            }
            at = format!("{at}/{}", fold(name));
        }
        let new = !at.is_empty() && seen.insert(at, true).is_none();
        assert!(new, "`{}` is there twice", file.path.display());
        if let Some(target) = &file.symlink {
            check_link(&file.path, target);
        }
    }
}

/// A link leads to a place below the torrent's own folder, or to that folder.
fn check_link(link: &Path, target: &Path) {
    let mut depth = link.components().count() - 1;
    let (link, target_name) = (link.display(), target.display());
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            _ => panic!("`{link}` leads to `{target_name}`"),
        }
        assert!(depth > 0, "`{link}` leads out to `{target_name}`");
    }
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
    // What was left out is not written.
    let magnet = Magnet { notices: Vec::new(), ..magnet };
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
