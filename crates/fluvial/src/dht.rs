//! `fluvial dht`.

pub(crate) mod join;
pub(crate) mod put;

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use dht::{Event as TableEvent, Id, Item, Outcome, PublicKey};
use engine::{HashTable, Lookup};
use metainfo::Magnet;

use self::join::join;
use crate::args::{DhtArgs, DhtCommand, DhtGet, DhtNode, DhtPeers, DhtStats};
use crate::events::Event;
use crate::filter;
use crate::output::Output;
use crate::proxied;
use crate::signals::Stop;
use crate::units::{count, show_number};

/// What a `dht` command came to. Times are seconds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum DhtResult {
    /// `lookup`.
    Nodes { target: String, nodes: Vec<Node>, queries: u32, seconds: f64 },
    /// `peers`; seeds and leechers only where they were counted.
    Peers {
        info_hash: String,
        peers: Vec<String>,
        first_seconds: Option<f64>,
        seconds: f64,
        queries: u32,
        seeds: Option<u64>,
        leechers: Option<u64>,
    },
    /// `get`; the torrent where the value names one (BEP 46).
    Value { target: String, value: String, seq: Option<i64>, torrent: Option<String> },
    /// `put`.
    Stored { target: String, public_key: Option<String>, seq: Option<i64>, stored: u32 },
    /// `stats`.
    Stats { ids: Vec<String>, external: Vec<String>, good_nodes: usize, size: Option<u64> },
}

/// A node of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    id: String,
    address: String,
}

/// Runs one of the commands.
pub(crate) async fn run(args: &DhtArgs, output: &Output) -> anyhow::Result<()> {
    match &args.command {
        DhtCommand::Node(args) => node(args, output).await,
        DhtCommand::Lookup(args) => {
            let table = join(&args.net, output).await?;
            let done = lookup(&table, args.target, output).await;
            table.shutdown().await;
            done
        }
        DhtCommand::Peers(args) => {
            let table = join(&args.net, output).await?;
            let done = peers(&table, args, output).await;
            table.shutdown().await;
            done
        }
        DhtCommand::Get(args) => get(args, output).await,
        DhtCommand::Put(args) => put::run(args, output).await,
        DhtCommand::Stats(args) => stats(args, output).await,
    }
}

/// Is a node until told to end.
async fn node(args: &DhtNode, output: &Output) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let (table, egress) = join::start(&args.net, false)?;
    proxied::keep_told(&egress, output);
    filter::keep_up(args.net.way.ip_filter.clone(), output, move |filter| {
        egress.set_filter(filter);
        std::future::ready(true)
    })?;
    let listen: Vec<String> = table.addresses().iter().map(ToString::to_string).collect();
    let ids = join::ids(&table).await?;
    output.event(&Event::DhtReady { listen: &listen, ids: &ids });
    for address in &listen {
        output.good("Node", format!("at {address}"));
    }
    tokio::select! {
        () = stop.wished() => {}
        () = tell_ready(&table, output) => {}
    }
    table.shutdown().await;
    output.event(&Event::Stopped);
    output.line("Stopped");
    Ok(())
}

async fn tell_ready(table: &HashTable, output: &Output) {
    table.ready().await;
    if let Ok(views) = table.view().await {
        let good: usize = views.iter().flat_map(|view| view.stats.good).sum();
        output.line(format!("Joined: {} known", count(good as u64, "node")));
    }
    std::future::pending::<()>().await;
}

/// Runs a look-up to its end.
pub(crate) async fn finish(
    table: &HashTable,
    lookup: Lookup,
    hear: &mut (dyn FnMut(TableEvent) + Send),
) -> anyhow::Result<Outcome> {
    let mut events: Receiver<TableEvent> = table.begin(lookup).await?;
    while let Some(event) = events.recv().await {
        match event {
            TableEvent::Ended { outcome, .. } => return Ok(outcome),
            event => hear(event),
        }
    }
    bail!("the look-up was lost: too much came at once; try again")
}

async fn lookup(table: &HashTable, target: Id, output: &Output) -> anyhow::Result<()> {
    let began = Instant::now();
    let outcome = finish(table, Lookup::Nodes(target), &mut |_| ()).await?;
    let node = |it: &dht::Contact| Node { id: it.id.to_string(), address: it.address.to_string() };
    let nodes: Vec<Node> = outcome.nodes.iter().map(node).collect();
    for node in &nodes {
        output.line(format!("{}  {}", node.id, node.address));
    }
    let (target, queries) = (target.to_string(), outcome.queries);
    let seconds = began.elapsed().as_secs_f64();
    output.event(&Event::DhtResult(&DhtResult::Nodes { target, nodes, queries, seconds }));
    Ok(())
}

