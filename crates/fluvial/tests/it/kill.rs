use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::{Place, Running, assert_same};

/// Bytes in a piece of what is killed here.
const PIECE: usize = 256 << 10;

#[test]
fn killed_again_and_again_it_resumes() {
    let place = Place::new();
    let file = place.file("big.bin", 24 << 20);
    let there = place.path("there/big.bin");
    let (_share, magnet) = place.share(&file, &["--piece-length", "256KiB"]);
    let limit = ["--down-limit", "12MB/s"];
    let mut on_disk = 0;
    for round in 0..5u64 {
        let mut get = place.get(&magnet, "there", &limit);
        let found = first_held(&mut get);
        assert!(found >= on_disk, "of {on_disk} bytes that were there it found {found}");
        std::thread::sleep(Duration::from_millis(137 * (round + 1) % 500));
        get.kill();
        on_disk = good_bytes(&there, &file);
    }
    assert!(on_disk > 0, "nothing was there at any kill");
    let mut get = place.get(&magnet, "there", &[]);
    get.wait_for("complete");
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&file, &there);
}

/// What it has once it has looked at what is there.
fn first_held(get: &mut Running) -> u64 {
    loop {
        let progress = get.wait_for("progress");
        if progress["state"] != "checking" {
            return progress["done"].as_u64().expect("a number");
        }
    }
}

/// How much of the file is there in whole pieces.
fn good_bytes(there: &Path, file: &Path) -> u64 {
    let (there, file) = (fs::read(there).unwrap_or_default(), fs::read(file).unwrap());
    let pieces = there.chunks_exact(PIECE).zip(file.chunks_exact(PIECE));
    (pieces.filter(|(there, wanted)| there == wanted).count() * PIECE) as u64
}

#[test]
fn an_interrupted_get_stops_and_resumes() {
    let place = Place::new();
    let file = place.file("big.bin", 16 << 20);
    let (_share, magnet) = place.share(&file, &["--piece-length", "4MiB"]);
    let mut get = place.get(&magnet, "there", &["--down-limit", "3MB/s"]);
    get.wait_for("progress");
    get.wait_for("progress");
    get.interrupt();
    assert_eq!(get.exit_code(), Some(1));
    assert_eq!(get.events().last().map(|event| &event["event"]), Some(&"stopped".into()));
    let mut get = place.get(&magnet, "there", &[]);
    get.wait_for("complete");
    assert_same(&file, &place.path("there/big.bin"));
}

#[test]
fn a_second_process_on_the_same_download_is_told_who_holds_it() {
    let place = Place::new();
    let file = place.file("big.bin", 16 << 20);
    let (_share, magnet) = place.share(&file, &[]);
    let mut first = place.get(&magnet, "there", &["--down-limit", "1MB/s"]);
    first.wait_for("progress");
    let mut second = place.get(&magnet, "there", &[]);
    let error = second.wait_for("error");
    assert_eq!(second.exit_code(), Some(1));
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(&first.pid().to_string()), "{message}");
}
