//! What whoever runs a tracker relies on: lists, passkeys, metrics, and staying alive.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use announce::{Failure, RetryIn, UdpOutcome, parse_announce_response};
use served::{Lists, TrackerBuilder, TrackerServer};

use super::http::{get, send};
use super::udp::announce_by_udp;
use super::{request, target, v4};

/// The swarm that [`request`] asks for.
const SEVENS: &str = "0707070707070707070707070707070707070707";

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn announce(tracker: &TrackerServer, path: &str) -> Result<usize, Failure> {
    let target = target(&request(1001, 5)).replacen("/announce", path, 1);
    let (_, body) = get(tracker.http_addresses()[0], &target).await;
    parse_announce_response(&body).map(|answer| answer.peers.len())
}

#[tokio::test]
async fn lists_are_reloaded_and_broken_ones_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let allow = write(dir.path(), "allow.txt", &format!("{SEVENS} # ours\n"));
    let deny = write(dir.path(), "deny.txt", "");
    let lists = Lists { allow: Some(allow.clone()), deny: Some(deny.clone()), passkeys: None };
    let tracker = TrackerServer::builder().http(v4()).lists(lists).spawn().unwrap();
    assert_eq!(announce(&tracker, "/announce").await, Ok(0));

    write(dir.path(), "deny.txt", SEVENS);
    assert_eq!(announce(&tracker, "/announce").await, Ok(0));
    tracker.reload().await.unwrap();
    let refused = announce(&tracker, "/announce").await.unwrap_err();
    assert_eq!(refused.retry, Some(RetryIn::Never));

    // One good and one broken file: nothing changes, and the message leads to the fault.
    write(dir.path(), "deny.txt", "");
    write(dir.path(), "allow.txt", &format!("{SEVENS}\n\n{}\n", &SEVENS[..39]));
    let error = tracker.reload().await.unwrap_err().to_string();
    let expected = format!("{}, line 3: expected an info-hash", allow.display());
    assert!(error.starts_with(&expected), "{error}");
    assert!(announce(&tracker, "/announce").await.is_err());
    std::fs::remove_file(&allow).unwrap();
    let error = tracker.reload().await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read `{}`: ", allow.display())), "{error}");
    assert!(announce(&tracker, "/announce").await.is_err());

    write(dir.path(), "allow.txt", SEVENS);
    tracker.reload().await.unwrap();
    assert_eq!(announce(&tracker, "/announce").await, Ok(0));
    let stats = tracker.stats();
    assert_eq!((stats.allowed, stats.denied, stats.passkeys), (Some(1), Some(0), None));
    assert_eq!((stats.reloads, stats.reloads_failed, stats.requests.barred), (2, 2, 3));
}

#[tokio::test]
async fn tracker_does_not_start_with_a_broken_list() {
    let dir = tempfile::tempdir().unwrap();
    let binary = dir.path().join("deny.bin");
    std::fs::write(&binary, [0xff, 0xfe, b'\n']).unwrap();
    let check = |lists: Lists, expected: String| {
        let error = TrackerServer::builder().lists(lists).spawn().unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    };
    let expected = format!("{}, line 1: expected an info-hash", binary.display());
    check(Lists { deny: Some(binary), ..Lists::default() }, expected);
    let folder = dir.path().to_owned();
    let expected = format!("cannot read `{}`: ", folder.display());
    check(Lists { passkeys: Some(folder), ..Lists::default() }, expected);
}

#[tokio::test]
async fn passkey_opens_a_private_tracker() {
    let dir = tempfile::tempdir().unwrap();
    let passkeys = Some(write(dir.path(), "passkeys.txt", "k3y # Ann\n"));
    let lists = Lists { passkeys, ..Lists::default() };
    let tracker = TrackerServer::builder().http(v4()).udp(v4()).lists(lists).spawn().unwrap();
    assert_eq!(announce(&tracker, "/k3y/announce").await, Ok(0));
    assert_eq!(announce(&tracker, "/announce/k3y").await, Ok(0));
    assert!(announce(&tracker, "/announce").await.is_err());
    assert!(announce(&tracker, "/other/announce").await.is_err());
    let address = tracker.udp_addresses()[0];
    let by_udp = async |path| announce_by_udp(address, path, request(1002, 5)).await;
    assert!(matches!(by_udp("/k3y/announce").await, UdpOutcome::Announced(_)));
    assert!(matches!(by_udp("/announce").await, UdpOutcome::Failed(_)));

    write(dir.path(), "passkeys.txt", "n3w");
    tracker.reload().await.unwrap();
    assert!(announce(&tracker, "/k3y/announce").await.is_err());
    assert_eq!(announce(&tracker, "/n3w/announce").await, Ok(1));
    // To a public tracker such a path means nothing.
    let public = TrackerServer::builder().http(v4()).spawn().unwrap();
    let (head, _) = get(public.http_addresses()[0], "/k3y/announce?port=1").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
}

