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
        let share = ["share", path, "--no-tracker", "--state-dir", &state];
        let mut share = place.start(&[&share[..], &common].concat());
        let magnet = share.wait_for("ready")["magnet"].as_str().expect("a magnet").to_owned();
        let magnet = bare(&magnet);
        let get = ["get", &magnet, "-o", &folder, "--state-dir", &folder];
        let mut get = place.start(&[&get[..], &common].concat());
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0), "{more:?}");
        assert_same(path.as_ref(), &place.path(&folder).join(&name));
    }
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
    get.wait_for("stopped");
    let mut get = place.start(&[&args[..], &LOCAL, &["--no-dht"]].concat());
    let line = get.wait_for_line("waiting: ");
    assert!(!line.contains("DHT"), "{line}");
}
