use std::time::Duration;

use crate::support::{Place, assert_same};

#[test]
fn killed_again_and_again_it_resumes() {
    let place = Place::new();
    let file = place.file("big.bin", 24 << 20);
    let (_share, magnet) = place.share(&file, &[]);
    let limit = ["--down-limit", "12MB/s"];
    let mut fetched_again = 0;
    let mut before = 0;
    for round in 0..5u64 {
        let mut get = place.get(&magnet, "there", &limit);
        let progress = get.wait_for("progress");
        std::thread::sleep(Duration::from_millis(137 * (round + 1) % 500));
        let done = get.events().iter().filter_map(|e| e["done"].as_u64()).max().unwrap_or(0);
        get.kill();
        if round > 0 {
            fetched_again += u64::from(progress["done"].as_u64().unwrap_or(0) + (8 << 20) < before);
        }
        before = done;
    }
    assert_eq!(fetched_again, 0, "most of what was there before a kill is there after it");
    let mut get = place.get(&magnet, "there", &[]);
    get.wait_for("complete");
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&file, &place.path("there/big.bin"));
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
