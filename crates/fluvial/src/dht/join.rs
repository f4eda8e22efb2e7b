//! From flags to a table that has been joined.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};

use engine::{Egress, HashTable, HashTableConfig, ROUTERS};

use crate::args::DhtNet;
use crate::filter;
use crate::output::Output;
use crate::{proxied, state};

/// Time to wait for the table to come together.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts a node as the flags say.
///
/// # Errors
/// When an address is busy, or the system gives no randomness.
pub(super) fn start(net: &DhtNet, read_only: bool) -> anyhow::Result<(HashTable, Egress)> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).context("the system gives no randomness")?;
    let egress = net.way.open()?;
    egress.set_filter(filter::read(&net.way.ip_filter)?);
    if let Some(proxy) = egress.proxy().filter(|_| !egress.carries_datagrams()) {
        bail!("the DHT speaks UDP, which {proxy} does not take; name a SOCKS5 proxy");
    }
    let config = HashTableConfig {
        listen: net.listen.clone(),
        bootstrap: routers(&net.bootstrap, &net.listen),
        state_dir: Some(state::dir(net.state_dir.as_deref())?),
        read_only,
        egress: egress.clone(),
        secret,
    };
    Ok((HashTable::start(&config)?, egress))
}

/// Where nodes are found at first: those named, or else the public ones. Those cannot be reached
/// from loopback.
pub(crate) fn routers(named: &[String], listen: &[SocketAddr]) -> Vec<String> {
    let apart = !listen.is_empty() && listen.iter().all(|address| address.ip().is_loopback());
    match named {
        [] if apart => Vec::new(),
        [] => ROUTERS.map(str::to_owned).to_vec(),
        named => named.to_vec(),
    }
}

/// Starts a node that asks and does not answer, as it will be gone soon (BEP 43), and waits until
/// it has joined.
///
/// # Errors
/// When nobody answers.
pub(super) async fn join(net: &DhtNet, output: &Output) -> anyhow::Result<HashTable> {
    let (table, egress) = start(net, true)?;
    proxied::keep_told(&egress, output);
    tracing::info!(addresses = ?table.addresses(), "joining the DHT");
    let bar = output.live_bar();
    bar.set_prefix("joining");
    let joined = tokio::time::timeout(JOIN_TIMEOUT, table.ready()).await;
    bar.finish_and_clear();
    if joined.is_err() {
        table.shutdown().await;
        bail!("no node of the DHT answers; name one that runs with --bootstrap HOST:PORT");
    }
    Ok(table)
}

/// The ids of a node.
pub(super) async fn ids(table: &HashTable) -> anyhow::Result<Vec<String>> {
    let views = table.view().await?;
    Ok(views.iter().flat_map(|view| view.ids).flatten().map(|id| id.to_string()).collect())
}
