//! Serving until told to end, for `share` and `seed`.

use engine::{Clock, Engine, Torrent};
use served::Page;
use session::{Event as Happened, Status};
use stdx::RateMeter;

use crate::events::Event;
use crate::live::{Live, TICK};
use crate::output::Output;
use crate::signals::Stop;
use crate::{farewell, hosting};

/// Torrents that are served side by side, under one bar.
pub(crate) struct Seeding<'a> {
    output: &'a Output,
    live: Live<'a>,
    stop: Stop,
    page: Option<Browsers>,
}

/// What those take who have no client.
struct Browsers {
    page: Page,
    clock: Clock,
    rate: RateMeter,
}

impl<'a> Seeding<'a> {
    pub(crate) fn new(output: &'a Output, stop: Stop) -> Self {
        Self { output, live: Live::new(output), stop, page: None }
    }

    /// Counts what this page sends, too, and tells it who is there.
    pub(crate) fn with_page(mut self, page: &Page) -> Self {
        let (page, clock) = (page.clone(), Clock::start());
        self.page = Some(Browsers { page, clock, rate: RateMeter::default() });
        self
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
                    if let Some(status) = self.status(&torrents).await? {
                        self.live.show_bar(&status);
                    }
                }
                happened = any_event(&mut torrents) => match happened {
                    Some(happened) => tell(&happened, self.output),
                    // Asking tells whether that is an orderly end.
                    None => {
                        together(&torrents).await?;
                    }
                },
                () = self.stop.wished() => break,
            }
        }
        self.live.stopping();
        let given = self.status(&torrents).await?;
        let goodbyes = torrents.iter_mut().map(farewell::stop);
        let goodbyes = futures_util::future::join_all(goodbyes);
        futures_util::future::join(goodbyes, engine.unmap()).await;
        engine.close().await;
        self.live.clear();
        self.output.event(&Event::Stopped);
        let given = given.map_or(0, |status| status.uploaded);
        self.output.line(farewell::given(given));
        Ok(())
    }

    /// One status for all that is served; `None` when there is nothing.
    async fn status(&mut self, torrents: &[Torrent]) -> anyhow::Result<Option<Status>> {
        let mut status = together(torrents).await?;
        if let (Some(status), Some(browsers)) = (&mut status, &mut self.page) {
            hosting::tell_swarm(&browsers.page, status);
            let (now, sent) = (browsers.clock.now(), browsers.page.sent());
            browsers.rate.add(now, sent - browsers.rate.total());
            status.uploaded += sent;
            status.up_rate += browsers.rate.rate(now);
        }
        Ok(status)
    }
}

/// The next event of any torrent.
async fn any_event(torrents: &mut [Torrent]) -> Option<Happened> {
    let events = torrents.iter_mut().map(|torrent| Box::pin(torrent.event()));
    futures_util::future::select_all(events).await.0
}

/// Tells a person what becomes of content that is given to others.
pub(crate) fn tell(happened: &Happened, output: &Output) {
    match happened {
        Happened::ContentChanged { message, .. } => output.warn(message),
        Happened::ContentVerified { message, .. } => output.notice(message),
        Happened::Failed { error, .. } => output.warn(error.to_string()),
        _ => {}
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
