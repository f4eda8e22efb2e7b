//! Many torrents that sleep until somebody wants them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};

use disk::Seal;
use session::{AddError, AddTorrent, Event, Shelved};
use stdx::TorrentId;

use crate::engine::{Ended, Engine};
use crate::opening::{Purpose, Trust};
use crate::torrent::{StartJob, Started, Torrent};

/// Torrents that are made ready at once.
const AT_ONCE: usize = 4;
/// Torrents that wait for that here; the others wait in the session.
const WAKES_MAX: usize = 64;
/// Events that wait for whoever listens.
const EVENTS_MAX: usize = 64;

/// What sleepers are made of, wherever it is kept. Called where it may block, by several at once.
pub trait Library: Send + Sync + 'static {
    /// Reads what a torrent needs to be served; `number` is that by which it was added.
    ///
    /// # Errors
    /// Why it cannot be served, in words for people.
    fn load(&self, number: u32) -> Result<(AddTorrent, StartJob), String>;

    /// The files changed since they were sealed. They were verified anew, and are whole as they
    /// look now; or they are not (`None`), and the torrent is given up.
    fn record(&self, number: u32, seal: Option<Seal>);
}

/// A handle to torrents of an engine that sleep. What happens to any of them comes by one channel.
/// An engine has one shelf.
#[derive(Debug)]
pub struct Shelf {
    engine: Engine,
    numbers: Arc<Mutex<Numbers>>,
    events: Receiver<Happened>,
    /// Wakes them; ends with this handle.
    _task: JoinSet<()>,
}

/// What happened to a torrent of a shelf, as far as people are to know.
#[derive(Clone, Debug)]
pub enum Happened {
    /// It is not served any more: why.
    GivenUp(String),
    /// Its files changed, or other trouble.
    Event(Event),
}

/// The caller's numbers, in the order of the torrents.
type Numbers = Vec<(TorrentId, u32)>;

impl Shelf {
    /// An empty one.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn new(engine: &Engine, library: Arc<impl Library>) -> Result<Self, Ended> {
        let (wakes, wanted) = channel(WAKES_MAX);
        engine.ask(move |mind, _| mind.set_shelf(wakes)).await?;
        let (send, events) = channel(EVENTS_MAX);
        let numbers = Arc::<Mutex<Numbers>>::default();
        let waker =
            Waker { engine: engine.clone(), library, numbers: Arc::clone(&numbers), events: send };
        let mut task = JoinSet::new();
        task.spawn(waker.run(wanted));
        Ok(Self { engine: engine.clone(), numbers, events, _task: task })
    }

    /// Takes in torrents that are whole on disk, asleep, each with a number of the caller's.
    /// Returns, for each, why it was not taken in, if it was not.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn add(&self, torrents: Vec<(u32, Shelved)>) -> Result<Vec<Option<AddError>>, Ended> {
        let numbers = Arc::clone(&self.numbers);
        let shelve = move |mind: &mut crate::mind::Mind, now| {
            let (mut known, mut refused) = (Vec::new(), Vec::with_capacity(torrents.len()));
            let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
            for (number, shelved) in torrents {
                let hashes = shelved.hashes;
                let added = mind.session.shelve(now, shelved);
                refused.push(added.err());
                if let Ok(id) = added {
                    known.push((id, hashes));
                    numbers.push((id, number));
                }
            }
            mind.know(&known);
            refused
        };
        self.engine.ask(shelve).await
    }

    /// What happens next to any of them; `None` when the engine has ended.
    pub async fn event(&mut self) -> Option<Happened> {
        self.events.recv().await
    }
}

/// Makes ready what somebody wants.
struct Waker<L> {
    engine: Engine,
    library: Arc<L>,
    numbers: Arc<Mutex<Numbers>>,
    events: Sender<Happened>,
}

// Not derived: that would ask for a library that can be cloned.
impl<L> Clone for Waker<L> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            library: Arc::clone(&self.library),
            numbers: Arc::clone(&self.numbers),
            events: self.events.clone(),
        }
    }
}

impl<L: Library> Waker<L> {
    async fn run(self, mut wanted: Receiver<TorrentId>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut awake = JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let id = loop {
                tokio::select! {
                    id = wanted.recv() => break id,
                    // So that what ended does not heap up.
                    Some(_) = awake.join_next() => {}
                }
            };
            let Some(id) = id else { break };
            awake.spawn(self.clone().serve(id, place));
        }
        // The engine has ended; its torrents are about to.
        while awake.join_next().await.is_some() {}
    }

    /// Has a torrent served until it sleeps again.
    async fn serve(self, id: TorrentId, place: OwnedSemaphorePermit) {
        let Some(number) = self.number(id) else { return };
        match self.wake(id, number).await {
            Ok(mut torrent) => {
                drop(place);
                while let Some(event) = torrent.event().await {
                    if is_news(&event) && self.events.send(Happened::Event(event)).await.is_err() {
                        return;
                    }
                }
            }
            Err(Trouble::Ended) => {}
            Err(Trouble::GivenUp(why)) => {
                let stop = move |mind: &mut crate::mind::Mind, now| mind.session.stop(now, id);
                // Whoever has ended has nobody to tell.
                let _ended = self.engine.ask(stop).await;
                let _nobody = self.events.send(Happened::GivenUp(why)).await;
            }
        }
    }

    async fn wake(&self, id: TorrentId, number: u32) -> Result<Torrent, Trouble> {
        let library = Arc::clone(&self.library);
        let (add, job) = spawn_blocking(move || library.load(number)).await??;
        let before = match job.purpose {
            Purpose::Seed { trust: Trust::Sealed(seal), .. } => Some(seal),
            _ => None,
        };
        let shown = job.path.display().to_string();
        let woken = self.engine.ask(move |mind, now| {
            let woken = mind.session.wake(now, id, add);
            woken.map(|()| mind.listen(id))
        });
        let events =
            woken.await?.map_err(|error| Trouble::GivenUp(format!("`{shown}`: {error}")))?;
        let torrent = Torrent::new(id, self.engine.clone(), events);
        match torrent.start(job, |_, _| {}).await {
            Ok(Started::Running { seal, .. }) => {
                if seal != before {
                    self.record(number, seal).await;
                }
                Ok(torrent)
            }
            Ok(Started::LayersWanted) => {
                Err(Trouble::GivenUp(format!("`{shown}`: the torrent lacks piece hashes")))
            }
            Err(crate::EngineError::Ended(_)) => Err(Trouble::Ended),
            Err(error) => {
                self.record(number, None).await;
                Err(Trouble::GivenUp(error.to_string()))
            }
        }
    }

    async fn record(&self, number: u32, seal: Option<Seal>) {
        let library = Arc::clone(&self.library);
        // What is not recorded is verified again the next time.
        let _panicked = spawn_blocking(move || library.record(number, seal)).await;
    }

    fn number(&self, id: TorrentId) -> Option<u32> {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let at = numbers.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(numbers[at].1)
    }
}

/// Why a torrent is not woken.
enum Trouble {
    Ended,
    /// In words for people.
    GivenUp(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::GivenUp(why)
    }
}

impl From<Ended> for Trouble {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

impl From<tokio::task::JoinError> for Trouble {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::GivenUp(format!("internal error: {error}"))
    }
}

fn is_news(event: &Event) -> bool {
    matches!(
        event,
        Event::ContentChanged { .. } | Event::ContentVerified { .. } | Event::Failed { .. }
    )
}
