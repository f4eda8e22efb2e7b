//! What a person and a script hear about each row of the table of hostile torrents and magnets.
//! With `HOSTILE_DIR` set, the rows are also written there, a file for each.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::Place;
use table::rows::{self, Accepted, Input, ManyNoted, Noted, Refused, Row};

#[path = "../../../metainfo/tests/hostile"]
mod table {
    mod ben;
    mod encoding;
    mod info;
    mod magnets;
    mod names;
    mod outer;
    pub(super) mod rows;
    mod two;
}

/// Most memory that a row may take, in KiB: beyond it the process ends with a signal.
const MOST_MEMORY: &str = "131072";

fn run(place: &Place, args: &[&str]) -> Output {
    let limited = format!("ulimit -d {MOST_MEMORY}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_fluvial")]).args(args);
    command.current_dir(place.path(".")).env("XDG_STATE_HOME", place.path("state"));
    command.env_remove("RUST_LOG").stdin(Stdio::null()).output().expect("the shell runs")
}

/// The lines of stderr, without the word in front that each must have.
fn told(output: &Output, word: &str) -> Vec<String> {
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    let strip = |line: &str| line.strip_prefix(word).map(str::to_owned);
    text.lines().map(|line| strip(line).unwrap_or_else(|| panic!("not `{word}`: {text}"))).collect()
}

fn check(place: &Place, row: &Row, args: &[&str]) {
    let (name, output) = (row.name, run(place, args));
    let says = |told: Result<&[String], &str>| {
        assert!(row.verdict.fits(told), "{name} {args:?}: {told:?} instead of {:?}", row.verdict);
    };
    let event = args.contains(&"--json").then(|| {
        let event: Value = serde_json::from_slice(&output.stdout).expect("one event");
        event
    });
    match row.verdict {
        Accepted | Noted(_) | ManyNoted(..) => {
            assert_eq!(output.status.code(), Some(0), "{name} {args:?}: {output:?}");
            says(Ok(&told(&output, "note: ")));
            if let Some(event) = event {
                assert_eq!(event["event"], "torrent", "{name}");
                let notices = event["notices"].as_array().expect("a list").iter();
                let text = |notice: &Value| notice.as_str().expect("a text").to_owned();
                says(Ok(&notices.map(text).collect::<Vec<_>>()));
            }
        }
        Refused(_) => {
            assert_eq!(output.status.code(), Some(1), "{name} {args:?}: {output:?}");
            let [line] = &told(&output, "error: ")[..] else {
                panic!("{name} {args:?}: not one line: {output:?}");
            };
            // What is no magnet at all may have been meant for a file.
            if line.ends_with("is no file, magnet link, info-hash or URL") {
                return;
            }
            // What, where and why, then what to do.
            let (what, advice) = line.rsplit_once("; ").expect("advice at the end");
            assert!(!advice.is_empty(), "{name}: {line}");
            let why = match row.input {
                Input::Torrent(_) => what.strip_prefix("`row` is not a usable torrent: "),
                Input::Magnet(_) => Some(what),
            };
            says(Err(why.unwrap_or(what)));
            if let Some(event) = event {
                assert_eq!(
                    (&event["event"], &event["message"]),
                    (&"error".into(), &line[..].into())
                );
            }
        }
    }
    let shown = [&output.stdout[..], &output.stderr].concat();
    let steers = |byte: &u8| *byte < b' ' && *byte != b'\n' || *byte == 0x7f;
    assert!(!shown.iter().any(steers), "{name} {args:?}: {output:?}");
}

#[test]
fn every_row_is_told_in_plain_lines() {
    let place = Place::new();
    let folder = std::env::var_os("HOSTILE_DIR");
    for row in rows::all() {
        if let Some(folder) = &folder {
            write(folder.as_ref(), &row);
        }
        match &row.input {
            Input::Torrent(bytes) => {
                std::fs::write(place.path("row"), bytes).unwrap();
                check(&place, &row, &["show", "row"]);
                check(&place, &row, &["show", "row", "--json"]);
                check(&place, &row, &["get", "row", "--list"]);
            }
            Input::Magnet(link) => {
                check(&place, &row, &["show", link]);
                check(&place, &row, &["show", link, "--json"]);
            }
        }
    }
}

fn write(folder: &std::path::Path, row: &Row) {
    let (bytes, kind) = match &row.input {
        Input::Torrent(bytes) => (&bytes[..], "torrent"),
        Input::Magnet(link) => (link.as_bytes(), "magnet"),
    };
    let name = row.name.replace([' ', '/'], "_");
    std::fs::write(folder.join(format!("{name}.{kind}")), bytes).unwrap();
}
