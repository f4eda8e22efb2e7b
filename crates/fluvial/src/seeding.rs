//! Serving until told to end, for `share` and `seed`.

use engine::{Clock, Engine, Happened as OfShelf, Shelf, Torrent};
use served::Page;
use session::{Event as Happened, Status};
use stdx::RateMeter;

use crate::events::Event;
use crate::live::{Live, TICK};
use crate::output::Output;
use crate::signals::Stop;
use crate::{farewell, hosting};

/// What is served.
pub(crate) enum Served {
    /// Torrents that are at work.
    Torrents(Vec<Torrent>),
    /// Such as sleep until somebody wants them.
    Shelf(Box<Shelf>),
}

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
    pub(crate) async fn run(mut self, mut served: Served, engine: &Engine) -> anyhow::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let status = self.status(engine).await?;
                    self.live.show_bar(&status);
                }
                goes_on = served.happened(self.output) => if !goes_on {
                    // Asking tells whether that is an orderly end.
                    engine.total().await?;
                },
                () = self.stop.wished() => break,
            }
        }
        self.live.stopping();
        let given = self.status(engine).await?.uploaded;
        futures_util::future::join(served.stop(), engine.unmap()).await;
        engine.close().await;
        self.live.clear();
        self.output.event(&Event::Stopped);
        self.output.line(farewell::given(given));
        Ok(())
    }

    /// One status for all that is served.
    async fn status(&mut self, engine: &Engine) -> anyhow::Result<Status> {
        let mut status = engine.total().await?;
        if let Some(browsers) = &mut self.page {
            hosting::tell_swarm(&browsers.page, &status);
            let (now, sent) = (browsers.clock.now(), browsers.page.sent());
            browsers.rate.add(now, sent - browsers.rate.total());
            status.uploaded += sent;
            status.up_rate += browsers.rate.rate(now);
        }
        Ok(status)
    }
}

impl Served {
    /// Tells what happens next. False when nothing does any more.
    async fn happened(&mut self, output: &Output) -> bool {
        match self {
            // Ended before anything had begun.
            Self::Torrents(torrents) if torrents.is_empty() => std::future::pending().await,
            Self::Torrents(torrents) => {
                let happened = any_event(torrents).await;
                happened.inspect(|happened| tell(happened, output)).is_some()
            }
            Self::Shelf(shelf) => {
                let happened = shelf.event().await;
                happened.inspect(|happened| tell_of_shelf(happened, output)).is_some()
            }
        }
    }

    /// Says goodbye. A shelf does so when its engine ends.
    async fn stop(&mut self) {
        if let Self::Torrents(torrents) = self {
            let goodbyes = torrents.iter_mut().map(farewell::stop);
            futures_util::future::join_all(goodbyes).await;
        }
    }
}

/// Tells a person what becomes of torrents that sleep, as far as it matters.
pub(crate) fn tell_of_shelf(happened: &OfShelf, output: &Output) {
    match happened {
        OfShelf::GivenUp(why) => output.warn(format!("no longer served: {why}")),
        OfShelf::Event(event) => tell(event, output),
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
