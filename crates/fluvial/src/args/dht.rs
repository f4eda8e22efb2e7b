//! `fluvial dht`: the distributed hash table, asked by hand.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use dht::Id;

use super::Way;
use super::values::{parse_address, parse_host};

/// Ask the distributed hash table, or be one of its nodes
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial dht peers d0d14c926e6e99761a2fdcff27b403d96376eff6
  fluvial dht put 'Hello World!'
  fluvial dht node                     answer others until Ctrl-C")]
pub(crate) struct DhtArgs {
    #[command(subcommand)]
    pub(crate) command: DhtCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DhtCommand {
    Node(DhtNode),
    Lookup(DhtLookup),
    Peers(DhtPeers),
    Get(DhtGet),
    Put(DhtPut),
    Stats(DhtStats),
}

/// How the table is joined.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct DhtNet {
    /// Speak from this address; repeat for several, port 0 takes any free one
    /// [default: port 6881, or any free one]
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Ask here first for other nodes; repeat for several
    /// [default: public routers, beside the nodes of the last time]
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_host)]
    pub(crate) bootstrap: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
    /// Keep known nodes here [default: $XDG_STATE_HOME/fluvial]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Be a node until told to end: answer others, and keep what they store
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial dht node
  fluvial dht node --listen 0.0.0.0:6881 --bootstrap 192.0.2.7:6881")]
pub(crate) struct DhtNode {
    #[command(flatten)]
    pub(crate) net: DhtNet,
}

/// Find the nodes nearest to an id
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fluvial dht lookup d0d14c926e6e99761a2fdcff27b403d96376eff6")]
pub(crate) struct DhtLookup {
    /// 40 hexadecimal digits
    #[arg(value_name = "HASH")]
    pub(crate) target: Id,
    #[command(flatten)]
    pub(crate) net: DhtNet,
}

/// Find peers of a torrent
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial dht peers d0d14c926e6e99761a2fdcff27b403d96376eff6
  fluvial dht peers d0d14c926e6e99761a2fdcff27b403d96376eff6 --scrape")]
pub(crate) struct DhtPeers {
    /// The info-hash, 40 hexadecimal digits (of a v2 torrent the first 40)
    #[arg(value_name = "HASH")]
    pub(crate) info_hash: Id,
    /// Count seeds and others, too (BEP 33)
    #[arg(long)]
    pub(crate) scrape: bool,
    #[command(flatten)]
    pub(crate) net: DhtNet,
}

/// Fetch a value (BEP 44)
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial dht get e5f96f6f38320f0f33959cb4d3d656452117aadb
  fluvial dht get 77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548 --salt news
  fluvial dht get 'magnet:?xs=urn:btpk:...'       which torrent a publisher names (BEP 46)")]
pub(crate) struct DhtGet {
    /// The value's hash (40 hexadecimal digits), a public key (64), or a publisher's magnet link
    #[arg(value_name = "HASH|KEY|MAGNET")]
    pub(crate) target: String,
    /// Which of the values under the key
    #[arg(long, value_name = "TEXT")]
    pub(crate) salt: Option<String>,
    #[command(flatten)]
    pub(crate) net: DhtNet,
}

/// Store a value (BEP 44); prints where to get it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial dht put 'Hello World!'
  fluvial dht put 'Hello again' --secret news.key            a later version under the same key
  fluvial dht put --torrent INFO_HASH --secret news.key      a torrent to follow (BEP 46)")]
pub(crate) struct DhtPut {
    /// The text to store
    #[arg(value_name = "VALUE", required_unless_present = "torrent")]
    pub(crate) value: Option<String>,
    /// Store the name of a torrent instead, for those who follow it
    #[arg(long, value_name = "INFO_HASH", conflicts_with = "value", requires = "secret")]
    pub(crate) torrent: Option<Id>,
    /// Store it under the key in this file, so that it can be changed later; made when it does
    /// not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) secret: Option<PathBuf>,
    /// Which of the values under the key
    #[arg(long, value_name = "TEXT", requires = "secret", default_value = "")]
    pub(crate) salt: String,
    #[command(flatten)]
    pub(crate) net: DhtNet,
}

/// Join, and say how large the table is and what is known of it
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fluvial dht stats")]
pub(crate) struct DhtStats {
    #[command(flatten)]
    pub(crate) net: DhtNet,
}
