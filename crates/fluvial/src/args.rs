//! What can be typed: every command and flag, with its help.

mod dht;
mod lab;
mod layers;
mod mapping;
mod plan;
mod tools;
mod values;
mod way;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use announce::TrackerUrl;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub(crate) use self::dht::DhtStats;
pub(crate) use self::dht::{DhtArgs, DhtCommand, DhtGet, DhtNet, DhtNode, DhtPeers, DhtPut};
pub(crate) use self::lab::{Experiment, Lab, LinkLab, LoadLab, LookupsLab, OverlayLab};
pub(crate) use self::lab::{Query, RingLab, TableOfChord};
pub(crate) use self::lab::{SwarmChoker, SwarmCompare, SwarmFidelity, SwarmLab, SwarmPicker};
pub(crate) use self::mapping::Mapping;
pub(crate) use self::plan::Plan;
pub(crate) use self::tools::{Completions, Create, Man, Show, Tracker, Verify};
pub(crate) use self::values::SeedGoal;
use self::values::{
    parse_address, parse_goal, parse_host, parse_piece_length, parse_tracker, parse_web_seed,
};
pub(crate) use self::way::Way;
use crate::units::{Rate, parse_duration, parse_rate};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Distribute content from peer to peer: share on one machine, get on any number of others.
#[derive(Debug, Parser)]
#[command(name = "fluvial", version, styles = STYLES, arg_required_else_help = true)]
#[command(propagate_version = true)]
#[command(after_help = "Examples:
  fluvial share release.iso           publish a file; prints the line to paste elsewhere
  fluvial get 'magnet:?xt=...'        fetch it (every getter helps the others)
  fluvial show release.torrent        look inside a torrent
  fluvial verify release.torrent release.iso

`fluvial COMMAND --help` has examples for each.

Flags can also come from the environment (FLUVIAL_UP_LIMIT=4MB/s) and from a file, by default
$XDG_CONFIG_HOME/fluvial/config.toml; what is typed beats the environment, which beats the file:
  up-limit = \"4MB/s\"                   # for every command that has --up-limit
  [get]                                # for one command
  output = \"~/Downloads\"
  peer = [\"192.0.2.7:6881\"]")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Cli {
    /// Reads what was typed, and what the environment and the file of settings add to it.
    pub(crate) fn read() -> Result<Self, Misuse> {
        Self::read_from(std::env::args_os().collect(), &|name| std::env::var_os(name))
    }

    fn read_from(typed: Vec<OsString>, environment: layers::Lookup<'_>) -> Result<Self, Misuse> {
        let json = |words: &[OsString]| words.iter().any(|word| word == "--json");
        let typed_json = json(&typed);
        let words = layers::complete(Self::command(), typed, environment)
            .map_err(|error| Misuse { error, json: typed_json })?;
        Self::understand(&words).map_err(|error| Misuse { error, json: json(&words) })
    }

    /// Reads words, with what clap's grammar cannot say.
    fn understand(words: &[OsString]) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(words)?;
        match &cli.command {
            Command::Seed(seed) => seed.check()?,
            Command::Share(share) => share.check()?,
            Command::Plan(plan) => plan.check()?,
            Command::Lab(lab) => lab.check()?,
            _ => {}
        }
        Ok(cli)
    }
}

/// What is wrong with the words, or the help that was asked for.
#[derive(Debug)]
pub(crate) struct Misuse {
    pub(crate) error: clap::Error,
    /// Whether a script is to be told.
    pub(crate) json: bool,
}

/// Wrong usage of one command, `seed` or `lab ring`.
fn wrong(command: &str, kind: ErrorKind, message: &str) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let mut chosen = &mut cli;
    for name in command.split(' ') {
        chosen = chosen.find_subcommand_mut(name).expect("it names a command");
    }
    chosen.error(kind, message)
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
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
    /// Take flags that are not typed from FILE [default: ~/.config/fluvial/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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
    Dht(DhtArgs),
    Plan(Plan),
    Lab(Lab),
    Completions(Completions),
    Man(Man),
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

/// What carries connections to peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// TCP alone
    Tcp,
    /// uTP alone, which gives way to other traffic
    Utp,
    /// Whichever answers first
    Both,
}

impl From<Transport> for engine::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Utp => Self::Utp,
            Transport::Both => Self::Both,
        }
    }
}

/// Whether connections to peers are disguised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encryption {
    /// Never
    Off,
    /// Where a peer asks for it
    Prefer,
    /// Always
    Require,
}

impl From<Encryption> for engine::Encryption {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Off => Self::Off,
            Encryption::Prefer => Self::Prefer,
            Encryption::Require => Self::Require,
        }
    }
}

