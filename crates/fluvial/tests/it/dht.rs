use serde_json::Value;

use crate::support::{Place, Running};

const TORRENT: &str = "d0d14c926e6e99761a2fdcff27b403d96376eff6";

/// So many nodes that know the first of them, and where that one is.
fn nodes(place: &Place, count: usize) -> (Vec<Running>, String) {
    let mut first = place.start(&["dht", "node", "--listen", "127.0.0.1:0"]);
    let ready = first.wait_for("ready");
    let address = ready["listen"][0].as_str().expect("an address").to_owned();
    assert_eq!(ready["ids"][0].as_str().map(str::len), Some(40));
    let mut all = vec![first];
    for n in 1..count {
        let state = format!("state{n}");
        let more = ["--bootstrap", &address, "--state-dir", &state];
        let mut node =
            place.start(&[&["dht", "node", "--listen", "127.0.0.1:0"][..], &more].concat());
        node.wait_for("ready");
        all.push(node);
    }
    (all, address)
}

fn result(place: &Place, router: &str, args: &[&str]) -> Value {
    let more = ["--listen", "127.0.0.1:0", "--state-dir", "asker", "--bootstrap", router];
    let mut running = place.start(&[&["dht"][..], args, &more].concat());
    let result = running.wait_for("result");
    assert_eq!(running.exit_code(), Some(0), "{args:?}");
    result
}

#[test]
fn what_one_puts_another_gets() {
    let place = Place::new();
    let (mut nodes, router) = nodes(&place, 4);
    let put = result(&place, &router, &["put", "Hello World!"]);
    let target = "e5f96f6f38320f0f33959cb4d3d656452117aadb";
    assert_eq!(put["target"], target);
    // How many know of each other so soon is chance: one is enough for others to find it.
    assert!(put["stored"].as_u64() >= Some(1), "{put}");
    let got = result(&place, &router, &["get", target]);
    assert_eq!((&got["value"], &got["seq"]), (&"Hello World!".into(), &Value::Null));
    for (version, text) in [(1, "one"), (2, "two")] {
        let args = ["put", text, "--secret", "news.key", "--salt", "s"];
        let put = result(&place, &router, &args);
        assert_eq!(put["seq"], version);
        let key = put["public_key"].as_str().expect("a key").to_owned();
        let got = result(&place, &router, &["get", &key, "--salt", "s"]);
        assert_eq!((&got["value"], &got["seq"]), (&text.into(), &version.into()));
    }
    let args = ["put", "--torrent", TORRENT, "--secret", "news.key"];
    let put = result(&place, &router, &args);
    let link = format!("magnet:?xs=urn:btpk:{}", put["public_key"].as_str().expect("a key"));
    let got = result(&place, &router, &["get", &link]);
    assert_eq!(got["torrent"], TORRENT);
    let found = result(&place, &router, &["lookup", TORRENT]);
    assert!(found["nodes"].as_array().is_some_and(|it| !it.is_empty()), "{found}");
    let stats = result(&place, &router, &["stats"]);
    assert!(stats["good_nodes"].as_u64() >= Some(1), "{stats}");
    nodes[0].interrupt();
    nodes[0].wait_for("stopped");
    assert_eq!(nodes[0].exit_code(), Some(0));
}

#[test]
fn what_cannot_be_done_is_said() {
    let place = Place::new();
    let (_nodes, router) = nodes(&place, 2);
    let network = ["--listen", "127.0.0.1:0", "--bootstrap", &router];
    for (args, code, expected) in [
        (&["peers", TORRENT][..], 1, "the DHT knows no peers of"),
        (&["get", TORRENT], 1, "the DHT holds nothing under"),
        (&["get", "nonsense"], 1, "`nonsense` is no hash"),
        (&["get", TORRENT, "--salt", "x"], 1, "a hash has no salt"),
        (&["put", &"x".repeat(1_000)], 1, "1000 are allowed"),
        (&["put"], 2, "VALUE"),
        (&["put", "--torrent", TORRENT], 2, "--secret"),
        (&["lookup", "abc"], 2, "40 hexadecimal digits"),
        (&["stats", "--bootstrap", "nowhere"], 2, "a host and a port are needed"),
    ] {
        let done = place.run(&[&["dht"][..], args, &network].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let link = format!("magnet:?xs=urn:btpk:{}", "ab".repeat(32));
    let hash = format!("magnet:?xt=urn:btih:{}", "ab".repeat(20));
    for (args, expected) in [
        (&["get", &link, "--no-dht"][..], "is found in the DHT; leave --no-dht"),
        (&["get", &hash, "--follow"], "--follow needs the link of a publisher"),
        (&["get", &link, "--give-up", "1s"], "nothing is found of what the publisher signed"),
    ] {
        let done = place.run(&[args, &network].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}
