//! The bar that moves while a torrent works, and the `progress` events beside it.

use std::time::Duration;

use indicatif::ProgressBar;

use session::{State, Status};

use crate::events::Event;
use crate::output::{self, Output};
use crate::units::{count, show_duration, show_rate, show_size};

/// How often the bar moves and an event is printed.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// One torrent's bar.
#[derive(Debug)]
pub(crate) struct Live<'a> {
    output: &'a Output,
    bar: ProgressBar,
}

impl<'a> Live<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, bar: output.live_bar() }
    }

    /// Shows a moment of a download.
    pub(crate) fn show(&self, status: &Status) {
        self.output.event(&Event::Progress {
            state: state_name(status.state),
            done: status.done,
            total: status.total,
            down_rate: status.down_rate,
            up_rate: status.up_rate,
            peers: u64::from(status.peers),
        });
        self.show_bar(status);
    }

    /// Moves the bar alone.
    pub(crate) fn show_bar(&self, status: &Status) {
        self.bar.set_length(status.total.unwrap_or(0).max(1));
        self.bar.set_position(status.done);
        // The bar says something only while there is a way to go.
        let barred = matches!(status.state, State::Checking | State::Downloading);
        self.draw(state_word(status.state), barred, &parts(status));
    }

    /// Shows how far a check of the files is.
    pub(crate) fn show_check(&self, done: u64, total: u64) {
        self.show_check_bar(done, total);
        self.output.event(&Event::Progress {
            state: "checking",
            done,
            total: Some(total),
            down_rate: 0,
            up_rate: 0,
            peers: 0,
        });
    }

    /// Moves the bar alone.
    pub(crate) fn show_check_bar(&self, done: u64, total: u64) {
        self.bar.set_length(total.max(1));
        self.bar.set_position(done);
        let sizes = format!("{}/{}", show_size(done), show_size(total));
        self.draw("Checking", true, &[(0, percent(done, total)), (1, sizes)]);
    }

    fn draw(&self, word: &'static str, barred: bool, parts: &[Part]) {
        let width = output::width();
        let columns = if barred { bar_columns(width) } else { 0 };
        self.bar.set_style(output::live_style(columns));
        self.bar.set_prefix(word);
        // Twelve for the word; a line that fills the last column would wrap in some terminals.
        let taken = 12 + columns + usize::from(columns > 0) + 1;
        self.bar.set_message(fit(parts, width.saturating_sub(taken)));
    }

    /// Says that the end was heard, while trackers are told and the disk catches up.
    pub(crate) fn stopping(&self) {
        self.bar.reset();
        let parts = [(0, "Ctrl-C ends it at once".to_owned()), (1, "saying goodbye".to_owned())];
        self.draw("Stopping", false, &parts);
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// A piece of the line, and its rank: what has the highest goes first where space is short.
type Part = (u8, String);

/// What fits into `width` columns, in the order given.
fn fit(parts: &[Part], width: usize) -> String {
    let mut shown: Vec<&Part> = parts.iter().collect();
    let columns = |shown: &[&Part]| {
        shown.iter().map(|(_, text)| text.chars().count() + 2).sum::<usize>().saturating_sub(2)
    };
    while columns(&shown) > width {
        let least = shown.iter().enumerate().max_by_key(|(_, (rank, _))| *rank);
        let Some((least, _)) = least else { break };
        shown.remove(least);
    }
    shown.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("  ")
}

fn bar_columns(width: usize) -> usize {
    match width {
        ..50 => 0,
        50..90 => 10,
        90..110 => 20,
        _ => 28,
    }
}

fn parts(status: &Status) -> Vec<Part> {
    let peers = match status.mirrors {
        0 => count(status.peers.into(), "peer"),
        mirrors => {
            let peers = count(status.peers.into(), "peer");
            format!("{peers}, {}", count(mirrors.into(), "mirror"))
        }
    };
    let up = format!("↑ {}", show_rate(status.up_rate));
    match (status.state, status.total) {
        (State::Seeding, _) => {
            vec![(0, up), (1, format!("{} sent", show_size(status.uploaded))), (2, peers)]
        }
        (_, None) => vec![(0, peers), (1, format!("{} known", status.known))],
        (_, Some(total)) => {
            let left = match (total - status.done.min(total)).checked_div(status.down_rate) {
                Some(seconds) => format!("{} left", show_duration(Duration::from_secs(seconds))),
                None => "waiting".to_owned(),
            };
            vec![
                (0, percent(status.done, total)),
                (3, format!("{}/{}", show_size(status.done), show_size(total))),
                (2, format!("↓ {}", show_rate(status.down_rate))),
                (5, up),
                (1, left),
                (4, peers),
            ]
        }
    }
}

fn percent(done: u64, total: u64) -> String {
    let percent = u128::from(done).saturating_mul(100).checked_div(total.into()).unwrap_or(100);
    format!("{percent:>3}%")
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Metadata | State::Layers => "metadata",
        State::Checking => "checking",
        State::Seeding => "seeding",
        State::Downloading | State::Failed | State::Stopping => "downloading",
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Metadata => "Metadata",
        State::Layers => "Hashes",
        State::Checking => "Checking",
        State::Downloading => "Getting",
        State::Seeding => "Seeding",
        State::Failed => "Failed",
        State::Stopping => "Stopping",
    }
}

#[cfg(test)]
mod tests;
