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
