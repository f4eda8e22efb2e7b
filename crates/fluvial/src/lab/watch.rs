//! How far an experiment is: a bar for people, and an event about once a second for scripts.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::events::Event;
use crate::output::{self, Output};

/// How often an event tells of progress.
const TICK: Duration = Duration::from_secs(1);
/// Columns of the bar.
const BAR: usize = 28;

/// The bar, and the events beside it.
pub(super) struct Watch<'a> {
    output: &'a Output,
    bar: ProgressBar,
    told: Option<Instant>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        let bar = output.live_bar();
        bar.set_style(output::live_style(BAR));
        Self { output, bar, told: None }
    }

    /// Shows that so much of a stage is done: its name for people, and that for scripts.
    pub(super) fn show(&mut self, (word, state): (&str, &'static str), done: u64, total: u64) {
        let total = total.max(1);
        self.bar.set_prefix(word.to_owned());
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(format!("{} %", done * 100 / total));
        if self.told.is_none_or(|at| at.elapsed() >= TICK) {
            self.told = Some(Instant::now());
            self.output.event(&Event::LabProgress { state, done, total });
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
