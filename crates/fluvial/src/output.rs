//! The two channels of a command: results on stdout, everything else on stderr.

use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Common;
use crate::events::Event;
use crate::text::printable;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const LABEL: Style = Style::new().dimmed();

/// Columns where the terminal does not say how many it has.
const WIDTH: usize = 80;

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
            event_line(event);
        }
    }

    /// Whether a script reads.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result line for a person.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        self.result("", text.as_ref());
    }

    /// Prints a result line for a person with the good news in front.
    pub(crate) fn good(&self, word: &str, text: impl AsRef<str>) {
        self.result(&format!("{GOOD}{word}{GOOD:#} "), text.as_ref());
    }

    /// Prints a result line for a person with the bad news in front.
    pub(crate) fn bad(&self, word: &str, text: impl AsRef<str>) {
        self.result(&format!("{BAD}{word}{BAD:#} "), text.as_ref());
    }

    /// Prints a result line for a person with what it is in front, in a column of its own.
    pub(crate) fn row(&self, label: &str, text: impl AsRef<str>) {
        self.result(&format!("{LABEL}{label:<13}{LABEL:#} "), text.as_ref());
    }

    /// Prints the head of a table.
    pub(crate) fn heading(&self, text: &str) {
        self.result(&format!("{LABEL}{text}{LABEL:#}"), "");
    }

    /// Prints lines of our own making that carry their own styles.
    pub(crate) fn styled(&self, text: &str) {
        self.result(text, "");
    }

    /// Tells a person what could be done next.
    pub(crate) fn hint(&self, text: impl AsRef<str>) {
        if !self.json {
            self.aside(&format!("{HINT}hint:{HINT:#} "), text.as_ref());
        }
    }

    /// Tells what was noticed while work goes on.
    pub(crate) fn notice(&self, text: impl AsRef<str>) {
        self.aside(&format!("{HINT}note:{HINT:#} "), text.as_ref());
    }

    /// Tells what was left out or failed while work goes on.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.aside(&format!("{WARN}warning:{WARN:#} "), text.as_ref());
    }

    /// Says why the command failed: stderr, and an event under `--json`.
    pub(crate) fn error(&self, message: &str) {
        self.event(&Event::Error { message });
        let message = printable(message);
        self.bars.suspend(|| write_stderr(&format!("{BAD}error:{BAD:#} {message}")));
    }

    /// A bar over `total` bytes with rate and time left; hidden where stderr is no terminal.
    pub(crate) fn bytes_bar(&self, verb: &'static str, total: u64) -> ProgressBar {
        let template = match width() {
            ..60 => "{msg:<11} {percent:>3}%  {eta} left",
            60..96 => {
                "{msg:<11} {bar:12.cyan/dim} {percent:>3}%  {binary_bytes_per_sec}  {eta} left"
            }
            _ => {
                "{msg:<11} {bar:28.cyan/dim} {percent:>3}%  {binary_bytes}/{binary_total_bytes}  \
                 {binary_bytes_per_sec}  {eta} left"
            }
        };
        let bar = ProgressBar::new(total).with_style(style(template)).with_message(verb);
        let bar = self.bars.add(bar);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// A bar whose text and style the caller writes.
    pub(crate) fn live_bar(&self) -> ProgressBar {
        self.bars.add(ProgressBar::new(0).with_style(live_style(0)))
    }

    /// Where log lines go so that they don't tear the bars.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    fn result(&self, styled: &str, text: &str) {
        if !self.json && !self.quiet {
            let text = printable(text);
            self.bars.suspend(|| write_stdout(&format!("{styled}{text}")));
        }
    }

    fn aside(&self, styled: &str, text: &str) {
        if !self.quiet {
            let text = printable(text);
            self.bars.suspend(|| write_stderr(&format!("{styled}{text}")));
        }
    }
}

/// Prints an event.
pub(crate) fn event_line(event: &Event<'_>) {
    let line = serde_json::to_string(event).expect("events have string keys only");
    write_stdout(&line);
}

/// Prints what was asked for as it is, for other programs to read.
pub(crate) fn raw(text: &[u8]) {
    let mut out = io::stdout().lock();
    kept(out.write_all(text).and_then(|()| out.flush()));
}

/// Columns of the terminal that the bars are drawn on.
pub(crate) fn width() -> usize {
    console::Term::stderr().size_checked().map_or(WIDTH, |(_rows, columns)| columns.into())
}

/// Columns of the terminal that results are printed on.
pub(crate) fn page_width() -> usize {
    console::Term::stdout().size_checked().map_or(WIDTH, |(_rows, columns)| columns.into())
}

/// What a progress bar is drawn with: heavy lines up to here, light ones beyond.
const STROKES: &str = "━╸─";

/// A word, a bar this many columns wide, and a text; no bar for 0.
pub(crate) fn live_style(columns: usize) -> ProgressStyle {
    match columns {
        0 => style("{prefix:<11} {msg}"),
        _ => style(&format!("{{prefix:<11}} {{bar:{columns}.cyan/dim}} {{msg}}")),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is constant")
        .progress_chars(STROKES)
}

/// Why stdout took no more, once it did not.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Why something that should be on stdout is not, such as a full disk. A reader who left (a
/// closed pipe) is no fault, and no reason to stop the work.
pub(crate) fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

fn write_stdout(line: &str) {
    let mut out = anstream::stdout().lock();
    kept(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Remembers what kept text from stdout.
fn kept(written: io::Result<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // The first reason is the one to tell.
            let _later = LOST.set(error);
        }
        _ => {}
    }
}

fn write_stderr(line: &str) {
    let mut out = anstream::stderr().lock();
    let _: io::Result<()> = writeln!(out, "{line}");
}
