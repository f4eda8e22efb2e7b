//! The events as scripts rely on them: their fields, and no others.

use std::io::Write as _;

use serde_json::Value;

use crate::support::{Place, assert_same};

/// The names of the fields of an event, in alphabetical order.
fn fields(event: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        event.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn share_and_get_keep_to_their_fields() {
    let place = Place::new();
    let file = place.file("a.bin", 300_000);
    let mut share = place.start(&["share", "a.bin", "--listen", "127.0.0.1:0", "--no-discovery"]);
    let ready = share.wait_for("ready");
    assert_eq!(
        fields(&ready),
        ["event", "info_hash", "info_hash_v2", "listen", "magnet", "page", "torrent", "tracker"]
    );
    let text = |name: &str| ready[name].as_str().expect("a text").to_owned();
    assert_eq!((text("info_hash").len(), text("info_hash_v2").len()), (40, 64));
    let tracker = ready["tracker"][0].as_str().expect("our own tracker");
    assert!(tracker.starts_with("http://127.0.0.1:") && tracker.ends_with("/announce"));
    assert!(text("magnet").contains("&tr=") && text("magnet").contains("&x.pe=127.0.0.1:"));

    let mut get = place.get(&text("magnet"), "there", &[]);
    let progress = get.wait_for("progress");
    assert_eq!(
        fields(&progress),
        ["done", "down_rate", "event", "peers", "state", "total", "up_rate"]
    );
    let complete = get.wait_for("complete");
    assert_eq!(fields(&complete), ["bytes", "efficiency", "event", "path", "seconds", "sources"]);
    assert_eq!(fields(&complete["sources"][0]).len(), 3, "{complete}");
    assert_eq!(complete["sources"][0]["kind"], "peer");
    assert_eq!(complete["sources"][0]["bytes"], 300_000);
    assert_eq!(complete["efficiency"], Value::Null);
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&file, &place.path("there/a.bin"));
}

#[test]
fn what_has_no_v1_and_no_tracker_says_null_and_nothing() {
    let place = Place::new();
    let file = place.file("a.bin", 300_000);
    let path = file.to_str().expect("a readable path");
    let args = ["share", path, "--listen", "127.0.0.1:0", "--no-discovery", "--format", "v2"];
    let mut share = place.start(&[&args[..], &["--no-tracker", "--torrent", "t"]].concat());
    let ready = share.wait_for("ready");
    assert_eq!((&ready["info_hash"], &ready["page"]), (&Value::Null, &Value::Null));
    assert_eq!((&ready["tracker"], &ready["torrent"]), (&serde_json::json!([]), &"t".into()));
    assert!(place.path("t").exists());
}

#[test]
fn the_other_events_keep_to_their_fields() {
    let place = Place::new();
    place.file("a.bin", 300_000);
    let event = |args: &[&str]| {
        let output = place.run(&[args, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str::<Value>(&text).expect("an event")
    };
    let created = event(&["create", "a.bin", "-o", "t"]);
    assert_eq!(
        fields(&created),
        ["event", "info_hash", "info_hash_v2", "path", "piece_length", "pieces"]
    );
    let verified = event(&["verify", "t", "a.bin"]);
    assert_eq!(fields(&verified), ["event", "files_bad", "pieces_bad", "whole"]);
    assert_eq!(event(&["get", "t", "--list"])["event"], "torrent");
    assert_eq!(fields(&event(&["show", "none"])), ["event", "message"]);
}

#[test]
fn a_dropped_peer_is_told_with_its_reason() {
    let place = Place::new();
    let file = place.file("a.bin", 100_000);
    let (mut share, _magnet) = place.share(&file, &["--no-tracker"]);
    let ready = share.events()[0].clone();
    let address = ready["listen"].as_str().expect("an address");
    let mut peer = std::net::TcpStream::connect(address).unwrap();
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let dropped = share.wait_for("peer_dropped");
    assert_eq!(fields(&dropped), ["address", "banned", "event", "reason", "times"]);
    let local = peer.local_addr().unwrap().to_string();
    assert_eq!((&dropped["address"], &dropped["banned"]), (&local.into(), &false.into()));
    assert_eq!(dropped["reason"], "the first bytes are not a BitTorrent handshake");
    assert_eq!(dropped["times"], 1);
}

#[test]
fn a_folder_of_torrents_is_seeded_without_those_that_are_not_whole() {
    let place = Place::new();
    place.folder("torrents");
    place.file("data/good.bin", 100_000);
    place.file("data/lost.bin", 50_000);
    for name in ["good.bin", "lost.bin"] {
        let (from, to) = (format!("data/{name}"), format!("torrents/{name}.torrent"));
        assert!(place.run(&["create", &from, "-o", &to]).status.success());
    }
    std::fs::remove_file(place.path("data/lost.bin")).unwrap();
    std::fs::write(place.path("torrents/junk.torrent"), b"junk").unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--no-discovery"];
    let args = [&["seed", "--dir", "torrents", "--data", "data"], &listen[..]].concat();
    let mut seed = place.start(&args);
    let ready = seed.wait_for("ready");
    assert_eq!(ready["torrent"], "torrents/good.bin.torrent");
    let magnet = ready["magnet"].as_str().expect("a magnet").to_owned();
    place.get(&magnet, "there", &[]).wait_for("complete");
    seed.interrupt();
    assert_eq!(seed.exit_code(), Some(0));
    let named = seed.events().iter().map(|event| event["event"].as_str().unwrap_or_default());
    assert_eq!(named.collect::<Vec<_>>(), ["ready", "stopped"]);
}

#[test]
fn a_command_runs_when_all_is_written() {
    let place = Place::new();
    place.file("a.bin", 100_000);
    assert!(place.run(&["create", "a.bin", "-o", "t"]).status.success());
    for command in ["cp \"$FLUVIAL_PATH\" copy; echo noise", "exit 3"] {
        let mut get = place.get("t", ".", &["--on-complete", command]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{command}");
    }
    assert_same(&place.path("a.bin"), &place.path("copy"));
}

#[test]
fn what_is_lost_on_the_way_out_is_a_failure() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        return;
    };
    let place = Place::new();
    place.file("a.bin", 1_000);
    assert!(place.run(&["create", "a.bin", "-o", "t"]).status.success());
    let mut show = std::process::Command::new(env!("CARGO_BIN_EXE_fluvial"));
    let output = show.args(["show", "t", "--json"]).current_dir(place.path("."));
    let output = output.stdout(full).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn what_has_not_changed_is_not_hashed_again() {
    let place = Place::new();
    let file = place.file("a.bin", 300_000);
    let changed = std::fs::metadata(&file).and_then(|meta| meta.modified()).unwrap();
    let (mut first, before) = place.share(&file, &["--no-tracker"]);
    first.kill();
    // Other bytes under the same size and time: whoever read them would notice.
    std::fs::write(&file, vec![0; 300_000]).unwrap();
    let set_time = |time| {
        let file = std::fs::File::options().write(true).open(&file).unwrap();
        file.set_modified(time).unwrap();
    };
    set_time(changed);
    let name = |magnet: &str| magnet.split("&x.pe").next().map(str::to_owned);
    let (mut second, after) = place.share(&file, &["--no-tracker"]);
    second.kill();
    assert_eq!(name(&before), name(&after));
    set_time(changed + std::time::Duration::from_secs(1));
    let (_third, last) = place.share(&file, &["--no-tracker"]);
    assert_ne!(name(&before), name(&last));
}
