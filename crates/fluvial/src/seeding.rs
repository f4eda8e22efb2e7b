//! Serving until told to end, for `share` and `seed`.

use engine::{Engine, Torrent};
use session::Status;

use crate::events::Event;
use crate::farewell;
use crate::live::{Live, TICK};
use crate::output::Output;
use crate::signals::Stop;

/// Torrents that are served side by side, under one bar.
pub(crate) struct Seeding<'a> {
    output: &'a Output,
    live: Live<'a>,
    stop: Stop,
}

impl<'a> Seeding<'a> {
    pub(crate) fn new(output: &'a Output, stop: Stop) -> Self {
        Self { output, live: Live::new(output), stop }
    }

    /// Serves until the person wishes to end, then says goodbye.
    ///
    /// # Errors
    /// When the engine ends by itself.
    pub(crate) async fn run(
        mut self,
        mut torrents: Vec<Torrent>,
        engine: &Engine,
    ) -> anyhow::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Some(status) = together(&torrents).await? {
                        self.live.show_bar(&status);
                    }
                }
                () = self.stop.wished() => break,
            }
        }
        self.live.stopping();
        let given = together(&torrents).await?;
        let goodbyes = torrents.iter_mut().map(farewell::stop);
        futures_util::future::join_all(goodbyes).await;
        engine.close().await;
        self.live.clear();
        self.output.event(&Event::Stopped);
        let given = given.map_or(0, |status| status.uploaded);
        self.output.line(farewell::given(given));
        Ok(())
    }
}

/// One status for all; `None` when there is none.
async fn together(torrents: &[Torrent]) -> anyhow::Result<Option<Status>> {
    let mut sum: Option<Status> = None;
    for torrent in torrents {
        let Some(status) = torrent.status().await? else {
            continue;
        };
        let Some(sum) = &mut sum else {
            sum = Some(status);
            continue;
        };
        sum.done += status.done;
        sum.total = sum.total.zip(status.total).map(|(sum, total)| sum + total);
        sum.up_rate += status.up_rate;
        sum.uploaded += status.uploaded;
        sum.peers += status.peers;
    }
    Ok(sum)
}
