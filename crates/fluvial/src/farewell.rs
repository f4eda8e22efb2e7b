//! What is said of a torrent at its end, and while it waits: sources, reasons, goodbye.

use std::time::Duration;

use engine::{Ended, Engine, Torrent, TrackerView};
use session::{Event as Happened, State, Status};

use crate::events::{Event, Source};
use crate::output::Output;
use crate::text::plain;
use crate::units::{count, show_size};

/// How long a goodbye may take: the trackers have 3 s, the disk a little more.
const FAREWELL_MAX: Duration = Duration::from_secs(30);

/// Sources listed for a person before the rest is only counted.
const SOURCES_SHOWN: usize = 8;

/// Ends the torrent and waits until everything is written and told.
pub(crate) async fn stop(torrent: &mut Torrent) {
    if torrent.stop().await.is_err() {
        return;
    }
    let gone = async {
        while let Some(event) = torrent.event().await {
            if let Happened::Stopped { .. } = event {
                return;
            }
        }
    };
    if tokio::time::timeout(FAREWELL_MAX, gone).await.is_err() {
        tracing::warn!("the disk did not finish in time; the next start checks what is there");
    }
    torrent.close().await;
}

/// Who gave something.
pub(crate) fn sources(met: Vec<session::Source>) -> Vec<Source> {
    let gave = met.into_iter().filter(|source| source.received > 0);
    let source = |source: session::Source| Source {
        kind: if source.is_mirror { "web" } else { "peer" },
        address: source.address,
        bytes: source.received,
        client: source.client,
    };
    gave.map(source).collect()
}

/// Prints who gave how much.
pub(crate) fn print_sources(sources: &[Source], all: u64, output: &Output) {
    for source in sources.iter().take(SOURCES_SHOWN) {
        let percent = source.bytes.saturating_mul(100).checked_div(all).unwrap_or(0);
        let client = source.client.as_deref().unwrap_or_default();
        let (size, address) = (show_size(source.bytes), &source.address);
        output.line(format!("{size:>12}  {percent:>3}%  from {address}  {client}").trim_end());
    }
    if let Some(rest) = sources.get(SOURCES_SHOWN..).filter(|rest| !rest.is_empty()) {
        let bytes: u64 = rest.iter().map(|source| source.bytes).sum();
        let percent = bytes.saturating_mul(100).checked_div(all).unwrap_or(0);
        let (size, others) = (show_size(bytes), count(rest.len() as u64, "other"));
        output.line(format!("{size:>12}  {percent:>3}%  from {others}"));
    }
}

/// One line that sums up a transfer.
pub(crate) fn totals(status: &Status, sources: &[Source]) -> String {
    let taken = show_size(status.downloaded);
    let given = show_size(status.uploaded);
    let mirrors = sources.iter().filter(|source| source.kind == "web").count() as u64;
    let peers = sources.len() as u64 - mirrors;
    let from = match (peers, mirrors) {
        (_, 0) => count(peers, "peer"),
        (0, _) => count(mirrors, "mirror"),
        _ => format!("{} and {}", count(peers, "peer"), count(mirrors, "mirror")),
    };
    let vain = match status.wasted {
        0 => String::new(),
        wasted => format!(", {} in vain", show_size(wasted)),
    };
    format!("{taken:>12} taken from {from}, {given} given{vain}")
}

/// What a person reads when giving ends.
pub(crate) fn given(bytes: u64) -> String {
    format!("Stopped after giving {}", show_size(bytes))
}

/// What a person reads who ended an unfinished download.
pub(crate) fn stopped(status: Option<&Status>) -> String {
    let how_far = match status {
        Some(Status { done, total: Some(total), .. }) => {
            format!(" at {} of {}", show_size(*done), show_size(*total))
        }
        _ => String::new(),
    };
    format!("Stopped{how_far}; the same command goes on from here")
}

/// Tells of a mirror that does not give what it should.
pub(crate) fn tell_mirror(url: &str, message: &str, left_out: bool, output: &Output) {
    let (message, what) = (plain(message), if left_out { " is left out" } else { "" });
    output.event(&Event::MirrorFailed { address: url, reason: &message, left_out });
    output.warn(format!("mirror {url}{what}: {message}"));
}

/// One line on why a download does not move.
pub(crate) async fn why_nothing_moves(
    torrent: &Torrent,
    status: &Status,
    engine: &Engine,
) -> Result<String, Ended> {
    let (trackers, mirrors) = (torrent.trackers().await?, torrent.mirrors().await?);
    let why = why(status, &trackers, dht_nodes(engine).await);
    let asked = mirrors.iter().find_map(|mirror| Some((&mirror.url, mirror.trouble.as_deref()?)));
    Ok(match asked {
        Some((url, trouble)) => format!("{why}; mirror {url}: {}", plain(trouble)),
        None if mirrors.is_empty() => why,
        None => format!("{why}; {} asked", count(mirrors.len() as u64, "mirror")),
    })
}

/// Nodes of the DHT that are known, where there is one.
pub(crate) async fn dht_nodes(engine: &Engine) -> Nodes {
    let views = engine.hash_table()?.view().await.unwrap_or_default();
    Some(views.iter().flat_map(|view| view.stats.good).sum())
}

/// What is known of the DHT: how many nodes, where there is one.
pub(crate) type Nodes = Option<usize>;

fn why(status: &Status, trackers: &[TrackerView], dht: Nodes) -> String {
    let what = match (status.state, status.total) {
        (State::Layers, _) => "the v2 piece hashes to check the files with",
        (_, None) => "the metadata",
        (_, Some(_)) => "what is lacking",
    };
    match status.peers {
        0 => {}
        1 => return format!("the one peer that is connected does not give {what} now"),
        n => return format!("none of the {n} peers that are connected gives {what} now"),
    }
    let known = match status.known {
        0 => "no peer is known".to_owned(),
        1 => "the one peer that is known does not answer".to_owned(),
        n => format!("none of the {n} peers that are known answers"),
    };
    let Some(first) = trackers.first() else {
        return match dht {
            None => format!(
                "{known}, and there is no tracker to ask; name one with --peer or --tracker"
            ),
            Some(_) => format!("{known}; {}; there is no tracker to ask", of_dht(dht)),
        };
    };
    let known = match dht {
        None => known,
        Some(_) => format!("{known}; {}", of_dht(dht)),
    };
    let working = trackers.iter().filter(|tracker| tracker.working == Some(true)).count();
    if working > 0 {
        return format!(
            "{known}; {working} of {} answers",
            count(trackers.len() as u64, "tracker")
        );
    }
    let failed = trackers.iter().find(|tracker| tracker.message.is_some()).unwrap_or(first);
    let reason = failed.message.as_deref().map_or_else(|| "no answer yet".to_owned(), plain);
    format!("{known}; tracker {}: {reason}", failed.url)
}

/// How far the DHT is.
pub(crate) fn of_dht(nodes: Nodes) -> String {
    match nodes {
        None => "the DHT is off".to_owned(),
        Some(0) => "no node of the DHT answers".to_owned(),
        Some(n) => format!("the DHT is asked again and again ({} known)", count(n as u64, "node")),
    }
}

#[cfg(test)]
mod tests;
