use serde_json::Value;

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
    let ring = |ids: &'static str, from: &'static str, key: &'static str| {
        ["lab", "ring", "--bits", "4", "--ids", ids, "--from", from, "--key", key]
    };
    check(&ring("1,3,16", "1", "3"), 2, "--ids `16`: it is not below 2^4");
    check(&ring("1,3,1", "1", "3"), 2, "the peer 1 twice");
    check(&ring("1,x", "1", "3"), 2, "--ids `x`: it is not a number");
    check(&ring("1,3", "2", "3"), 2, "--from 2 is none of the peers");
    check(&ring("1,3", "1", "99"), 2, "--key `99`");
    check(&["lab", "ring", "--bits", "3", "--nodes", "9"], 2, "3 bits are not enough for 9 peers");
    let overlay = |flag: &'static str, value: &'static str| ["lab", "overlay", flag, value];
    check(&overlay("--copies", "1001"), 2, "--copies 1001 is more than there are members, 1000");
    check(&overlay("--kill", "0.9999"), 2, "nobody would survive");
    check(&overlay("--html", "missing/o.html"), 1, "there is no folder `missing`");
    check(&["lab", "overlay", "--slow", "0.1", "--slow-by", "2h"], 2, "more than an hour");
    check(&["lab"], 2, "lab ring");
    let change = |flag: &'static str, id: &'static str| {
        ["lab", "ring", "--ids", "1,3,4,5", "--from", "1", "--key", "4", flag, id]
    };
    check(&change("--leave", "2"), 2, "--leave 2 is none of the peers");
    check(&change("--leave", "1"), 2, "--from 1 is none of the peers of --ids that stay");
    check(&change("--join", "3"), 2, "--join 3 is one of the peers of --ids already");
    check(&["lab", "ring", "--churn", "1", "--nodes", "20"], 2, "needs more than 20 peers");
    check(&["lab", "ring", "--churn=-1"], 2, "above 0");
    check(&["lab", "ring", "--churn", "0"], 2, "for example 0.4");
    check(&["lab", "ring", "--original"], 2, "--steps");
    check(&["lab", "ring", "--nodes", "9", "--fail", "0.99"], 2, "nobody would be left");
    check(&["lab", "ring", "--churn", "5", "--nodes", "21"], 2, "at most 2.1 a second");
    check(&["lab", "ring", "--churn", "1", "--nodes", "20001"], 2, "up to 20000 peers");
    check(&["lab", "ring", "--repair", "rounds"], 2, "--repair means something with --churn");
    check(&["lab", "ring", "--published", "IV"], 2, "invalid value");
    check(&["lab", "ring", "--published", "II", "--nodes", "9"], 2, "cannot be used");
    check(&["lab", "ring", "--steps", "9", "--nodes", "3"], 2, "--nodes");
    check(&["lab", "ring", "--html", "none/x.html"], 1, "there is no folder `none`");
    check(&["lab", "ring", "--html", "."], 1, "it is a folder");
    std::fs::write(place.path("junk.toml"), b"peers = 3").unwrap();
    check(&["lab", "swarm", "junk.toml"], 1, "the scenario `junk.toml`: line 1");
    check(&["lab", "swarm", "missing.toml"], 1, "no scenario `missing.toml`");
    check(&["lab", "swarm", "--peers", "0"], 2, "--peers");
    check(&["lab", "swarm", "--size", "1TiB"], 1, "`size` is 1099511627776");
    check(&["lab", "swarm", "--peer-up", "0"], 2, "positive");
    check(&["lab", "swarm", "--html", "none/x.html"], 1, "there is no folder `none`");
    check(&["lab", "swarm", "--html", "."], 1, "it is a folder");
    check(&["lab", "swarm", "--json-file", "none/x.json"], 1, "there is no folder `none`");
    check(&["lab", "overlay", "--json-file", "."], 1, "it is a folder");
    std::fs::write(place.path("wet.toml"), b"loss = 2.0").unwrap();
    check(&["lab", "swarm", "wet.toml"], 1, "the scenario `wet.toml`: `loss` is a share");
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

#[test]
fn wrong_usage_is_one_event_for_scripts() {
    let place = Place::new();
    let check = |args: &[&str], says: &str| {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
        let event: Value = serde_json::from_str(&stdout).expect("an event");
        assert_eq!(event["event"], "error");
        let message = event["message"].as_str().expect("a message");
        assert!(message.contains(says), "{message}");
        assert!(!message.contains('\n') && !message.starts_with("error"), "{message}");
    };
    check(&["get", "--json"], "<SOURCE>");
    check(&["--json"], "--help");
    check(&["seed", "one.torrent", "--json"], "one.torrent");
    check(&["share", "x", "--name", "a/b", "--json"], "a/b");
    check(&["get", "x", "--json", "--tracker", "nonsense"], "nonsense");
}

#[test]
fn faults_are_one_plain_line() {
    let place = Place::new();
    place.file("a.bin", 1_000);
    place.folder("folder");
    let check = |args: &[&str], says: &str| {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
        assert!(!stderr.contains("os error"), "{stderr}");
    };
    assert!(place.run(&["create", "a.bin", "-o", "t"]).status.success());
    check(&["get", "t", "-o", "a.bin"], "`a.bin` is a file");
    check(&["get", "nothing"], "`nothing` is no file, magnet link, info-hash or URL");
    check(&["get", "ftp://x/y"], "`ftp://` is not supported");
    check(&["get", "http://127.0.0.1:1/t"], "cannot fetch `http://127.0.0.1:1/t`");
    check(&["get", "folder"], "`folder` is a folder");
    check(&["get", "t", "-o", "new", "--files", "no*"], "no file matches `no*`");
    check(&["get", "t", "-o", "new", "--files", "1"], "no file 1");
    check(&["get", "t", "-o", "new", "--files", "["], "`[` is no pattern");
    assert!(!place.path("new").exists(), "nothing is made for what cannot be wanted");
    check(&["create", "a.bin", "-o", "none/t"], "cannot write `none/t`: there is no folder `none`");
    check(&["create", "a.bin", "-o", "t"], "--overwrite");
    check(&["create", "folder", "-o", "u"], "no files");
    check(&["verify", "t", "folder"], "name the content itself");
    check(&["verify", "t", "gone"], "cannot verify `gone`");
    check(&["seed", "--dir", "folder", "--data", "."], "no .torrent file");
}

#[test]
fn strangers_words_do_not_command_the_terminal() {
    let place = Place::new();
    let output = place.run(&[
        "show",
        "magnet:?xt=urn:btih:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&dn=a%1B%5B2Jb",
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(!output.stdout.contains(&0x1b), "{output:?}");
}

#[test]
fn quiet_prints_nothing_but_errors() {
    let place = Place::new();
    place.file("a.bin", 1_000);
    let output = place.run(&["create", "a.bin", "-o", "t", "--quiet"]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    let output = place.run(&["create", "a.bin", "-o", "t", "--quiet"]);
    assert!(!output.status.success() && !output.stderr.is_empty());
}
