//! The two channels of a command: results on stdout, everything else on stderr.

use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Common;
use crate::events::Event;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Prints for a person or for a script, never for both.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    bars: MultiProgress,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let bars = MultiProgress::new();
        if common.json || common.quiet {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { json: common.json, quiet: common.quiet, bars }
    }

    /// Prints an event line under `--json`; nothing otherwise.
    pub(crate) fn event(&self, event: &Event<'_>) {
        if self.json {
            let line = serde_json::to_string(event).expect("events have string keys only");
            write_stdout(&line);
        }
    }

    /// Prints a result line for a person.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json && !self.quiet {
            self.bars.suspend(|| write_stdout(text.as_ref()));
        }
    }

    /// Prints a result line for a person with the good news in front.
    pub(crate) fn good(&self, word: &str, text: impl AsRef<str>) {
        self.line(format!("{GOOD}{word}{GOOD:#} {}", text.as_ref()));
    }

    /// Tells a person what could be done next.
    pub(crate) fn hint(&self, text: impl AsRef<str>) {
        self.aside(&format!("{HINT}hint:{HINT:#} {}", text.as_ref()));
    }

    /// Tells what was noticed while work goes on: stderr, and an event under `--json`.
    pub(crate) fn notice(&self, text: impl AsRef<str>) {
        self.event(&Event::Notice { message: text.as_ref() });
        self.aside(&format!("{HINT}note:{HINT:#} {}", text.as_ref()));
    }

    /// Says why the command failed: stderr, and an event under `--json`.
    pub(crate) fn error(&self, message: &str) {
        self.event(&Event::Error { message });
        self.bars.suspend(|| write_stderr(&format!("{BAD}error:{BAD:#} {message}")));
    }

    /// A bar over `total` bytes with rate and time left; hidden where stderr is no terminal.
    pub(crate) fn bytes_bar(&self, verb: &'static str, total: u64) -> ProgressBar {
        let style = ProgressStyle::with_template(
            "{msg:<11} {bar:28.cyan/dim} {percent:>3}%  {binary_bytes}/{binary_total_bytes}  \
             {binary_bytes_per_sec}  {eta} left",
        )
        .expect("the template is constant")
        .progress_chars("━╸─");
        let bar = self.bars.add(ProgressBar::new(total).with_style(style).with_message(verb));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// A bar whose text the caller writes.
    pub(crate) fn live_bar(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{prefix:<11} {bar:28.cyan/dim} {msg}")
            .expect("the template is constant")
            .progress_chars("━╸─");
        self.bars.add(ProgressBar::new(0).with_style(style))
    }

    /// Where log lines go so that they don't tear the bars.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    fn aside(&self, text: &str) {
        if !self.json && !self.quiet {
            self.bars.suspend(|| write_stderr(text));
        }
    }
}

/// A reader who left (a closed pipe) is no reason to stop the work.
fn write_stdout(line: &str) {
    let mut out = anstream::stdout().lock();
    let _: io::Result<()> = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn write_stderr(line: &str) {
    let mut out = anstream::stderr().lock();
    let _: io::Result<()> = writeln!(out, "{line}");
}
