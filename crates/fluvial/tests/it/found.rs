//! Peers that are found without a tracker.

use crate::support::{Place, Running, assert_same};

const LOCAL: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// So many nodes of a DHT of their own, and where the first is.
fn nodes(place: &Place, count: usize) -> (Vec<Running>, String) {
    let (mut all, mut first) = (Vec::new(), String::new());
    for n in 0..count {
        let state = format!("node{n}");
        let mut args = vec!["dht", "node", "--state-dir", &state];
        args.extend(LOCAL);
        if n > 0 {
            args.extend(["--bootstrap", &first]);
        }
        let mut node = place.start(&args);
        let ready = node.wait_for("ready");
        if n == 0 {
            ready["listen"][0].as_str().expect("an address").clone_into(&mut first);
        }
        all.push(node);
    }
    (all, first)
}

/// The link without the addresses in it.
fn bare(magnet: &str) -> String {
    let named = |part: &&str| !part.starts_with("x.pe=") && !part.starts_with("tr=");
    magnet.split('&').filter(named).collect::<Vec<_>>().join("&")
}

#[test]
fn a_magnet_link_alone_is_enough() {
    let place = Place::new();
    let (_nodes, router) = nodes(&place, 4);
    for (n, more) in
        [&["--transport", "both"][..], &["--transport", "utp"], &["--transport", "tcp"]]
            .into_iter()
            .enumerate()
    {
        let name = format!("{n}.bin");
        let path = place.file(&name, 300_000 + n);
        let (state, folder) = (format!("sharer{n}"), format!("got{n}"));
        let path = path.to_str().expect("a readable path");
        let common = [&LOCAL[..], &["--bootstrap", &router], more].concat();
        let share = ["share", path, "--no-tracker", "-v", "--state-dir", &state];
        let mut share = place.start(&[&share[..], &common].concat());
        let magnet = share.wait_for("ready")["magnet"].as_str().expect("a magnet").to_owned();
        let magnet = bare(&magnet);
        share.wait_for_line("announced to the DHT");
        let get = ["get", &magnet, "-o", &folder, "--state-dir", &folder];
        let mut get = place.start(&[&get[..], &common].concat());
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{more:?}");
        assert_same(path.as_ref(), &place.path(&folder).join(&name));
    }
}

/// Shares `docs` under the key, in a DHT.
fn publish(place: &Place, router: &str, state: &str) -> (Running, String) {
    let args = ["share", "docs", "--no-tracker", "--publish", "docs.key", "--state-dir", state];
    let mut share = place.start(&[&args[..], &LOCAL, &["--bootstrap", router]].concat());
    let published = share.wait_for("published");
    let link = published["magnet"].as_str().expect("a link").to_owned();
    (share, link)
}

#[test]
fn who_follows_a_publisher_fetches_what_changes() {
    let place = Place::new();
    let (_nodes, router) = nodes(&place, 4);
    let (kept, changed) = (place.file("docs/a kept.bin", 3_000_000), "docs/b changed.bin");
    place.file(changed, 400_000);
    place.file("docs/c gone.bin", 50_000);
    let (mut first, link) = publish(&place, &router, "first");
    let args = ["get", &link, "-o", "copy", "--follow", "--follow-every", "1s"];
    let more = ["--bootstrap", &router, "--state-dir", "getter"];
    let mut get = place.start(&[&args[..], &LOCAL, &more].concat());
    let complete = get.wait_for("complete");
    assert_eq!(complete["bytes"], 3_450_000);
    assert_same(&place.path("docs"), &place.path("copy/docs"));
    let written = std::fs::metadata(place.path("copy/docs/a kept.bin")).unwrap().modified();

    first.interrupt();
    assert_eq!(first.exit_code(), Some(0));
    std::fs::remove_file(place.path("docs/c gone.bin")).unwrap();
    place.file(changed, 700_000);
    place.file("docs/d new.bin", 90_000);
    let (_second, same) = publish(&place, &router, "second");
    assert_eq!(same, link, "one key, one link");
    let complete = get.wait_for("complete");
    assert_eq!(complete["bytes"], 3_790_000);
    let fetched: u64 = complete["sources"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|source| source["bytes"].as_u64())
        .sum();
    assert!((790_000..1_200_000).contains(&fetched), "what changed alone: {fetched}");
    let again = std::fs::metadata(place.path("copy/docs/a kept.bin")).unwrap().modified();
    assert_eq!(again.unwrap(), written.unwrap(), "what is the same is not touched");
    for name in ["a kept.bin", "b changed.bin", "d new.bin"] {
        assert_same(&place.path("docs").join(name), &place.path("copy/docs").join(name));
    }
    assert_same(&kept, &place.path("copy/docs/a kept.bin"));
    get.interrupt();
    assert_eq!(get.exit_code(), Some(0), "what is complete is no failure");
}

#[test]
fn who_waits_for_peers_hears_how_the_dht_does() {
    let place = Place::new();
    let magnet = format!("magnet:?xt=urn:btih:{}", "ab".repeat(20));
    let nobody = ["--bootstrap", "127.0.0.1:9"];
    let args = ["get", &magnet, "-o", "x"];
    let mut get = place.start(&[&args[..], &LOCAL, &nobody].concat());
    get.wait_for_line("no node of the DHT answers");
    get.interrupt();
    assert_eq!(get.exit_code(), Some(1));
    let mut get = place.start(&[&args[..], &LOCAL, &["--no-dht"]].concat());
    let line = get.wait_for_line("waiting: ");
    assert!(!line.contains("DHT"), "{line}");
}
