use serde_json::Value;

use crate::support::Place;

/// The events that a `lab ring` prints.
fn events(place: &Place, args: &[&str]) -> Vec<Value> {
    let all = [&["lab", "ring", "--json"], args].concat();
    let output = place.run(&all);
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

#[test]
fn the_lecture_s_query_takes_6_messages_or_2() {
    let place = Place::new();
    let lecture = ["--bits", "4", "--ids", "1,3,4,5,8,10,12,14", "--from", "1", "--key", "14"];
    let check = |more: &[&str], messages: u64, path: &[u64], owner: u64| {
        let events = events(&place, &[&lecture, more].concat());
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event["event"], "route");
        assert_eq!(event["messages"], messages);
        assert_eq!(event["path"], serde_json::json!(path));
        assert_eq!(event["owner"], owner);
    };
    check(&["--no-shortcuts"], 6, &[1, 3, 4, 5, 8, 10, 12], 14);
    check(&[], 2, &[1, 10, 12], 14);
    check(&["--no-shortcuts", "--leave", "5"], 5, &[1, 3, 4, 8, 10, 12], 14);
    check(&["--no-shortcuts", "--join", "13"], 7, &[1, 3, 4, 5, 8, 10, 12, 13], 14);
    let output = place.run(&[&["lab", "ring"], &lecture[..], &["--leave", "5"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let of_4 = text.lines().find(|line| line.split_whitespace().nth(1) == Some("4"));
    let of_4 = of_4.unwrap_or_default();
    assert!(of_4.contains("8, 10"), "4 adopts 8, and whom 8 has behind it: {text}");
}

#[test]
fn many_look_ups_end_with_a_result() {
    let place = Place::new();
    let result = |args: &[&str]| events(&place, args).pop().expect("a result");
    let args = ["--nodes", "300", "--lookups", "500", "--fail", "0.5", "--successors", "20"];
    let one = result(&[&args[..], &["--seed", "7"]].concat());
    assert_eq!(one["event"], "result");
    assert_eq!((&one["failed_lookups"], &one["lookups"]), (&0.into(), &500.into()));
    assert!(one["mean_messages"].as_f64().is_some_and(|mean| (3.0..6.0).contains(&mean)), "{one}");
    assert!(one["mean_timeouts"].as_f64().is_some_and(|mean| mean > 2.0), "{one}");
    assert_eq!(one, result(&[&args[..], &["--seed", "7"]].concat()), "the same seed");
    assert_ne!(one, result(&[&args[..], &["--seed", "8"]].concat()), "another seed");
    let churn = ["--nodes", "60", "--churn", "0.05", "--lookups", "200"];
    assert_eq!(result(&churn)["failed_lookups"], 0);
    let steps = result(&["--steps", "3000"]);
    assert_eq!((&steps["steps"], &steps["broken"]), (&3_000.into(), &0.into()));
    assert!(result(&["--steps", "60000", "--original"])["broken"].as_u64() > Some(0));
}

#[test]
fn what_was_published_stands_beside_what_is_measured() {
    let place = Place::new();
    let few = ["--published", "ii", "--rings", "1", "--lookups", "20"];
    let events = events(&place, &few);
    let Some((result, rows)) = events.split_last() else { panic!("no events") };
    assert_eq!((&result["event"], &result["table"]), (&"result".into(), &"II".into()));
    assert_eq!(rows.len(), 6);
    for (row, (gone, path)) in rows.iter().zip([(0.0, 3.84), (0.1, 4.03), (0.2, 4.22)]) {
        assert_eq!((&row["event"], &row["fail"]), (&"row".into(), &gone.into()));
        let messages = &row["messages"];
        let number = |value: &Value| value.as_f64().expect("a number");
        assert_eq!(messages["published"], path);
        let deviation = number(&messages["deviation"]);
        assert!((number(&messages["ours"]) - path - deviation).abs() < 1e-9, "{row}");
        assert_eq!(messages["within"], deviation.abs() <= number(&messages["margin"]), "{row}");
        assert_eq!((&row["lookups"], &row["failed_lookups"]), (&20.into(), &0.into()));
    }
    let all = rows.iter().all(|row| row["within"] == true);
    assert_eq!(result["within"], all, "{result}");
}

#[test]
fn pages_are_written_and_stand_alone() {
    let place = Place::new();
    let lecture = ["--bits", "4", "--ids", "1,3,4,5,8,10,12,14", "--from", "1", "--key", "14"];
    let check = |args: &[&str], says: &str| {
        let output = place.run(&[&["lab", "ring", "--html", "ring.html"], args].concat());
        assert!(output.status.success(), "{args:?}: {output:?}");
        let page = std::fs::read_to_string(place.path("ring.html")).expect("it was written");
        assert!(page.contains("<svg") && page.contains(says), "{args:?}");
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "{args:?}");
    };
    check(&lecture, "6 messages from successor to successor");
    check(&["--sweep", "--nodes", "64", "--lookups", "50"], "half the logarithm");
    check(&["--nodes", "64", "--lookups", "50", "--fail", "0.2"], "Look-ups in a ring");
    check(&["--published", "2", "--rings", "1", "--lookups", "9"], "Peers that leave all at once");
}
