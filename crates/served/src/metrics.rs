//! What monitoring reads: Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

use crate::shared::{Shared, TrackerStats};

/// The media type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The state of a tracker, every name of it beginning with `fluvial_tracker_`.
pub(crate) fn exposition(shared: &Shared) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    let stats = shared.stats();
    store(&stats, &mut page);
    requests(&stats, &mut page);
    sockets(&stats, &mut page);
    lists(&stats, &mut page);
    let started = shared.started_unix_seconds();
    page.gauge("start_time_seconds", "When the tracker began, in Unix time.", started);
    page.0
}

fn store(stats: &TrackerStats, page: &mut Page) {
    let store = &stats.store;
    page.gauge("torrents", "Torrents with peers, or with downloads to remember.", store.torrents);
    let peers = [("family=\"ipv4\"", store.peers_v4), ("family=\"ipv6\"", store.peers_v6)];
    page.gauges("peers", "Peers in all swarms.", &peers);
    page.gauge("memory_bytes", "Memory that swarms and peers count for.", store.memory);
    page.gauge("memory_limit_bytes", "Where eviction begins.", stats.memory_limit);
    page.counter("downloads_total", "Downloads announced as completed.", store.completed);
    page.counter("peers_expired_total", "Peers dropped because they fell silent.", store.expired);
    let help = "Peers and empty swarms dropped to stay within the memory limit.";
    page.counter("evicted_total", help, store.evicted);
}

fn requests(stats: &TrackerStats, page: &mut Page) {
    let served = &stats.requests;
    let answered = [
        ("protocol=\"udp\",kind=\"connect\"", served.udp_connects),
        ("protocol=\"udp\",kind=\"announce\"", served.udp_announces),
        ("protocol=\"udp\",kind=\"scrape\"", served.udp_scrapes),
        ("protocol=\"http\",kind=\"announce\"", served.http_announces),
        ("protocol=\"http\",kind=\"scrape\"", served.http_scrapes),
        ("protocol=\"http\",kind=\"other\"", stats.http_other),
    ];
    page.counters("requests_total", "Requests answered.", &answered);
    let refused = [
        ("reason=\"udp_malformed\"", served.udp_malformed),
        ("reason=\"udp_unverified\"", served.udp_unverified),
        ("reason=\"http_malformed\"", served.http_malformed),
        ("reason=\"torrent\"", served.barred),
        ("reason=\"passkey\"", served.strangers),
    ];
    page.counters("refused_total", "Requests refused.", &refused);
}

fn sockets(stats: &TrackerStats, page: &mut Page) {
    page.gauge("http_connections", "HTTP connections open now.", stats.http_connections);
    let help = "HTTP connections that there may be at once.";
    page.gauge("http_connections_limit", help, stats.http_connections_limit);
    let help = "HTTP connections turned away because there were too many.";
    page.counter("http_shed_total", help, stats.http_shed);
    let help = "Times that the system had no HTTP connection to give.";
    page.counter("http_unaccepted_total", help, stats.http_unaccepted);
    let help = "Datagrams that the system dropped because they came faster than they were read.";
    page.counter("udp_dropped_total", help, stats.udp_dropped);
    let help = "UDP answers that the system refused to send.";
    page.counter("udp_unsent_total", help, stats.udp_unsent);
}

fn lists(stats: &TrackerStats, page: &mut Page) {
    let sizes = [
        ("list=\"allow\"", stats.allowed),
        ("list=\"deny\"", stats.denied),
        ("list=\"passkeys\"", stats.passkeys),
    ];
    let known: Vec<_> =
        sizes.into_iter().filter_map(|(label, size)| Some((label, size?))).collect();
    page.gauges("list_entries", "Entries of the lists in force.", &known);
    let reloads =
        [("outcome=\"done\"", stats.reloads), ("outcome=\"failed\"", stats.reloads_failed)];
    page.counters("reloads_total", "Times that the lists were read again.", &reloads);
}

/// The text as far as it is written.
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help, &[("", value)]);
    }

    fn gauges(&mut self, name: &str, help: &str, samples: &[(&str, u64)]) {
        self.family(name, "gauge", help, samples);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help, &[("", value)]);
    }

    fn counters(&mut self, name: &str, help: &str, samples: &[(&str, u64)]) {
        self.family(name, "counter", help, samples);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, samples: &[(&str, impl Display)]) {
        if samples.is_empty() {
            return;
        }
        let mut write = || -> std::fmt::Result {
            writeln!(self.0, "# HELP fluvial_tracker_{name} {help}")?;
            writeln!(self.0, "# TYPE fluvial_tracker_{name} {kind}")?;
            for (labels, value) in samples {
                match *labels {
                    "" => writeln!(self.0, "fluvial_tracker_{name} {value}")?,
                    labels => writeln!(self.0, "fluvial_tracker_{name}{{{labels}}} {value}")?,
                }
            }
            Ok(())
        };
        write().expect("a String takes every write");
    }
}
