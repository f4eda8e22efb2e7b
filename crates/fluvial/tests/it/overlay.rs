use serde_json::Value;

use super::support::Place;

#[test]
fn an_overlay_is_tried_and_reported_the_same_for_the_same_seed() {
    let place = Place::new();
    let run = |seed: &str| -> Value {
        let line = ["lab", "overlay", "--nodes", "60", "--searches", "5", "--json", "--seed", seed];
        let output =
            place.run(&[&line[..], &["--html", "o.html", "--json-file", "o.json"]].concat());
        assert!(output.status.success(), "{output:?}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let events: Vec<Value> =
            stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(events[0]["event"], "progress");
        events.last().unwrap().clone()
    };
    let result = run("3");
    assert_eq!(result["event"], "result");
    assert_eq!((&result["nodes"], &result["components"]), (&60.into(), &1.into()));
    assert_eq!((&result["killed"], &result["survivors"]), (&30.into(), &30.into()));
    assert_eq!(result["reached"][9], 30);
    let methods: Vec<&str> = result["searches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        methods,
        ["flood", "walk", "flood", "walk", "ring"],
        "copies beyond 60 are not tried"
    );
    let html = std::fs::read_to_string(place.path("o.html")).unwrap();
    assert!(html.contains("An overlay of 60 members") && html.contains("<svg"), "{html}");
    let numbers = std::fs::read_to_string(place.path("o.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&numbers).unwrap()["trace"], result["trace"]);
    assert_eq!(run("3")["trace"], result["trace"]);
    assert_ne!(run("4")["trace"], result["trace"]);
}
