//! The bar that moves while a torrent works, and the `progress` events beside it.

use std::time::Duration;

use indicatif::ProgressBar;

use session::{State, Status};

use crate::events::Event;
use crate::output::Output;
use crate::units::{show_duration, show_rate, show_size};

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
        self.bar.set_prefix(state_word(status.state));
        self.bar.set_length(status.total.unwrap_or(0).max(1));
        self.bar.set_position(status.done);
        self.bar.set_message(text(status));
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
        self.bar.set_prefix("Checking");
        self.bar.set_length(total.max(1));
        self.bar.set_position(done);
        self.bar.set_message(format!("{}/{}", show_size(done), show_size(total)));
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn text(status: &Status) -> String {
    let peers = match status.peers {
        1 => "1 peer".to_owned(),
        n => format!("{n} peers"),
    };
    let up = format!("↑ {}", show_rate(status.up_rate));
    match (status.state, status.total) {
        (State::Seeding, _) => format!("{up}  {} sent  {peers}", show_size(status.uploaded)),
        (_, None) => peers,
        (_, Some(total)) => {
            let percent = status.done.saturating_mul(100).checked_div(total).unwrap_or(100);
            let left = match (total - status.done.min(total)).checked_div(status.down_rate) {
                Some(seconds) => format!("{} left", show_duration(Duration::from_secs(seconds))),
                None => "waiting".to_owned(),
            };
            let (done, total) = (show_size(status.done), show_size(total));
            let down = show_rate(status.down_rate);
            format!("{percent}%  {done}/{total}  ↓ {down}  {up}  {left}  {peers}")
        }
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Metadata => "metadata",
        State::Checking => "checking",
        State::Seeding => "seeding",
        State::Downloading | State::Failed | State::Stopping => "downloading",
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Metadata => "Metadata",
        State::Checking => "Checking",
        State::Downloading => "Getting",
        State::Seeding => "Seeding",
        State::Failed => "Failed",
        State::Stopping => "Stopping",
    }
}
