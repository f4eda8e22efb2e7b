use std::fs;

use serde_json::Value;

use crate::support::{Place, tree};

#[test]
fn same_input_gives_same_bytes() {
    let place = Place::new();
    tree(&place.folder("tree"), 60);
    for format in ["v1", "v2", "hybrid"] {
        for out in ["one", "two"] {
            let output = place.run(&["create", "tree", "-o", out, "--format", format]);
            assert!(output.status.success(), "{output:?}");
        }
        assert_eq!(fs::read(place.path("one")).unwrap(), fs::read(place.path("two")).unwrap());
        fs::remove_file(place.path("one")).unwrap();
        fs::remove_file(place.path("two")).unwrap();
    }
}

#[test]
fn verify_names_what_is_wrong() {
    let place = Place::new();
    let root = place.folder("tree");
    fs::write(root.join("a"), vec![1; 200_000]).unwrap();
    fs::write(root.join("b"), vec![2; 200_000]).unwrap();
    assert!(place.run(&["create", "tree", "-o", "t"]).status.success());
    assert!(place.run(&["verify", "t", "tree"]).status.success());
    fs::write(root.join("b"), vec![3; 200_000]).unwrap();
    let mut verify = place.start(&["verify", "t", "tree"]);
    let verified = verify.wait_for("verified");
    assert_eq!(verify.exit_code(), Some(1));
    assert_eq!(verified["whole"], false);
    assert_eq!(verified["files_bad"], serde_json::json!(["tree/b"]));
    assert!(!verified["pieces_bad"].as_array().expect("a list").is_empty());
}

#[test]
fn show_reads_what_create_wrote() {
    let place = Place::new();
    place.file("a.bin", 100_000);
    let announce = ["--announce", "http://one.example/announce", "--comment", "for a test"];
    let mut args = vec!["create", "a.bin", "-o", "t", "--private"];
    args.extend(announce);
    assert!(place.run(&args).status.success());
    let output = place.run(&["show", "t", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(shown["event"], "torrent");
    assert_eq!(shown["total"], 100_000);
    assert_eq!(shown["private"], true);
    assert_eq!(shown["format"], "hybrid");
    assert_eq!(shown["trackers"], serde_json::json!([["http://one.example/announce"]]));
    assert_eq!(shown["comment"], "for a test");
    assert_eq!(shown["files"][0]["path"], "a.bin");
    let magnet = shown["magnet"].as_str().expect("a magnet");
    let output = place.run(&["show", magnet, "--json"]);
    let again: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(again["info_hash"], shown["info_hash"]);
    assert_eq!(again["info_hash_v2"], shown["info_hash_v2"]);
}