/// Reads the text format as strictly as its definition has it.
fn parse_metrics(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut family) = (BTreeMap::new(), String::new());
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty()
    };
    for line in text.strip_suffix('\n').expect("the last line ends too").split('\n') {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split_once(' ').unwrap().0.clone_into(&mut family);
            assert!(is_name(&family), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            let counts = name.ends_with("_total");
            assert_eq!((name, kind), (&*family, if counts { "counter" } else { "gauge" }));
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let labels = name.strip_prefix(&family).expect("samples follow their family");
            if let Some(labels) = labels.strip_prefix('{') {
                for label in labels.strip_suffix('}').unwrap().split(',') {
                    let (key, value) = label.split_once("=\"").unwrap();
                    assert!(is_name(key) && is_name(value.strip_suffix('"').unwrap()), "{line}");
                }
            } else {
                assert_eq!(labels, "");
            }
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

#[tokio::test]
async fn metrics_can_be_scraped() {
    let dir = tempfile::tempdir().unwrap();
    let deny = Some(write(dir.path(), "deny.txt", &"ab".repeat(20)));
    let lists = Lists { deny, ..Lists::default() };
    let builder = TrackerServer::builder().http(v4()).udp(v4()).metrics(v4()).lists(lists);
    let tracker = builder.spawn().unwrap();
    announce(&tracker, "/announce").await.unwrap();
    announce_by_udp(tracker.udp_addresses()[0], "", request(1002, 0)).await;
    let address = tracker.metrics_addresses()[0];
    let (head, body) = get(address, "/metrics").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let metrics = parse_metrics(std::str::from_utf8(&body).unwrap());
    let check = |name: &str, expected: f64| {
        let found = metrics.get(&format!("fluvial_tracker_{name}"));
        assert_eq!(found, Some(&expected), "{name}");
    };
    check("torrents", 1.0);
    check("peers{family=\"ipv4\"}", 2.0);
    check("peers{family=\"ipv6\"}", 0.0);
    check("requests_total{protocol=\"http\",kind=\"announce\"}", 1.0);
    check("requests_total{protocol=\"udp\",kind=\"connect\"}", 1.0);
    check("requests_total{protocol=\"udp\",kind=\"announce\"}", 1.0);
    check("refused_total{reason=\"torrent\"}", 0.0);
    check("list_entries{list=\"deny\"}", 1.0);
    check("memory_limit_bytes", f64::from(1 << 30));
    check("http_shed_total", 0.0);
    check("reloads_total{outcome=\"done\"}", 0.0);
    assert!(!metrics.contains_key("fluvial_tracker_list_entries{list=\"allow\"}"));
    assert!(metrics["fluvial_tracker_start_time_seconds"] > 1.7e9);
    // The tracker's own port says nothing of it, and the metrics' port does not track.
    for (address, path) in [(tracker.http_addresses()[0], "/metrics"), (address, "/announce")] {
        let (head, _) = get(address, path).await;
        assert!(head.starts_with("http/1.1 404"), "{head}");
    }
}

#[tokio::test]
async fn full_tracker_turns_away_and_recovers() {
    let builder: TrackerBuilder = TrackerServer::builder().http(v4()).metrics(v4());
    let tracker = builder.http_connections(8).spawn().unwrap();
    let address: SocketAddr = tracker.http_addresses()[0];
    // One address may hold two of the eight places.
    let mut held = [connect(address).await, connect(address).await];
    let (head, _) = send(&mut held[0], "GET /x").await;
    assert!(head.contains("connection: close"), "{head}");
    held[0] = connect(address).await;
    while tracker.stats().http_connections < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..3 {
        let (head, body) = get(address, &target(&request(1001, 5))).await;
        assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: 300"), "{head}");
        let failure = parse_announce_response(&body).unwrap_err();
        let retry = RetryIn::After(Duration::from_mins(5));
        assert_eq!((&*failure.reason, failure.retry), ("the tracker is too busy", Some(retry)));
    }
    // Who comes in larger numbers is dropped; nobody is left hanging.
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(connect(address).await);
    }
    while tracker.stats().http_shed < 203 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(get(tracker.metrics_addresses()[0], "/metrics").await.0.starts_with("http/1.1 200"));
    for mut stream in crowd.into_iter().rev().take(100) {
        let end = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 1])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    }
    drop(held);
    while tracker.stats().http_connections > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(announce(&tracker, "/announce").await, Ok(0));
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}
