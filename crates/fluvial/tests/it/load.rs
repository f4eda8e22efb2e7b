//! `lab load` at a tracker of our own.

use serde_json::Value;

use crate::support::{Place, Running};

const CROWD: [&str; 6] = ["--peers", "3000", "--torrents", "100", "--time", "300ms"];

fn tracker(place: &Place) -> (Running, Value) {
    let args = ["tracker", "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut tracker = place.start(&args);
    let ready = tracker.wait_for("ready");
    (tracker, ready)
}

fn result(place: &Place, url: &str, flags: &[&str]) -> Value {
    let mut load = place.start(&[&["lab", "load", url][..], &CROWD, flags].concat());
    let result = load.wait_for("result");
    assert_eq!(load.exit_code(), Some(0));
    result
}

#[test]
fn a_crowd_is_answered_by_udp() {
    let place = Place::new();
    let (tracker, ready) = tracker(&place);
    let url = format!("udp://{}", ready["udp"].as_str().expect("an address"));
    let pid = tracker.pid().to_string();
    for flags in [&["--pid", &pid][..], &["--rate", "500", "--connects", "0.3"]] {
        let result = result(&place, &url, flags);
        assert!(result["answered"].as_u64() > Some(0), "{result}");
        assert_eq!((&result["wrong"], &result["refused"]), (&0.into(), &0.into()), "{result}");
        // 3,000 peers on 100 torrents: a leecher hears of some thirty.
        assert!(result["peers_per_answer"].as_f64() > Some(15.0), "{result}");
        assert_eq!(result["cost"].is_object(), flags[0] == "--pid", "{result}");
    }
}

#[test]
fn a_crowd_is_answered_by_http() {
    let place = Place::new();
    let (_tracker, ready) = tracker(&place);
    let url = ready["http"].as_str().expect("an address");
    let result = result(&place, url, &["--hosts", "7"]);
    assert!(result["answered"].as_u64() > Some(0), "{result}");
    assert_eq!((&result["wrong"], &result["lost"]), (&0.into(), &0.into()), "{result}");
    assert!(result["peers_per_answer"].as_f64() > Some(15.0), "{result}");
}

#[test]
fn a_tracker_that_is_not_there_is_named() {
    let place = Place::new();
    let mut load = place.start(&["lab", "load", "https://tracker.example/announce"]);
    let error = load.wait_for("error");
    assert!(error["message"].as_str().is_some_and(|it| it.contains("https")), "{error}");
    assert_eq!(load.exit_code(), Some(2));
}
