//! Processes of the binary, contents to move, and comparisons.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use stdx::Rng;

/// Long enough that only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A folder for one test, with its own state directory.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of `length` random bytes.
    pub(crate) fn file(&self, name: &str, length: usize) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).unwrap();
        fs::write(&path, noise(length as u64, length)).unwrap();
        path
    }

    /// A new folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Starts `fluvial` with `--json` and this place's state directory.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::new(self.command(args).arg("--json"))
    }

    /// Runs `fluvial` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluvial"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Shares `path` on loopback; returns the process and its magnet.
    pub(crate) fn share(&self, path: &Path, more: &[&str]) -> (Running, String) {
        let path = path.to_str().expect("a readable path");
        let mut args = vec!["share", path, "--listen", "127.0.0.1:0", "--no-discovery"];
        args.extend(more);
        let mut share = self.start(&args);
        let ready = share.wait_for("ready");
        let magnet = ready["magnet"].as_str().expect("a magnet").to_owned();
        (share, magnet)
    }

    /// Gets `source` into `folder` from peers on loopback.
    pub(crate) fn get(&self, source: &str, folder: &str, more: &[&str]) -> Running {
        let mut args = vec!["get", source, "-o", folder, "--listen", "127.0.0.1:0"];
        args.push("--no-discovery");
        args.extend(more);
        self.start(&args)
    }
}

/// A process of the binary that prints events.
pub(crate) struct Running {
    child: Child,
    events: Receiver<Value>,
    seen: Vec<Value>,
    said: Receiver<String>,
}

impl Running {
    fn new(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("it was piped");
        let said = read_lines(child.stderr.take().expect("it was piped"));
        Self { child, events: read_events(stdout), seen: Vec::new(), said }
    }

    /// The next line on stderr that holds `text`.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("no `{text}` on stderr: {error}"),
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next event of this name; those before it are remembered.
    pub(crate) fn wait_for(&mut self, name: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if event["event"] == name {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{name}` in time: {:?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without `{name}`: {:?}", self.seen)
                }
            }
        }
    }

    /// Events seen so far, with all that are waiting.
    pub(crate) fn events(&mut self) -> &[Value] {
        self.seen.extend(self.events.try_iter());
        &self.seen
    }

    /// Waits for the end; returns the exit status.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "still running: {:?}", self.events());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        let status = Command::new("kill").args(["-INT", &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -INT");
    }

    /// Has it read its lists again.
    pub(crate) fn hang_up(&self) {
        let status = Command::new("kill").args(["-HUP", &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -HUP");
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Most have ended by now.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The lines of stderr, which go on to ours: a test that fails shows them.
fn read_lines(stderr: ChildStderr) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _closed = writeln!(std::io::stderr(), "{line}");
            // A test that does not listen is none that fails.
            let _deaf = send.send(line);
        }
    });
    receive
}

fn read_events(stdout: ChildStdout) -> Receiver<Value> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            if send.send(event).is_err() {
                return;
            }
        }
    });
    receive
}

/// `length` bytes that follow from `seed`.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

/// A tree with empty files, deep folders and names of many scripts.
pub(crate) fn tree(root: &Path, files: usize) {
    let names = ["plain", "mit Umlaut ä", "日本語", "emoji 🦀", "spaces  two", "Ελληνικά"];
    let mut rng = Rng::new(files as u64);
    for number in 0..files {
        let mut folder = root.to_owned();
        for depth in 0..number % 7 {
            folder.push(format!("{} {depth}", names[(number + depth) % names.len()]));
        }
        fs::create_dir_all(&folder).unwrap();
        let length = if number % 9 == 0 { 0 } else { rng.below(40_000) as usize };
        let path = folder.join(format!("{}-{number}", names[number % names.len()]));
        let mut file = fs::File::create(path).unwrap();
        file.write_all(&noise(number as u64, length)).unwrap();
    }
}

/// Asserts that two files or folders hold the same.
pub(crate) fn assert_same(left: &Path, right: &Path) {
    if left.is_file() {
        assert!(fs::read(left).unwrap() == fs::read(right).unwrap(), "{left:?} != {right:?}");
        return;
    }
    let (left_names, right_names) = (names_in(left), names_in(right));
    assert_eq!(left_names, right_names, "{left:?} and {right:?} list other names");
    for name in left_names {
        assert_same(&left.join(&name), &right.join(&name));
    }
}

fn names_in(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}
