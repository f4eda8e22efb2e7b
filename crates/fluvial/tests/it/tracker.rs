use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::support::{PATIENCE, Place};

/// A tracker as a person runs it, and what it says.
struct Tracker {
    child: Child,
    lines: Receiver<String>,
}

impl Tracker {
    fn start(place: &Place, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fluvial"))
            .arg("tracker")
            .args(args)
            .current_dir(place.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let out: Box<dyn std::io::Read + Send> = Box::new(child.stdout.take().unwrap());
        let err: Box<dyn std::io::Read + Send> = Box::new(child.stderr.take().unwrap());
        for stream in [out, err] {
            let send = send.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(stream).lines().map_while(Result::ok);
                lines.take_while(|line| send.send(line.clone()).is_ok()).for_each(drop);
            });
        }
        Self { child, lines }
    }

    /// The next line that holds `part`.
    fn line(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("nothing about `{part}`"));
            if line.contains(part) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The body of what the server at `url` answers to a request for `path`.
fn get(url: &str, path: &str) -> String {
    let address = url.trim().strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let mut stream = TcpStream::connect(address.unwrap()).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[cfg(unix)]
#[test]
fn lists_of_a_tracker_are_read_again_on_sighup() {
    let place = Place::new();
    fs::write(place.path("deny.txt"), "").unwrap();
    fs::write(place.path("keys.txt"), "k3y\n").unwrap();
    let args = ["--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--memory", "64MiB"];
    let lists = ["--deny", "deny.txt", "--passkeys", "keys.txt"];
    let mut tracker = Tracker::start(&place, &[&args[..], &lists[..]].concat());
    let url = tracker.line("/announce");
    let metrics = tracker.line("/metrics");
    let query = format!("?info_hash={}&port=7000&left=1", "%07".repeat(20));
    let announce = |path: &str| get(&url, &format!("{path}{query}"));
    let is_served = |path: &str| !announce(path).starts_with("d14:failure reason");
    assert!(is_served("/k3y/announce") && !is_served("/announce") && !is_served("/x/announce"));
    assert!(get(&metrics, "/metrics").contains("fluvial_tracker_torrents 1\n"));

    fs::write(place.path("deny.txt"), "# broken\n07\n").unwrap();
    tracker.signal("-HUP");
    let said = tracker.line("deny.txt");
    assert!(said.contains("deny.txt, line 2: expected an info-hash"), "{said}");
    assert!(said.ends_with("; the lists stay as they were"), "{said}");
    assert!(is_served("/k3y/announce"));

    fs::write(place.path("deny.txt"), "07".repeat(20)).unwrap();
    tracker.signal("-HUP");
    let said = tracker.line("read again");
    assert!(said.ends_with("lists read again: deny 1, passkeys 1"), "{said}");
    assert!(announce("/announce/k3y").ends_with("8:retry in5:nevere"));
    tracker.signal("-INT");
    assert_eq!(tracker.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_tracker_tells_scripts_where_it_is() {
    let place = Place::new();
    let ready = |args: &[&str]| place.start(&[&["tracker"], args].concat()).wait_for("ready");
    let all = ready(&["--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    assert!(all["udp"].as_str().is_some_and(|udp| udp.starts_with("127.0.0.1:")), "{all}");
    assert!(all["http"].as_str().is_some_and(|url| url.ends_with("/announce")), "{all}");
    assert!(all["metrics"].as_str().is_some_and(|url| url.ends_with("/metrics")), "{all}");
    let one = ready(&["--udp", "127.0.0.1:0"]);
    assert!(one["http"].is_null() && one["metrics"].is_null(), "{one}");
}

#[test]
fn tracker_names_the_fault_in_a_list() {
    let place = Place::new();
    fs::write(place.path("allow.txt"), "\nnonsense\n").unwrap();
    let output = place.run(&["tracker", "--http", "127.0.0.1:0", "--allow", "allow.txt"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("allow.txt, line 2: expected an info-hash"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
