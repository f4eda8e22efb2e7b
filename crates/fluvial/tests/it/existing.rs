use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Place, Running, assert_same, noise};

const FORMATS: [&str; 3] = ["v1", "v2", "hybrid"];

#[test]
fn a_right_file_needs_no_peer() {
    let place = Place::new();
    let file = place.file("a.bin", 900_000);
    let torrent = create(&place, "a.bin");
    place.folder("there");
    fs::copy(&file, place.path("there/a.bin")).unwrap();
    let mut get = place.get(&torrent, "there", &["--give-up", "20s"]);
    get.wait_for("complete");
    assert_eq!(get.exit_code(), Some(0));
}

/// What stands where `a.bin` goes, how the wanted bytes are changed, and how many pieces of
/// 64 KiB are right.
type Found = (&'static str, fn(Vec<u8>) -> Vec<u8>, u32);

const FOUND: [Found; 4] = [
    ("right", |bytes| bytes, 14),
    ("half right", |bytes| [&bytes[..500_000], &vec![0; 400_000][..]].concat(), 7),
    ("short", |bytes| bytes[..500_000].to_vec(), 7),
    ("longer", |bytes| [bytes, vec![1; 70_000]].concat(), 14),
];

#[test]
fn a_magnet_completes_in_place_what_is_there() {
    for format in FORMATS {
        let place = Place::new();
        let file = place.file("a.bin", 900_000);
        let bytes = fs::read(&file).unwrap();
        let (_share, magnet) = share(&place, &file, format);
        for (number, (name, change, right)) in FOUND.iter().enumerate() {
            let folder = number.to_string();
            let there = place.folder(&folder).join("a.bin");
            fs::write(&there, change(bytes.clone())).unwrap();
            let mut get = place.get(&magnet, &folder, &[]);
            let complete = get.wait_for("complete");
            assert_eq!(get.exit_code(), Some(0));
            assert_same(&file, &there);
            let fetched = complete["sources"][0]["bytes"].as_u64().unwrap_or(0);
            let lacking = 900_000_u64.saturating_sub(u64::from(*right) * 65_536);
            assert_eq!(fetched, lacking, "{format}, {name}");
        }
    }
}

#[test]
fn a_right_file_that_may_not_be_written_is_left_alone() {
    for format in FORMATS {
        let place = Place::new();
        let file = place.file("a.bin", 900_000);
        let (_share, magnet) = share(&place, &file, format);
        let there = place.folder("there").join("a.bin");
        fs::copy(&file, &there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o444)).unwrap();
        let before = fs::metadata(&there).unwrap().modified().unwrap();
        let mut get = place.get(&magnet, "there", &[]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{format}");
        assert_eq!(fs::metadata(&there).unwrap().modified().unwrap(), before);
    }
}

#[test]
fn a_wrong_file_is_kept_unless_told_otherwise() {
    for format in FORMATS {
        let place = Place::new();
        let file = place.file("a.bin", 900_000);
        place.folder("there");
        let other = noise(99, 900_000);
        fs::write(place.path("there/a.bin"), &other).unwrap();
        let (_share, magnet) = share(&place, &file, format);
        let mut get = place.get(&magnet, "there", &[]);
        let error = get.wait_for("error");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("a.bin") && message.contains("--overwrite"), "{message}");
        assert_eq!(get.exit_code(), Some(1));
        assert_eq!(fs::read(place.path("there/a.bin")).unwrap(), other);
        let mut get = place.get(&magnet, "there", &["--overwrite"]);
        get.wait_for("complete");
        assert_same(&file, &place.path("there/a.bin"));
    }
}

#[test]
fn files_no_longer_than_a_piece_need_no_piece_hashes() {
    let place = Place::new();
    for name in ["a", "b"] {
        place.file(&format!("tree/{name}"), 50_000 + name.len());
    }
    let (_share, magnet) = share(&place, &place.path("tree"), "v2");
    place.folder("there/tree");
    fs::copy(place.path("tree/a"), place.path("there/tree/a")).unwrap();
    let mut get = place.get(&magnet, "there", &[]);
    let complete = get.wait_for("complete");
    assert_eq!(complete["sources"][0]["bytes"], 50_001);
    assert_same(&place.path("tree"), &place.path("there/tree"));
}

#[test]
fn piece_hashes_are_waited_for_as_long_as_told_and_remembered() {
    let place = Place::new();
    let file = place.file("a.bin", 900_000);
    let (mut share, magnet) = share(&place, &file, "v2");
    let there = place.folder("there").join("a.bin");
    fs::write(&there, &fs::read(&file).unwrap()[..500_000]).unwrap();
    let mut get = place.get(&magnet, "there", &["--down-limit", "50KB/s"]);
    // The metadata and the hashes are here; then the seeder goes.
    while get.wait_for("progress")["state"] != "downloading" {}
    share.kill();
    get.kill();
    fs::File::open(&there).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let mut get = place.get(&magnet, "there", &["--give-up", "3s"]);
    let progress = get.wait_for("progress");
    assert!(progress["done"].as_u64() >= Some(400_000), "nothing is lost: {progress}");
    get.wait_for("error");
    assert_eq!(get.exit_code(), Some(1));
}

/// Shares in pieces of 64 KiB.
fn share(place: &Place, path: &std::path::Path, format: &str) -> (Running, String) {
    place.share(path, &["--format", format, "--piece-length", "64KiB"])
}

fn create(place: &Place, name: &str) -> String {
    let torrent = format!("{name}.torrent");
    let output = place.run(&["create", name, "-o", &torrent]);
    assert!(output.status.success(), "{output:?}");
    torrent
}
