//! Lists of addresses that are not dealt with.

use std::fs;

use crate::support::{Place, Running, assert_same};

const LIST: &str = "list.p2p";
const FORBIDDEN: &str = "# of mine\nnobody of note:127.0.0.2-127.0.0.2\n";

/// A sharer at 127.0.0.2 of a content that takes some seconds, and its magnet, which names it.
fn share(place: &Place, name: &str) -> (Running, String) {
    let path = place.file(name, 1_500_000);
    let path = path.to_str().expect("a readable path");
    let args = ["share", path, "--listen", "127.0.0.2:0", "--no-discovery", "--no-tracker"];
    let mut share = place.start(&[&args[..], &["--up-limit", "500KB/s"]].concat());
    let magnet = share.wait_for("ready")["magnet"].as_str().expect("a magnet").to_owned();
    (share, magnet)
}

fn wait_for_peers(get: &mut Running, peers: u64) {
    while get.wait_for("progress")["peers"] != peers {}
}

/// Puts another list in place of the one there is.
fn change(place: &Place, get: &Running, list: &str) {
    fs::write(place.path(LIST), list).unwrap();
    get.hang_up();
}

#[test]
fn who_is_forbidden_is_no_peer_until_another_list_allows_it() {
    let place = Place::new();
    for transport in ["tcp", "utp"] {
        let name = format!("{transport}.bin");
        let (_share, magnet) = share(&place, &name);
        fs::write(place.path(LIST), FORBIDDEN).unwrap();
        let flags = ["--ip-filter", LIST, "--transport", transport];
        let mut get = place.get(&magnet, "got", &flags);
        for _ in 0..3 {
            assert_eq!(get.wait_for("progress")["peers"], 0);
        }
        change(&place, &get, "127.0.0.9\nnonsense\n");
        let said = get.wait_for_line("line 2");
        assert!(said.contains(LIST) && said.contains("nonsense"), "{said}");
        assert!(said.contains("stays as it was"), "{said}");
        for _ in 0..2 {
            assert_eq!(get.wait_for("progress")["peers"], 0);
        }
        change(&place, &get, "# nobody\n");
        get.wait_for_line("read again: 0 ranges");
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{transport}");
        assert_same(&place.path(&name), &place.path("got").join(&name));
    }
}

#[test]
fn connections_end_that_another_list_forbids() {
    let place = Place::new();
    let (_share, magnet) = share(&place, "content.bin");
    fs::write(place.path(LIST), "").unwrap();
    let mut get = place.get(&magnet, "got", &["--ip-filter", LIST]);
    wait_for_peers(&mut get, 1);
    change(&place, &get, FORBIDDEN);
    wait_for_peers(&mut get, 0);
    assert_eq!(get.wait_for("progress")["peers"], 0);
    change(&place, &get, "127.0.0.3/32");
    get.wait_for("complete");
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&place.path("content.bin"), &place.path("got/content.bin"));
}

#[test]
fn a_list_that_is_wrong_at_the_start_is_named_and_nothing_begins() {
    let place = Place::new();
    let hash = "d0d14c926e6e99761a2fdcff27b403d96376eff6";
    for (list, said) in [
        (&b"127.0.0.1\n\n10.0.0.9-10.0.0.1\n"[..], "line 3: the range ends before it begins"),
        (b"\x1f\x8b\x08\x00", "unpack it first"),
    ] {
        fs::write(place.path(LIST), list).unwrap();
        for command in [&["get", hash][..], &["dht", "node", "--listen", "127.0.0.1:0"]] {
            let run = place.run(&[command, &["--ip-filter", LIST]].concat());
            assert_eq!(run.status.code(), Some(1), "{command:?}");
            let error = String::from_utf8_lossy(&run.stderr);
            assert!(error.contains(LIST) && error.contains(said), "{command:?}: {error}");
        }
    }
    let run = place.run(&["get", hash, "--ip-filter", "nowhere"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("`nowhere`"));
}
