//! A child process that prints JSON events, and what it cost.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Ticks of processor time in a second, as /proc counts them on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;
const MIB: f64 = (1 << 20) as f64;

/// What a process cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Seconds of processor time, in user and in kernel mode, of all threads.
    pub(super) cpu: f64,
    /// The most memory resident at once, shared pages included, in MiB.
    pub(super) rss: f64,
    /// The most anonymous (private) memory resident at once, in MiB.
    pub(super) private: f64,
}

impl Cost {
    /// What processes cost that ran side by side: time and memory of all.
    pub(super) fn sum(costs: impl IntoIterator<Item = Self>) -> Self {
        costs.into_iter().fold(Self::default(), |sum, cost| Self {
            cpu: sum.cpu + cost.cpu,
            rss: sum.rss + cost.rss,
            private: sum.private + cost.private,
        })
    }
}

/// A running child; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Value>,
    peak: Arc<Peak>,
    /// Processor time that does not count.
    cpu_before: f64,
}

impl Process {
    /// Starts the command; `name` is for messages.
    pub(super) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name} ({command:?})"))?;
        let stdout = child.stdout.take().context("it was piped")?;
        Ok(Self {
            name: name.to_owned(),
            stdin: child.stdin.take(),
            events: read_events(stdout),
            peak: Peak::watch(child.id()),
            cpu_before: 0.0,
            child,
        })
    }

    /// Waits for the next event of this name.
    pub(super) fn wait_for(&mut self, event: &str) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (name, next) = (&self.name, self.events.recv_timeout(left));
            match next {
                Ok(found) if found["event"] == event => return Ok(found),
                Ok(found) if found["event"] == "error" => {
                    bail!("{name}: {}", found["message"])
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("{name}: no `{event}` in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("{name}: ended without `{event}`"),
            }
        }
    }

    /// Forgets the processor time used so far.
    pub(super) fn forget_cpu(&mut self) -> Result<()> {
        self.cpu_before = self.stat()?.cpu;
        Ok(())
    }

    /// Ends a line on the child's standard input: it may begin.
    pub(super) fn go(&mut self) -> Result<()> {
        let stdin = self.stdin.as_mut().context("it was piped")?;
        Ok(stdin.write_all(b"\n")?)
    }

    /// What it cost so far.
    pub(super) fn cost(&self) -> Result<Cost> {
        Ok(Cost {
            cpu: self.stat()?.cpu - self.cpu_before,
            rss: self.peak.rss.load(Relaxed) as f64 / MIB,
            private: self.peak.private.load(Relaxed) as f64 / MIB,
        })
    }

    /// Bytes resident now.
    pub(super) fn rss(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        bytes_of(&status, "VmRSS").with_context(|| format!("{path} has no VmRSS"))
    }

    /// Asks it to end, as Ctrl-C does.
    pub(super) fn interrupt(&self) -> Result<()> {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        if !status.success() {
            bail!("{}: cannot be told to end", self.name);
        }
        Ok(())
    }

    /// Waits until it has ended. Its figures stay until it is waited for as a child.
    pub(super) fn wait_for_end(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.stat()?.ended {
            if Instant::now() > deadline {
                bail!("{}: did not end in {PATIENCE:?}", self.name);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Waits until it has ended; returns what its whole life cost.
    pub(super) fn cost_at_end(mut self) -> Result<Cost> {
        self.wait_for_end()?;
        let cost = self.cost()?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{}: failed ({status})", self.name);
        }
        Ok(cost)
    }

    fn stat(&self) -> Result<Stat> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Stat::parse(&text).with_context(|| format!("{path} reads `{text}`"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or it is a seeder that would go on for ever.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn read_events(stdout: ChildStdout) -> Receiver<Value> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // A line that is no event counts as one that is called by its words up to a colon; a
            // bench that is gone is of no interest.
            let said = || json!({"event": line.split(':').next()});
            let event = serde_json::from_str(&line).unwrap_or_else(|_| said());
            if send.send(event).is_err() {
                return;
            }
        }
    });
    receive
}

/// A line of /proc/PID/stat.
#[derive(Debug, PartialEq)]
struct Stat {
    ended: bool,
    /// Seconds.
    cpu: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the command in brackets and may hold anything, brackets too.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        let mut ticks = fields.skip(10).map_while(|field| field.parse::<u64>().ok());
        let cpu = (ticks.next()? + ticks.next()?) as f64 / TICKS_PER_SECOND;
        Some(Self { ended, cpu })
    }
}

/// The most memory that a process was seen to use, in bytes.
#[derive(Debug, Default)]
struct Peak {
    rss: AtomicU64,
    private: AtomicU64,
}

impl Peak {
    /// Looks at the process until it has ended.
    fn watch(pid: u32) -> Arc<Self> {
        let peak = Arc::new(Self::default());
        let seen = Arc::clone(&peak);
        thread::spawn(move || {
            let path = format!("/proc/{pid}/status");
            while let Ok(status) = fs::read_to_string(&path) {
                let (Some(rss), Some(private)) =
                    (bytes_of(&status, "VmHWM"), bytes_of(&status, "RssAnon"))
                else {
                    return;
                };
                seen.rss.fetch_max(rss, Relaxed);
                seen.private.fetch_max(private, Relaxed);
                thread::sleep(LOOK_EVERY);
            }
        });
        peak
    }
}

/// A line such as `VmHWM:     1234 kB` of /proc/PID/status.
fn bytes_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests;
