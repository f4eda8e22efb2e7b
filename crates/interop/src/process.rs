//! A program that runs on a node.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::wait::PATIENCE;

/// A running program; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Option<Receiver<Value>>,
}

impl Process {
    /// Starts a program whose output goes to `log`.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Self::spawn(name, command)
    }

    /// Starts a program that prints JSON, a line at a time, and may read lines; what it prints as
    /// errors goes to `log`.
    pub(crate) fn start_talking(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut process = Self::spawn(name, command)?;
        process.stdin = process.child.stdin.take();
        let stdout = process.child.stdout.take().context("it was piped")?;
        let (send, receive) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(serde_json::from_str(&line).unwrap_or(Value::String(line))).is_err() {
                    return;
                }
            }
        });
        process.lines = Some(receive);
        Ok(process)
    }

    fn spawn(name: &str, mut command: Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, stdin: None, lines: None })
    }

    /// Says a line to it.
    pub(crate) fn say(&mut self, line: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().context("it does not listen")?;
        writeln!(stdin, "{line}").with_context(|| format!("{} listens no more", self.name))
    }

    /// The next line that it prints.
    pub(crate) fn next(&mut self) -> Result<Value> {
        let lines = self.lines.as_ref().context("it does not talk")?;
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("{} says nothing", self.name),
            Err(RecvTimeoutError::Disconnected) => bail!("{} has ended", self.name),
        }
    }

    /// A line that is there already.
    pub(crate) fn next_if_any(&mut self) -> Option<Value> {
        self.lines.as_ref()?.try_recv().ok()
    }

    /// Asks it to end, as by SIGTERM.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(killed.success(), "cannot tell {} to end", self.name);
        Ok(())
    }

    /// Fails when the program has ended badly.
    pub(crate) fn check(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none_or(|status| status.success()), "{} failed: {ended:?}", self.name);
        Ok(())
    }

    /// Waits until it ends by itself, without complaint.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "{} failed: {status}", self.name);
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} does not end", self.name);
            thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
