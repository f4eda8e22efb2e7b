use std::fs;

use crate::support::{Place, assert_same, tree};

const FORMATS: [&str; 3] = ["v1", "v2", "hybrid"];

#[test]
fn a_file_arrives_in_every_format() {
    for format in FORMATS {
        let place = Place::new();
        let file = place.file("release.iso", 5_000_001);
        let (mut share, magnet) = place.share(&file, &["--format", format]);
        let mut get = place.get(&magnet, "there", &[]);
        let complete = get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{format}");
        assert_eq!(complete["bytes"], 5_000_001);
        assert_same(&file, &place.path("there/release.iso"));
        assert_eq!(fs::read_dir(place.path("there")).unwrap().count(), 1, "nothing else is left");
        share.interrupt();
        assert_eq!(share.exit_code(), Some(0));
        assert_eq!(share.events().last().map(|event| &event["event"]), Some(&"stopped".into()));
    }
}

#[test]
fn a_tree_arrives_in_every_format() {
    let place = Place::new();
    let root = place.folder("tree");
    tree(&root, 200);
    for format in FORMATS {
        let (_share, magnet) = place.share(&root, &["--format", format]);
        let folder = format!("there-{format}");
        let mut get = place.get(&magnet, &folder, &[]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{format}");
        assert_same(&root, &place.path(&folder).join("tree"));
    }
}

#[test]
fn getters_feed_each_other() {
    let place = Place::new();
    let file = place.file("shared.bin", 6 << 20);
    let limit = ["--up-limit", "2MB/s"];
    let (_share, magnet) = place.share(&file, &limit);
    let more = ["--up-limit", "2MB/s", "--seed", "forever"];
    let mut gets: Vec<_> =
        (0..5).map(|n| place.get(&magnet, &format!("there-{n}"), &more)).collect();
    let mut from_sharer = 0;
    let sharer = address_in(&magnet);
    for (n, get) in gets.iter_mut().enumerate() {
        let complete = get.wait_for("complete");
        for source in complete["sources"].as_array().expect("a list") {
            if source["address"] == sharer.as_str() {
                from_sharer += source["bytes"].as_u64().expect("a size");
            }
        }
        // All uplinks are stated; what the machine makes of them is not for a test to judge.
        let efficiency = complete["efficiency"].as_f64();
        assert!(efficiency.is_some_and(|it| it > 0.0 && it < 2.0), "{complete}");
        assert_same(&file, &place.path(&format!("there-{n}/shared.bin")));
    }
    let copies = from_sharer as f64 / f64::from(6 << 20);
    assert!(copies < 3.0, "the sharer gave {copies:.2} copies to 5 getters");
}

#[test]
fn an_empty_file_and_a_chosen_one() {
    let place = Place::new();
    let root = place.folder("mixed");
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join("wanted.txt"), vec![7; 300_000]).unwrap();
    fs::write(root.join("unwanted.bin"), vec![9; 300_000]).unwrap();
    let (_share, magnet) = place.share(&root, &["--format", "v1", "--piece-length", "64KiB"]);
    let mut get = place.get(&magnet, "some", &["--files", "*.txt"]);
    let complete = get.wait_for("complete");
    assert_eq!(complete["bytes"], 300_000);
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&root.join("wanted.txt"), &place.path("some/mixed/wanted.txt"));
    assert!(!place.path("some/mixed/unwanted.bin").exists());
    let mut get = place.get(&magnet, "all", &[]);
    get.wait_for("complete");
    assert_same(&root, &place.path("all/mixed"));
}

fn address_in(magnet: &str) -> String {
    let (_, rest) = magnet.split_once("x.pe=").expect("a peer in the magnet");
    rest.split('&').next().expect("split yields one").replace("%3A", ":")
}
