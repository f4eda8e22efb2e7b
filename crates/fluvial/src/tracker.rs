//! `fluvial tracker`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use announce::StoreConfig;

use engine::Egress;
use served::{Lists, TrackerBuilder, TrackerServer, TrackerStats};

use crate::args::Tracker;
use crate::events::Event;
use crate::output::Output;
use crate::reach;
use crate::signals::{Hangups, Stop};
use crate::units::{count, show_number, show_size};

/// Where a tracker is expected when no address was named.
const DEFAULT_PORT: u16 = 6969;
/// How often the line at the bottom of the terminal is written.
const STATUS_EVERY: Duration = Duration::from_secs(2);
/// How often the log tells the same.
const LOG_EVERY: Duration = Duration::from_mins(10);

/// Runs a tracker until it is told to end.
pub(crate) async fn run(args: &Tracker, output: &Output) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let lists = Lists {
        allow: args.allow.clone(),
        deny: args.deny.clone(),
        passkeys: args.passkeys.clone(),
    };
    let mut hangups = Hangups::listen(!lists.is_empty())?;
    let server = start(args, &lists)?;
    let egress = Egress::default();
    let url = server.http_addresses().first().map(|_| url(&egress, server.http_addresses()));
    let udp = server.udp_addresses().first().map(ToString::to_string);
    let metrics: Vec<String> =
        server.metrics_addresses().iter().map(|a| format!("http://{a}/metrics")).collect();
    output.event(&Event::TrackerReady {
        udp: udp.as_deref(),
        http: url.as_deref(),
        metrics: metrics.first().map(String::as_str),
    });
    output.good("Tracker", "announce to");
    for address in reach::addresses(&egress, server.http_addresses()) {
        output.line(format!("  http://{address}/announce"));
    }
    for address in reach::addresses(&egress, server.udp_addresses()) {
        output.line(format!("  udp://{address}/announce"));
    }
    for metrics in &metrics {
        output.line(format!("  {metrics} (counters)"));
    }
    let mut status = Status::new(output);
    loop {
        tokio::select! {
            () = stop.wished() => break,
            () = hangups.next() => reload(&server, output).await,
            () = tokio::time::sleep(STATUS_EVERY) => status.show(&server.stats()),
        }
    }
    status.end();
    server.shutdown().await;
    output.event(&Event::Stopped);
    output.line("Stopped");
    Ok(())
}

/// Reads the lists again. Broken ones are no reason to stop: the old ones stay.
async fn reload(server: &TrackerServer, output: &Output) {
    if let Err(error) = server.reload().await {
        output.warn(format!("{error}; the lists stay as they were"));
        return;
    }
    let stats = server.stats();
    let sizes = [("allow", stats.allowed), ("deny", stats.denied), ("passkeys", stats.passkeys)];
    let sizes: Vec<String> = sizes
        .into_iter()
        .filter_map(|(name, size)| Some(format!("{name} {}", show_number(size?))))
        .collect();
    output.notice(format!("lists read again: {}", sizes.join(", ")));
}

/// The line that says what the tracker does, at the bottom of a terminal and now and then in the
/// log.
struct Status {
    bar: ProgressBar,
    shown: (Instant, u64),
    logged: (Instant, u64),
}

impl Status {
    fn new(output: &Output) -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template is constant");
        let bar = output.bars().add(ProgressBar::new_spinner().with_style(style));
        let begun = (Instant::now(), 0);
        Self { bar, shown: begun, logged: begun }
    }

    fn show(&mut self, stats: &TrackerStats) {
        self.bar.set_message(line(stats, &mut self.shown));
        if self.logged.0.elapsed() >= LOG_EVERY {
            tracing::info!("{}", line(stats, &mut self.logged));
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// `12 torrents, 340 peers, 5.7 announces/s, 1.20 MiB`; `last` is when the announces were last
/// counted, and how many there were.
fn line(stats: &TrackerStats, last: &mut (Instant, u64)) -> String {
    let (requests, store) = (&stats.requests, &stats.store);
    let announces = requests.udp_announces + requests.http_announces;
    let rate = (announces - last.1) as f64 / last.0.elapsed().as_secs_f64().max(0.001);
    *last = (Instant::now(), announces);
    let torrents = count(store.torrents, "torrent");
    let peers = count(store.peers_v4 + store.peers_v6, "peer");
    let memory = show_size(store.memory);
    let dropped = stats.udp_dropped + stats.http_shed;
    let shed =
        if dropped > 0 { format!(", {} turned away", show_number(dropped)) } else { String::new() };
    format!("{torrents}, {peers}, {rate:.1} announces/s, {memory}{shed}")
}

/// The announce URL of an HTTP tracker that listens on `addresses`.
pub(crate) fn url(egress: &Egress, addresses: &[SocketAddr]) -> String {
    let reachable = reach::addresses(egress, addresses);
    let address = reachable.first().copied().unwrap_or(addresses[0]);
    format!("http://{address}/announce")
}

fn start(args: &Tracker, lists: &Lists) -> anyhow::Result<TrackerServer> {
    let usual = StoreConfig::default();
    let interval = args.interval.unwrap_or(usual.interval);
    let store = StoreConfig {
        memory: args.memory.unwrap_or(usual.memory),
        interval,
        min_interval: usual.min_interval.min(interval),
        peer_timeout: interval * 3 / 2,
    };
    let builder = |udp: &[SocketAddr], http: &[SocketAddr]| {
        let builder = TrackerServer::builder().store(store.clone()).lists(lists.clone());
        let builder = args.metrics.into_iter().fold(builder, TrackerBuilder::metrics);
        let builder = udp.iter().fold(builder, |builder, &address| builder.udp(address));
        http.iter().fold(builder, |builder: TrackerBuilder, &address| builder.http(address))
    };
    if args.udp.is_empty() && args.http.is_empty() {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT));
        // A host without IPv6 still serves IPv4.
        return match builder(&[v4, v6], &[v4, v6]).spawn() {
            Ok(server) => Ok(server),
            Err(_) => Ok(builder(&[v4], &[v4]).spawn()?),
        };
    }
    Ok(builder(&args.udp, &args.http).spawn()?)
}
