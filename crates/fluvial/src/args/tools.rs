//! The commands that take no part in a swarm.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use announce::TrackerUrl;
use clap::Args;
use clap_complete::Shell;

use super::Format;
use super::values::{
    parse_address, parse_interval, parse_memory, parse_piece_length, parse_tracker,
};

/// Make a .torrent file
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial create release.iso -o release.torrent --announce http://tracker.example/announce
  fluvial create photos/ -o photos.torrent --format v1 --comment 'summer'")]
pub(crate) struct Create {
    /// The file or folder
    pub(crate) path: PathBuf,
    /// Write the .torrent here
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Tracker; repeat for several, one tier each
    #[arg(long, value_name = "URL", value_parser = parse_tracker)]
    pub(crate) announce: Vec<TrackerUrl>,
    /// Piece length, a power of two from 16KiB [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse_piece_length)]
    pub(crate) piece_length: Option<u64>,
    /// Version of the torrent [default: hybrid, or v1 where its padding would cost too much]
    #[arg(long, value_enum, value_name = "v1|v2|hybrid", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Web seed (BEP 19); repeat for several
    #[arg(long, value_name = "URL")]
    pub(crate) web_seed: Vec<String>,
    /// Peers only from the trackers (BEP 27)
    #[arg(long)]
    pub(crate) private: bool,
    /// Comment
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Record the time of creation (the same input then no longer gives the same bytes)
    #[arg(long)]
    pub(crate) date: bool,
    /// Replace OUT when it exists
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Describe a torrent file or a magnet link
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial show release.torrent
  fluvial show 'magnet:?xt=...' --json")]
pub(crate) struct Show {
    /// .torrent file, magnet link, info-hash, http(s) URL of a .torrent, or `-`
    pub(crate) source: String,
}

/// Check content against a torrent: exit 0 when whole, 1 when not
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fluvial verify release.torrent release.iso")]
pub(crate) struct Verify {
    /// .torrent file
    pub(crate) torrent: PathBuf,
    /// The content itself (the file, or the folder with the torrent's name)
    pub(crate) path: PathBuf,
}

/// Run a tracker over UDP and HTTP
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial tracker
  fluvial tracker --udp 0.0.0.0:6969 --http '[::]:6969' --metrics 127.0.0.1:9169
  fluvial tracker --allow torrents.txt    (after a change: kill -HUP its process)")]
pub(crate) struct Tracker {
    /// Answer UDP announces here; repeat for several [default: port 6969 of every address]
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) udp: Vec<SocketAddr>,
    /// Answer HTTP announces here; repeat for several [default: port 6969 of every address]
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) http: Vec<SocketAddr>,
    /// Serve only the info-hashes in this file, one per line; SIGHUP reads the lists again
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
    /// Do not serve the info-hashes in this file, one per line
    #[arg(long, value_name = "FILE")]
    pub(crate) deny: Option<PathBuf>,
    /// Serve only who announces to /PASSKEY/announce (or /announce/PASSKEY) with one from this
    /// file, one per line
    #[arg(long, value_name = "FILE")]
    pub(crate) passkeys: Option<PathBuf>,
    /// Keep the peer tables below this size; peers of the largest networks make room
    /// [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub(crate) memory: Option<u64>,
    /// Ask peers to announce so often; who is silent for one and a half times that is dropped
    /// [default: 30m]
    #[arg(long, value_name = "DUR", value_parser = parse_interval)]
    pub(crate) interval: Option<Duration>,
    /// Serve counters for Prometheus at http://IP:PORT/metrics
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) metrics: Option<SocketAddr>,
}

/// Print what makes a shell complete commands and flags
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial completions bash > ~/.local/share/bash-completion/completions/fluvial
  fluvial completions zsh > ~/.zfunc/_fluvial       (a folder in $fpath)
  fluvial completions fish > ~/.config/fish/completions/fluvial.fish")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// Print the manual, or write a page per command
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial man | man -l -
  fluvial man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
