//! What is said of a torrent at its end, and while it waits: sources, reasons, goodbye.

use std::time::Duration;

use engine::{Ended, Torrent};
use session::{Event as Happened, Status};

use crate::events::Source;
use crate::output::Output;
use crate::units::show_size;

/// How long a goodbye may take: the trackers have 3 s, the disk a little more.
const FAREWELL_MAX: Duration = Duration::from_secs(30);

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
pub(crate) async fn sources(torrent: &Torrent) -> Result<Vec<Source>, Ended> {
    let met = torrent.sources().await?;
    Ok(met
        .into_iter()
        .filter(|source| source.received > 0)
        .map(|source| Source {
            kind: "peer",
            address: source.address,
            bytes: source.received,
            client: source.client,
        })
        .collect())
}

/// Prints who gave how much, at most `most` of them.
pub(crate) fn print_sources(sources: &[Source], all: u64, most: usize, output: &Output) {
    for source in sources.iter().take(most) {
        let percent = source.bytes.saturating_mul(100).checked_div(all).unwrap_or(0);
        let client = source.client.as_deref().unwrap_or_default();
        let (size, address) = (show_size(source.bytes), &source.address);
        output.line(format!("  {size:>10}  {percent:>3}%  from {address}  {client}"));
    }
    if sources.len() > most {
        output.line(format!("  … and {} more", sources.len() - most));
    }
}

/// One line on why a download does not move.
pub(crate) async fn why_nothing_moves(torrent: &Torrent, status: &Status) -> Result<String, Ended> {
    if status.peers > 0 {
        let what = if status.total.is_none() { "the metadata" } else { "what is lacking" };
        return Ok(format!("{} peers are connected, but none gives {what} now", status.peers));
    }
    let known = match status.known {
        0 => "no peers are known".to_owned(),
        n => format!("none of the {n} known peers answers"),
    };
    let trackers = torrent.trackers().await?;
    let Some(first) = trackers.first() else {
        return Ok(format!("{known}, and there is no tracker to ask"));
    };
    let working = trackers.iter().filter(|tracker| tracker.working == Some(true)).count();
    if working > 0 {
        return Ok(format!("{known}; {working} of {} trackers answer", trackers.len()));
    }
    let reason = first.message.as_deref().unwrap_or("no answer yet");
    Ok(format!("{known}; tracker {}: {reason}", first.url))
}
