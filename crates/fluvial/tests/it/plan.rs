use serde_json::Value;

use crate::support::Place;

/// The textbook's example: F/u is one hour, the server sends ten times as much as a peer.
const TEXTBOOK: [&str; 9] = [
    "plan",
    "--size",
    "4.5GB",
    "--server-up",
    "100Mbit/s",
    "--peer-up",
    "10Mbit/s",
    "--peer-down",
    "100Mbit/s",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&TEXTBOOK[..], more].concat()
}

fn events(place: &Place, args: &[&str]) -> Vec<Value> {
    let output = place.run(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

#[test]
fn the_textbook_chart_comes_out_of_one_command() {
    let place = Place::new();
    let all = events(&place, &with(&["--peers", "1..35", "--svg", "plan.svg"]));
    assert_eq!(all.len(), 35);
    for (event, peers) in all.iter().zip(1u32..) {
        let (n, hour) = (f64::from(peers), 3_600.0);
        let is = |field: &str| event[field].as_f64().expect("a number");
        assert_eq!(event["event"], "plan");
        assert_eq!(event["peers"], peers);
        assert!((is("client_server_seconds") - hour * n / 10.0).abs() < 1e-6, "{event}");
        assert!((is("p2p_seconds") - hour * n / (10.0 + n)).abs() < 1e-6 || peers == 1, "{event}");
        assert_eq!(event["client_server_binding"], "server");
        assert_eq!(event["p2p_binding"], if peers == 1 { "server" } else { "aggregate" });
    }
    assert_eq!(all[0]["p2p_seconds"], 360.0);
    assert_eq!(
        (&all[9]["client_server_seconds"], &all[9]["p2p_seconds"]),
        (&3_600.0.into(), &1_800.0.into())
    );
    assert_eq!(
        (&all[29]["client_server_seconds"], &all[29]["p2p_seconds"]),
        (&10_800.0.into(), &2_700.0.into())
    );
    let svg = std::fs::read_to_string(place.path("plan.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("peer-to-peer"), "{svg}");
}

#[test]
fn a_person_reads_a_table_a_chart_and_what_binds() {
    let place = Place::new();
    let output = place.run(&with(&["--peers", "1..35", "--deadline", "30m"]));
    let text = String::from_utf8(output.stdout).expect("it is text");
    for words in [
        "client–server",
        "35 peers get 4.19 GiB in 46m 40s at the least; from the server alone in 3h 30m.",
        "100 Mbit/s of the server and 350 Mbit/s of the peers carry 35 copies",
        "never takes longer than F/u = 1h 00m",
        "30m 00s is not enough for 35 peers",
        "With twice the server's upload: 38m 10s; with twice the peers' upload: 26m 15s.",
        "limit of any swarm",
        "at least 350 Mbit/s, or 4 seeds",
        "at most 10 peers",
        "at least 700 Mbit/s of the server alone",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = text.lines().map(row).collect();
    assert!(rows.contains(&"30 3h 00m 45m 00s all uplinks together".to_owned()), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours into a pipe: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn mixtures_overhead_and_deadlines() {
    let place = Place::new();
    let mixed = ["plan", "--size", "100MB", "--server-up", "9MB/s"];
    let classes = ["--class", "8:500KB/s:none", "--class", "2:1MB/s:5MB/s", "--overhead", "50%"];
    let all = events(&place, &[&mixed[..], &classes].concat());
    assert_eq!(all.len(), 1);
    // 10 copies of 150 MB through 9 + 4 + 2 MB/s.
    assert_eq!(all[0]["p2p_seconds"], 100.0);
    assert_eq!(all[0]["peers"], 10);
    let all = events(&place, &with(&["--peers", "30", "--deadline", "30m"]));
    let deadline = all.last().expect("an event");
    assert_eq!(deadline["event"], "deadline");
    let is = |field: &str, value: u64| assert_eq!(deadline[field], value, "{field}");
    assert_eq!(deadline["met"], false);
    is("server_up", 37_500_000);
    is("seeds", 3);
    is("peer_up", 2_083_334);
    is("peers_most", 10);
    is("client_server_up", 75_000_000);
    is("client_server_peers_most", 5);
    let slow = with(&["--peers", "3", "--deadline", "1m"]);
    assert_eq!(events(&place, &slow)[1]["server_up"], Value::Null);
}

#[test]
fn impossible_plans_are_one_clear_line() {
    let place = Place::new();
    let base = ["plan", "--size", "1GB", "--server-up", "1MB/s"];
    let check = |more: &[&str], code: i32, says: &str| {
        let output = place.run(&[&base[..], more].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {stderr}");
        let first = stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && stderr.contains(says), "{more:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
    };
    let peers = |n: &'static str| ["--peers", n, "--peer-up", "1MB/s"];
    check(&[], 2, "--peers");
    check(&peers("0"), 2, "at least one peer");
    check(&peers("9..3"), 2, "3..9");
    check(&peers("1..9999999"), 2, "at most 100,000 numbers");
    check(&peers("99999999999"), 2, "at most 4,294,967,295");
    check(&["--peers", "3", "--peer-up", "0"], 2, "positive");
    check(&["--class", "3:1MB/s:0"], 2, "positive");
    check(&["--class", "3:1MB/s"], 2, "COUNT:UP:DOWN");
    check(&["--class", "3:1MB/s:none", "--peers", "3"], 2, "--peers");
    check(&["--class", "4294967295:1:1", "--class", "1:1:1"], 2, "more than 4294967295 peers");
    check(&[&peers("3")[..], &["--overhead=-3"]].concat(), 2, "--overhead");
    check(&[&peers("3")[..], &["--deadline", "0"]].concat(), 2, "positive time");
    check(&[&peers("3")[..], &["--svg", "gone/plan.svg"]].concat(), 1, "no folder `gone`");
    check(&[&peers("3")[..], &["--svg", "."]].concat(), 1, "cannot write `.`");
    let unlimited =
        ["plan", "--size", "1", "--server-up", "none", "--peers", "3", "--peer-up", "1"];
    let output = place.run(&unlimited);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let huge =
        ["plan", "--size", "99999999TB", "--server-up", "1", "--peers", "3", "--peer-up", "1"];
    assert_eq!(place.run(&huge).status.code(), Some(2));
}