async fn peers(table: &HashTable, args: &DhtPeers, output: &Output) -> anyhow::Result<()> {
    let hash = args.info_hash;
    let lookup = if args.scrape { Lookup::Scrape(hash) } else { Lookup::Peers(hash) };
    let began = Instant::now();
    let (mut all, mut first) = (Vec::new(), None);
    let outcome = finish(table, lookup, &mut |event| {
        if let TableEvent::Peers { peers, .. } = event {
            first.get_or_insert(began.elapsed());
            for peer in peers {
                output.line(peer.to_string());
                all.push(peer.to_string());
            }
        }
    })
    .await?;
    let counted = |of: fn(&(f64, f64)) -> f64| outcome.scrape.as_ref().map(|it| of(it) as u64);
    let (seeds, leechers) = (counted(|it| it.0.round()), counted(|it| it.1.round()));
    if let (Some(seeds), Some(leechers)) = (seeds, leechers) {
        output.row("seeds", format!("about {}", show_number(seeds)));
        output.row("others", format!("about {}", show_number(leechers)));
    }
    let none = all.is_empty();
    output.event(&Event::DhtResult(&DhtResult::Peers {
        info_hash: hash.to_string(),
        peers: all,
        first_seconds: first.as_ref().map(Duration::as_secs_f64),
        seconds: began.elapsed().as_secs_f64(),
        queries: outcome.queries,
        seeds,
        leechers,
    }));
    ensure!(!none, "the DHT knows no peers of `{hash}`: nobody who runs has announced it");
    Ok(())
}

async fn get(args: &DhtGet, output: &Output) -> anyhow::Result<()> {
    let (target, lookup) = sought(args)?;
    let table = join(&args.net, output).await?;
    let mut found = None;
    let done = finish(&table, lookup, &mut |event| {
        if let TableEvent::Item { item, .. } = event {
            found = Some(item);
        }
    })
    .await;
    table.shutdown().await;
    done?;
    let Some(item) = found else {
        bail!("the DHT holds nothing under `{target}`: values expire when nobody stores them again")
    };
    show_value(target, &item, output);
    Ok(())
}

/// What is looked for, by hash, key or link.
fn sought(args: &DhtGet) -> anyhow::Result<(Id, Lookup)> {
    let text = args.target.trim();
    let mut salt = args.salt.clone().unwrap_or_default().into_bytes();
    let key = if let Ok(target) = text.parse::<Id>() {
        ensure!(args.salt.is_none(), "a hash has no salt; name the public key instead");
        return Ok((target, Lookup::Get(target)));
    } else if let Ok(key) = text.parse::<hash::Sha256Digest>() {
        key.0
    } else {
        let publisher = Magnet::parse(text).ok().and_then(|magnet| magnet.publisher);
        let Some(publisher) = publisher else {
            bail!(
                "`{text}` is no hash (40 hexadecimal digits), no public key (64), and no magnet \
                 link of a publisher (xs=urn:btpk:)"
            );
        };
        if args.salt.is_none() {
            salt = publisher.salt;
        }
        publisher.key
    };
    let key = PublicKey(key);
    Ok((dht::mutable_target(&key, &salt), Lookup::GetMutable(key, salt)))
}

fn show_value(target: Id, item: &Item, output: &Output) {
    let limits = bencode::Limits::MESSAGE;
    let text = bencode::decode(item.value(), bencode::Mode::Lenient, limits)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned));
    let torrent = dht::torrent_of_value(item.value()).map(|it| it.to_string());
    let value = text.unwrap_or_else(|| item.value().escape_ascii().to_string());
    match &torrent {
        Some(torrent) => output.line(format!("magnet:?xt=urn:btih:{torrent}")),
        None => output.line(&value),
    }
    let (target, seq) = (target.to_string(), item.seq());
    output.event(&Event::DhtResult(&DhtResult::Value { target, value, seq, torrent }));
}

async fn stats(args: &DhtStats, output: &Output) -> anyhow::Result<()> {
    let table = join(&args.net, output).await?;
    let views = table.view().await;
    table.shutdown().await;
    let views = views?;
    let ids: Vec<String> =
        views.iter().flat_map(|view| view.ids).flatten().map(|id| id.to_string()).collect();
    let external: Vec<String> =
        views.iter().flat_map(|view| view.external).flatten().map(|ip| ip.to_string()).collect();
    let good_nodes = views.iter().flat_map(|view| view.stats.good).sum();
    let sizes = views.iter().flat_map(|view| view.stats.size).flatten();
    let size = sizes.max_by(f64::total_cmp).map(|size| size.round() as u64);
    for id in &ids {
        output.row("id", id);
    }
    for ip in &external {
        output.row("seen at", ip);
    }
    output.row("nodes known", show_number(good_nodes as u64));
    if let Some(size) = size {
        output.row("nodes in all", format!("about {}", show_number(size)));
    }
    let result = DhtResult::Stats { ids, external, good_nodes, size };
    output.event(&Event::DhtResult(&result));
    Ok(())
}
