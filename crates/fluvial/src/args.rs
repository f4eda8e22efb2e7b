//! What can be typed: every command and flag, with its help.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::units::{Rate, parse_duration, parse_rate, parse_size};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Distribute content from peer to peer: share on one machine, get on any number of others.
#[derive(Debug, Parser)]
#[command(name = "fluvial", version, styles = STYLES, arg_required_else_help = true)]
#[command(propagate_version = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  fluvial share release.iso           publish a file; prints the line to paste elsewhere
  fluvial get 'magnet:?xt=...'        fetch it (every getter helps the others)
  fluvial show release.torrent        look inside a torrent
  fluvial verify release.torrent release.iso")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Print newline-delimited JSON events on stdout, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Log more to stderr (-v info, -vv debug, -vvv trace)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write the log to FILE instead of stderr
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Share(Share),
    Get(Get),
    Seed(Seed),
    Create(Create),
    Show(Show),
    Verify(Verify),
    Tracker(Tracker),
}

/// How a torrent identifies its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// BitTorrent v1: SHA-1 over pieces; every client reads it
    V1,
    /// BitTorrent v2: SHA-256 trees per file
    V2,
    /// Both at once: v1 and v2 clients form one swarm
    Hybrid,
}

/// Flags of the commands that take part in a swarm.
#[derive(Args, Clone, Debug)]
pub(crate) struct Net {
    /// Accept peers at this address; repeat for several, port 0 takes any free one
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Use only what is named: no DHT, local discovery, peer exchange or port mapping
    #[arg(long)]
    pub(crate) no_discovery: bool,
    /// Send at most this much (4MB/s, 10Mbit/s; `none` is unlimited)
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) up_limit: Option<Rate>,
    /// Receive at most this much
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) down_limit: Option<Rate>,
    /// Keep at most this many connections
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) max_peers: u32,
    /// Keep resume data and made torrents here [default: $XDG_STATE_HOME/fluvial]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Publish files or folders: make the torrent, run a tracker, seed, print the line to paste
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial share release.iso
  fluvial share photos/ --name holiday --up-limit 5MB/s
  fluvial share disk.img --format v2 --tracker udp://tracker.example:6969/announce")]
pub(crate) struct Share {
    /// The file or folder to publish; several become one torrent
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Name of the content [default: the name of PATH]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Write the .torrent here [default: in the state directory]
    #[arg(long, value_name = "OUT")]
    pub(crate) torrent: Option<PathBuf>,
    /// Version of the torrent [default: hybrid, or v1 where padding would cost too much]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Piece length, a power of two from 16KiB [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) piece_length: Option<u64>,
    /// Announce to this tracker as well; repeat for several
    #[arg(long, value_name = "URL")]
    pub(crate) tracker: Vec<String>,
    /// Run no tracker and no page of our own
    #[arg(long)]
    pub(crate) no_tracker: bool,
    /// Serve the tracker and the page here [default: the IP of --listen, any free port]
    #[arg(long, value_name = "IP:PORT", conflicts_with = "no_tracker")]
    pub(crate) http: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) net: Net,
}

/// Fetch content: a .torrent file, a magnet link, an info-hash, a URL, or `-` for stdin
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial get 'magnet:?xt=urn:btih:...'
  fluvial get release.torrent -o ~/Downloads --seed ratio:1
  fluvial get big.torrent --list
  fluvial get big.torrent --files '*.pdf' --files 3")]
pub(crate) struct Get {
    /// .torrent file, magnet link, info-hash, http(s) URL of a .torrent, or `-`
    pub(crate) source: String,
    /// Write into this folder
    #[arg(short, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// List the files and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// Fetch only files whose path matches this glob, or with this index; repeat for several
    #[arg(long, value_name = "GLOB|INDEX")]
    pub(crate) files: Vec<String>,
    /// Fetch the pieces in order
    #[arg(long)]
    pub(crate) sequential: bool,
    /// Reserve the disk space at the start
    #[arg(long)]
    pub(crate) preallocate: bool,
    /// Connect to this peer; repeat for several
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) peer: Vec<SocketAddr>,
    /// Ask this tracker as well; repeat for several
    #[arg(long, value_name = "URL")]
    pub(crate) tracker: Vec<String>,
    /// Replace existing files that hold something else
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Fail when nothing could be fetched for this long [default: wait for ever]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) give_up: Option<Duration>,
    /// Go on seeding afterwards: none, forever, ratio:R or time:DUR
    #[arg(long, value_name = "GOAL", default_value = "none", value_parser = parse_goal)]
    pub(crate) seed: SeedGoal,
    #[command(flatten)]
    pub(crate) net: Net,
}

/// Seed content that is already there
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial seed release.torrent release.iso
  fluvial seed a.torrent a.iso b.torrent b/
  fluvial seed --dir torrents/ --data downloads/")]
pub(crate) struct Seed {
    /// Pairs of a .torrent file and the content itself
    #[arg(value_name = "TORRENT PATH", required_unless_present = "dir")]
    pub(crate) pairs: Vec<PathBuf>,
    /// Seed every .torrent file in this folder
    #[arg(long, value_name = "TORRENTS", requires = "data", conflicts_with = "pairs")]
    pub(crate) dir: Option<PathBuf>,
    /// The folder that holds their content, by name
    #[arg(long, value_name = "DATA", requires = "dir")]
    pub(crate) data: Option<PathBuf>,
    /// Announce to this tracker as well; repeat for several
    #[arg(long, value_name = "URL")]
    pub(crate) tracker: Vec<String>,
    #[command(flatten)]
    pub(crate) net: Net,
}

/// Make a .torrent file
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial create release.iso -o release.torrent --announce http://tracker.example/announce
  fluvial create photos/ -o photos.torrent --format v1 --private --announce URL")]
pub(crate) struct Create {
    /// The file or folder
    pub(crate) path: PathBuf,
    /// Write the .torrent here
    #[arg(short, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Tracker; repeat for several, one tier each
    #[arg(long, value_name = "URL")]
    pub(crate) announce: Vec<String>,
    /// Piece length, a power of two from 16KiB [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) piece_length: Option<u64>,
    /// Version of the torrent [default: hybrid, or v1 where padding would cost too much]
    #[arg(long, value_enum)]
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
  fluvial tracker --udp 0.0.0.0:6969 --http '[::]:6969'")]
pub(crate) struct Tracker {
    /// Answer UDP announces here; repeat for several [default: port 6969 of every address]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) udp: Vec<SocketAddr>,
    /// Answer HTTP announces here; repeat for several [default: port 6969 of every address]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) http: Vec<SocketAddr>,
    /// Keep the peer tables below this size
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
}

/// When a finished `get` stops giving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SeedGoal {
    /// At once.
    None,
    /// Never.
    Forever,
    /// When this many times the content has been sent.
    Ratio(f64),
    /// After this time.
    Time(Duration),
}

fn parse_goal(text: &str) -> Result<SeedGoal, String> {
    let wrong = || format!("`{text}` is not none, forever, ratio:R or time:DUR");
    match text.split_once(':') {
        None if text == "none" => Ok(SeedGoal::None),
        None if text == "forever" => Ok(SeedGoal::Forever),
        Some(("ratio", ratio)) => match ratio.parse::<f64>() {
            Ok(ratio) if ratio.is_finite() && ratio > 0.0 => Ok(SeedGoal::Ratio(ratio)),
            _ => Err(wrong()),
        },
        Some(("time", time)) => parse_duration(time).map(SeedGoal::Time),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