/// Flags of the commands that take part in a swarm.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct Net {
    /// Accept peers at this address; repeat for several, port 0 takes any free one
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Use only what is named: no DHT, local discovery, peer exchange or port mapping
    #[arg(long)]
    pub(crate) no_discovery: bool,
    /// Neither announce to the distributed hash table nor look there
    #[arg(long)]
    pub(crate) no_dht: bool,
    /// Join the DHT here; repeat for several
    /// [default: public routers, beside the nodes of the last time]
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_host)]
    pub(crate) bootstrap: Vec<String>,
    /// Do not tell peers of other peers, nor listen to what they tell (PEX)
    #[arg(long)]
    pub(crate) no_pex: bool,
    /// Do not look for peers on the same network (LSD)
    #[arg(long)]
    pub(crate) no_lsd: bool,
    #[command(flatten)]
    pub(crate) mapping: Mapping,
    #[command(flatten)]
    pub(crate) way: Way,
    /// Send at most this much (4MB/s, 10Mbit/s; `none` is unlimited)
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) up_limit: Option<Rate>,
    /// Receive at most this much
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) down_limit: Option<Rate>,
    /// What carries connections; with both, TCP has a head start
    #[arg(long, value_enum, value_name = "tcp|utp|both", hide_possible_values = true)]
    #[arg(default_value = "both")]
    pub(crate) transport: Transport,
    /// Disguise connections from equipment in between: never, where a peer asks for it, or always
    #[arg(long, value_enum, value_name = "off|prefer|require", hide_possible_values = true)]
    #[arg(default_value = "prefer")]
    pub(crate) encryption: Encryption,
    /// Keep at most this many connections
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) max_peers: u32,
    /// Keep resume data and made torrents here [default: $XDG_STATE_HOME/fluvial]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Publish files or folders: make the torrent, run a tracker and a page, seed, print what to paste
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial share release.iso
  fluvial share photos/ notes.pdf --name holiday --up-limit 5MB/s
  fluvial share photos/ --http 0.0.0.0:8080    the page at a port of your choice
  fluvial share disk.img --format v2 --tracker udp://tracker.example:6969/announce")]
pub(crate) struct Share {
    /// The file or folder to publish; several become the entries of one folder
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Name of the content [default: the name of PATH; of several, like `a and b`]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Write the .torrent here [default: in the state directory]
    #[arg(long, value_name = "OUT")]
    pub(crate) torrent: Option<PathBuf>,
    /// Version of the torrent [default: hybrid, or v1 where its padding would cost too much]
    #[arg(long, value_enum, value_name = "v1|v2|hybrid", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Piece length, a power of two from 16KiB [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse_piece_length)]
    pub(crate) piece_length: Option<u64>,
    /// Announce to this tracker as well; repeat for several
    #[arg(long, value_name = "URL", value_parser = parse_tracker)]
    pub(crate) tracker: Vec<TrackerUrl>,
    /// Sign it with the key in FILE (made when it does not exist), so that who follows the key gets
    /// it in place of the version before
    #[arg(long, value_name = "FILE")]
    pub(crate) publish: Option<PathBuf>,
    /// Run no tracker and no page of our own
    #[arg(long)]
    pub(crate) no_tracker: bool,
    /// Serve the tracker and the page here, to whoever reaches it
    /// [default: the IP of --listen, any free port]
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    #[arg(conflicts_with = "no_tracker")]
    pub(crate) http: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) net: Net,
}

/// Fetch content: a .torrent file, a magnet link, an info-hash, a URL, or `-` for stdin
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial get 'magnet:?xt=urn:btih:...'
  fluvial get release.torrent -o ~/Downloads --seed ratio:1
  fluvial get 'magnet:?xs=urn:btpk:...' --follow     and every later version
  fluvial get big.torrent --list
  fluvial get big.torrent --files '*.pdf' --files 3
  fluvial get release.torrent --web-seed https://mirror.example/pub/")]
pub(crate) struct Get {
    /// .torrent file, magnet link, info-hash, http(s) URL of a .torrent, or `-`
    pub(crate) source: String,
    /// Write into this folder
    #[arg(long, short, value_name = "DIR", default_value = ".")]
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
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) peer: Vec<SocketAddr>,
    /// Ask this tracker as well; repeat for several
    #[arg(long, value_name = "URL", value_parser = parse_tracker)]
    pub(crate) tracker: Vec<TrackerUrl>,
    /// Take from this mirror as well, over http, https or ftp: the file, or the folder that holds
    /// it (ends with /); repeat for several
    #[arg(long, value_name = "URL", value_parser = parse_web_seed)]
    pub(crate) web_seed: Vec<mirror::Address>,
    /// Replace existing files that hold something else
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Keep names that other systems cannot hold, such as `a:b`, `con`, or `R` beside `r`
    #[arg(long)]
    pub(crate) original_names: bool,
    /// Fail when nothing could be fetched for this long [default: wait for ever]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) give_up: Option<Duration>,
    /// Run this in a shell when all is written; FLUVIAL_PATH says where it is
    #[arg(long, value_name = "CMD")]
    pub(crate) on_complete: Option<String>,
    /// Stay, and fetch what changes whenever the publisher of the link (xs=urn:btpk:) signs another
    /// torrent
    #[arg(long)]
    pub(crate) follow: bool,
    /// With --follow, look for another one this often
    #[arg(long, value_name = "DUR", default_value = "5m", value_parser = parse_duration)]
    pub(crate) follow_every: Duration,
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
    #[arg(long, value_name = "DATA", requires = "dir", conflicts_with = "pairs")]
    pub(crate) data: Option<PathBuf>,
    /// Announce to this tracker as well; repeat for several
    #[arg(long, value_name = "URL", value_parser = parse_tracker)]
    pub(crate) tracker: Vec<TrackerUrl>,
    #[command(flatten)]
    pub(crate) net: Net,
}

#[cfg(test)]
mod tests;
