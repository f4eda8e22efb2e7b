use crate::support::Place;

#[test]
fn wrong_words_exit_2_and_wrong_things_exit_1() {
    let place = Place::new();
    std::fs::write(place.path("junk.torrent"), b"d4:infoi1ee").unwrap();
    let check = |args: &[&str], code: i32, says: &str| {
        let output = place.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    };
    check(&["get"], 2, "<SOURCE>");
    check(&["share"], 2, "<PATH>");
    check(&["get", "x", "--up-limit", "0"], 2, "positive");
    check(&["get", "x", "--seed", "sometimes"], 2, "ratio:R");
    check(&["frobnicate"], 2, "frobnicate");
    check(&["get", "nothing.torrent"], 1, "nothing.torrent");
    check(&["get", "magnet:?dn=x"], 1, "magnet");
    check(&["show", "junk.torrent"], 1, "junk.torrent");
    check(&["share", "missing"], 1, "missing");
    check(&["create", "missing", "-o", "t"], 1, "missing");
    check(&["verify", "missing", "x"], 1, "missing");
    check(&["get", "x", "-o", "y", "--piece-length", "1"], 2, "--piece-length");
}

#[test]
fn a_named_port_that_is_busy_is_an_error() {
    let place = Place::new();
    place.file("a.bin", 1_000);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = place.run(&["share", "a.bin", "--listen", &address, "--no-discovery"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}
