use serde_json::Value;

use crate::support::Place;

/// What `lab lookups` tells, progress left out.
fn results(place: &Place, args: &[&str]) -> Vec<Value> {
    let all = [&["lab", "lookups", "--json"], args].concat();
    let output = place.run(&all);
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let events = text.lines().map(|line| serde_json::from_str(line).expect("an event"));
    events.filter(|event: &Value| event["event"] != "progress").collect()
}

#[test]
fn ring_table_and_theory_stand_side_by_side() {
    let place = Place::new();
    let args = ["--nodes", "4,40", "--lookups", "60", "--seed", "5", "--html", "lookups.html"];
    let events = results(&place, &args);
    let [few, many] = &events[..] else { panic!("one result for each number: {events:?}") };
    for (result, nodes) in [(few, 4), (many, 40)] {
        assert_eq!((&result["event"], &result["nodes"]), (&"result".into(), &nodes.into()));
        assert_eq!((&result["lookups"], &result["seed"]), (&60.into(), &5.into()));
        for way in ["successors", "shortcuts", "dht"] {
            assert_eq!(result[way]["failed_lookups"], 0, "{way}: {result}");
        }
        assert_eq!(result["successors"]["expected_messages"], f64::from(nodes - 1) / 2.0);
        assert!(result["dht"]["expected_messages"].is_null(), "theory counts hops: {result}");
    }
    assert_eq!(few["shortcuts"]["expected_messages"], 1.0, "half of log2 4");
    let mean = |way: &str, what: &str| many[way][what].as_f64().expect("a number");
    assert!(mean("successors", "mean_messages") > 3.0 * mean("shortcuts", "mean_messages"));
    assert!(mean("dht", "mean_hops") < mean("dht", "mean_messages"), "it asks several at once");
    assert!(mean("dht", "mean_messages") < mean("dht", "mean_whole_messages"));
    assert!(mean("dht", "median_seconds") > 0.0);
    let page = std::fs::read_to_string(place.path("lookups.html")).expect("it was written");
    assert!(page.contains("<svg") && page.contains("½·log2 N"));
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
    let again = results(&place, &["--nodes", "4,40", "--lookups", "60", "--seed", "5"]);
    assert_eq!(again, events, "the same seed");
}

#[test]
fn people_see_a_table_and_a_chart() {
    let place = Place::new();
    let output = place.run(&["lab", "lookups", "--nodes", "2,9", "--lookups", "5"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let row = text.lines().find(|line| line.split_whitespace().next() == Some("9"));
    assert!(row.is_some_and(|row| row.contains("4.0")), "(9 − 1) / 2: {text}");
    assert!(text.contains("½·log2 N") && text.contains("ms"), "{text}");
}

#[test]
fn what_cannot_be_is_said_before_any_work() {
    let place = Place::new();
    let check = |flag: &str, value: &str, code: i32, says: &str| {
        let output = place.run(&["lab", "lookups", flag, value]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{flag} {value}: {stderr}");
        assert!(stderr.contains(says), "{flag} {value}: {stderr}");
        assert!(output.stdout.is_empty(), "{flag} {value}: {output:?}");
    };
    check("--nodes", "0", 2, "0 is not in 2..=20000");
    check("--nodes", "1,10", 2, "1 is not in 2..=20000");
    check("--nodes", "10,20001", 2, "20001 is not in 2..=20000");
    check("--nodes", "10,ten", 2, "'ten'");
    check("--nodes", "10,,30", 2, "--nodes");
    check("--nodes", "30,10", 2, "from few to many: 10 comes before 30");
    check("--nodes", "10,30,30", 2, "names 30 twice");
    check("--nodes", "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18", 2, "more than 16 numbers");
    check("--lookups", "0", 2, "0 is not in 1..=100000");
    check("--html", "none/l.html", 1, "there is no folder `none`");
    check("--html", ".", 1, "it is a folder");
}
