//! From flags to a running engine.

use std::net::SocketAddr;

use announce::{Scope, TrackerUrl};
use anyhow::Context as _;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use engine::{Dropped, Engine, EngineConfig, HashTableConfig};
use metainfo::Metainfo;
use session::{AddTorrent, Limits};

use crate::args::Net;
use crate::dht::join::routers;
use crate::events::Event;
use crate::filter;
use crate::output::Output;
use crate::{proxied, state};

/// Starts an engine as the flags say, and notes what a person may not have meant. The peers that it
/// drops are told as events.
///
/// # Errors
/// When an address is busy, or the system gives no randomness or threads.
pub(crate) fn start(net: &Net, output: &Output) -> anyhow::Result<Engine> {
    note_limits(net, output);
    let (mut seed, mut secret) = ([0; 8], [0; 16]);
    getrandom::fill(&mut seed)
        .and_then(|()| getrandom::fill(&mut secret))
        .context("the system gives no randomness")?;
    let egress = net.way.open()?;
    egress.set_filter(filter::read(&net.way.ip_filter)?);
    let transport = proxied::start(net, &egress, output)?;
    let dht =
        (!net.no_discovery && !net.no_dht && egress.carries_datagrams()).then(|| HashTableConfig {
            bootstrap: routers(&net.bootstrap, &net.listen),
            state_dir: state::dir(net.state_dir.as_deref()).ok(),
            egress: egress.clone(),
            secret,
            ..HashTableConfig::default()
        });
    let config = EngineConfig {
        listen: net.listen.clone(),
        limits: limits(net),
        max_peers: net.max_peers as usize,
        transport,
        encryption: net.encryption.into(),
        pex: !(net.no_pex || net.no_discovery),
        lsd: !(net.no_lsd || net.no_discovery),
        dht,
        mapping: net.mapping.get(net.no_discovery),
        egress,
        seed: u64::from_le_bytes(seed),
    };
    let engine = Engine::start(&config)?;
    note_port(net, &engine, output);
    if let Some(dropped) = engine.dropped() {
        tokio::spawn(tell_dropped(dropped, output.clone()));
    }
    let (lists, changed) = (net.way.ip_filter.clone(), engine.clone());
    filter::keep_up(lists, output, move |filter| {
        let engine = changed.clone();
        async move { engine.set_filter(filter).await.is_ok() }
    })?;
    Ok(engine)
}

/// The limits that the flags set.
pub(crate) fn limits(net: &Net) -> Limits {
    let rate = |limit: Option<crate::units::Rate>| limit.and_then(|limit| limit.0);
    Limits { up: rate(net.up_limit), down: rate(net.down_limit) }
}

async fn tell_dropped(mut dropped: broadcast::Receiver<Dropped>, output: Output) {
    loop {
        match dropped.recv().await {
            Ok(Dropped { address, reason, banned, times }) => {
                let address = &address.to_string();
                output.event(&Event::PeerDropped { address, reason: &reason, banned, times });
            }
            // What was missed is of the same kind as what was told.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// A limit below this, in bytes per second, is more likely a forgotten unit than a wish.
const SLOW: u64 = 1_024;

/// Says so where a limit is so low that a unit was probably forgotten.
fn note_limits(net: &Net, output: &Output) {
    for (flag, limit) in [("--up-limit", net.up_limit), ("--down-limit", net.down_limit)] {
        if let Some(rate @ ..SLOW) = limit.and_then(|limit| limit.0) {
            output.notice(format!(
                "{flag} is {rate} bytes per second; for more write for example {rate}MB/s"
            ));
        }
    }
}

/// Says so where the default port was busy and another is used.
fn note_port(net: &Net, engine: &Engine, output: &Output) {
    if let ([], Some(address)) = (&*net.listen, engine.listening().first())
        && address.port() != engine::DEFAULT_PORT
    {
        let (default, taken) = (engine::DEFAULT_PORT, address.port());
        output.notice(format!("port {default} is busy; listening on {taken}"));
    }
}

/// Adds the trackers that a person typed, each a tier of its own, wherever they are.
pub(crate) fn add_typed(add: &mut AddTorrent, typed: &[TrackerUrl], engine: &Engine) {
    for url in typed {
        engine.trust_tracker(url);
        add.trackers.push(vec![url.clone()]);
    }
}

/// Reads the trackers that content names; what is no tracker URL is left out with a notice.
pub(crate) fn named_trackers(tiers: &[Vec<String>], output: &Output) -> Vec<Vec<TrackerUrl>> {
    let mut kept: Vec<Vec<TrackerUrl>> = Vec::new();
    for tier in tiers {
        let mut urls = Vec::new();
        for url in tier {
            match url.parse() {
                Ok(url) => urls.push(url),
                Err(error) => output.warn(format!("tracker `{url}` is left out: {error}")),
            }
        }
        if !urls.is_empty() {
            kept.push(urls);
        }
    }
    kept
}

/// Has the DHT joined at the nodes that a torrent names (BEP 5), in the background: but for private
/// ones (BEP 27), and nowhere near us, where content has nothing to say.
pub(crate) fn add_nodes(metainfo: &Metainfo, engine: &Engine) {
    let wanted = !metainfo.nodes.is_empty() && !metainfo.info.is_private();
    let Some(table) = engine.hash_table().filter(|_| wanted).cloned() else {
        return;
    };
    let (named, egress) = (metainfo.nodes.clone(), engine.egress().clone());
    tokio::spawn(async move {
        for node in named {
            let found = egress.lookup_named(&node).await;
            let mut found: Vec<SocketAddr> = found.unwrap_or_default();
            found.retain(|address| Scope::of(address.ip()) == Scope::Global);
            if table.add_addresses(found).await.is_err() {
                return;
            }
        }
    });
}

/// Reads the mirrors that content names, of files (BEP 19) and of pieces (BEP 17); what cannot be
/// used is left out with a notice.
pub(crate) fn named_mirrors(
    files: &[String],
    pieces: &[String],
    output: &Output,
) -> Vec<mirror::Address> {
    let files = files.iter().map(|url| (url, mirror::Address::files(url, false)));
    let pieces = pieces.iter().map(|url| (url, mirror::Address::pieces(url, false)));
    let usable = |(url, address): (&String, Result<mirror::Address, mirror::UrlError>)| {
        let told = |error| output.warn(format!("web seed `{url}` is left out: {error}"));
        address.map_err(told).ok()
    };
    files.chain(pieces).filter_map(usable).collect()
}

/// Finds the addresses of peers that are named by host; those without one are left out.
pub(crate) async fn resolve_peers(
    named: &[String],
    engine: &Engine,
    output: &Output,
) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for peer in named {
        match engine.egress().lookup_named(peer).await {
            Ok(found) => all.extend(found),
            Err(error) => output.warn(format!("peer `{peer}` is left out: {error}")),
        }
    }
    all
}

/// Says which of the peers that are named the IP filter forbids, so that nobody waits for them.
pub(crate) fn note_forbidden(
    peers: impl IntoIterator<Item = SocketAddr>,
    engine: &Engine,
    output: &Output,
) {
    let filter = engine.egress().filter();
    for peer in peers.into_iter().filter(|peer| !filter.allows(peer.ip().to_canonical())) {
        output.warn(format!("peer `{peer}` is left out: --ip-filter forbids its address"));
    }
}
