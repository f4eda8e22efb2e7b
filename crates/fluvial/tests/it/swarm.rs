use serde_json::Value;

use super::support::Place;

/// A small swarm that is not done when its time is over.
const SCENARIO: &str = "
size = '1MiB'
piece-length = '64KiB'
loss = 0.05
limit = '2s'
[[seeds]]
up = '2Mbit/s'
[[peers]]
count = 3
";

#[test]
fn a_run_says_how_to_see_it_again() {
    let place = Place::new();
    let name = "somebody's swarm.toml";
    std::fs::write(place.path(name), SCENARIO).unwrap();
    let run = |args: &[&str]| -> Value {
        let output = place.run(&[args, &["--json-file", "numbers.json"]].concat());
        assert!(output.status.success(), "{output:?}");
        let text = std::fs::read_to_string(place.path("numbers.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let first = run(&["lab", "swarm", name, "--peer-up", "1.5Mbit/s", "--seed", "7"]);
    assert_eq!((&first["completed"], &first["wanted"]), (&0.into(), &3.into()));
    let line = shlex::split(first["replay"].as_str().unwrap()).unwrap();
    assert_eq!(line[0], "fluvial");
    let words: Vec<&str> = line[1..].iter().map(String::as_str).collect();
    assert_eq!(run(&words), first);
    let other = run(&["lab", "swarm", name, "--peer-up", "1.5Mbit/s", "--seed", "8"]);
    assert_ne!(other["trace"], first["trace"]);
}

#[test]
fn ways_to_do_it_are_compared_on_the_same_seeds() {
    let place = Place::new();
    let check = |what: &str, names: &[&str]| {
        let args = ["lab", "swarm", "--peers", "3", "--size", "1MiB", "--compare", what];
        let page = ["--runs", "2", "--html", "ways.html", "--json"];
        let output = place.run(&[&args[..], &page].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        let ways = last["ways"].as_array().unwrap();
        let found: Vec<&str> = ways.iter().map(|way| way["name"].as_str().unwrap()).collect();
        assert_eq!(found, names);
        for way in ways {
            assert_eq!((&way["runs"], &way["survived"]), (&2.into(), &2.into()), "{way}");
            assert!(way["last_seconds"].as_f64() >= way["bound_seconds"].as_f64(), "{way}");
        }
        let page = std::fs::read_to_string(place.path("ways.html")).unwrap();
        assert!(names.iter().all(|name| page.contains(name)));
    };
    check("picker", &["rarest-first", "random", "sequential"]);
    check("choker", &["tit-for-tat", "seed-style", "always-open"]);
    check("leaving", &["at once", "after 30 s", "never"]);
    check("peers", &["1 peer", "2 peers", "3 peers"]);
}

#[test]
fn a_swarm_is_simulated_block_by_block() {
    let place = Place::new();
    let args = ["lab", "swarm", "--peers", "3", "--size", "1MiB", "--fidelity", "blocks", "--json"];
    let output = place.run(&args);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["completed"]), (&"result".into(), &3.into()), "{last}");
}
