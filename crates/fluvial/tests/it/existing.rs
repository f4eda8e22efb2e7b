use std::fs;

use crate::support::{Place, assert_same, noise};

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

#[test]
fn a_half_right_or_longer_file_is_completed_in_place() {
    for extra in [0, 70_000] {
        let place = Place::new();
        let file = place.file("a.bin", 900_000);
        place.folder("there");
        let mut half = fs::read(&file).unwrap();
        half[500_000..].fill(0);
        half.extend(vec![1; extra]);
        fs::write(place.path("there/a.bin"), half).unwrap();
        let (_share, magnet) = place.share(&file, &[]);
        let mut get = place.get(&magnet, "there", &[]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0));
        assert_same(&file, &place.path("there/a.bin"));
    }
}

#[test]
fn a_wrong_file_is_kept_unless_told_otherwise() {
    let place = Place::new();
    let file = place.file("a.bin", 900_000);
    place.folder("there");
    let other = noise(99, 900_000);
    fs::write(place.path("there/a.bin"), &other).unwrap();
    let (_share, magnet) = place.share(&file, &[]);
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

fn create(place: &Place, name: &str) -> String {
    let torrent = format!("{name}.torrent");
    let output = place.run(&["create", name, "-o", &torrent]);
    assert!(output.status.success(), "{output:?}");
    torrent
}
