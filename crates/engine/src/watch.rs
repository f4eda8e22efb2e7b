//! Notices files that change while they are served, and finds out what is left of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use disk::{Change, Judge, Rechecked, Storage};
use stdx::{FileIndex, TorrentId};

use crate::engine::{Ended, Engine};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Raises its flag when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks after the files of one torrent.
pub(crate) struct Watch {
    torrent: TorrentId,
    engine: Engine,
    storage: Arc<Storage>,
    judge: Arc<Judge>,
    /// A read found a changed file.
    alarm: Arc<Notify>,
}

impl Watch {
    pub(crate) fn new(
        torrent: TorrentId,
        engine: Engine,
        storage: Arc<Storage>,
        judge: Judge,
    ) -> Self {
        let alarm = Arc::new(Notify::new());
        let heard = Arc::clone(&alarm);
        storage.on_change(move || heard.notify_one());
        Self { torrent, engine, storage, judge: Arc::new(judge), alarm }
    }

    /// Runs until the engine ends, or the disk's answers do.
    pub(crate) async fn run(self) {
        // Whoever ends this task ends the check under way, too.
        let given_up = GivenUp::default();
        loop {
            // An alarm calls for a look at once; without one there is a look now and then.
            let _alarmed = tokio::time::timeout(LOOK_EVERY, self.alarm.notified()).await;
            if self.round(&given_up).await.is_err() {
                return;
            }
        }
    }

    async fn round(&self, given_up: &GivenUp) -> Result<(), Ended> {
        let (id, storage) = (self.torrent, Arc::clone(&self.storage));
        let look = spawn_blocking(move || storage.look()).await.map_err(|_| Ended::Broken)?;
        if let [(file, change), rest @ ..] = &look.changed[..] {
            let message = self.tell_changed(*file, *change, rest.len());
            let files: Vec<FileIndex> = look.changed.iter().map(|(file, _)| *file).collect();
            let changed = move |mind: &mut crate::mind::Mind, now| {
                mind.session.handle_changed(now, id, &files, message);
            };
            self.engine.ask(changed).await?;
        }
        for file in look.settled {
            let (storage, judge) = (Arc::clone(&self.storage), Arc::clone(&self.judge));
            let flag = given_up.flag();
            let rechecked = spawn_blocking(move || storage.recheck(&judge, file, &flag)).await;
            if let Some(Rechecked { good, pieces }) = rechecked.map_err(|_| Ended::Broken)? {
                let message = self.tell_verified(file, good.len() as u32, pieces);
                let verified = move |mind: &mut crate::mind::Mind, now| {
                    mind.session.handle_verified(now, id, &good, message);
                };
                self.engine.ask(verified).await?;
            }
        }
        Ok(())
    }

    fn tell_changed(&self, file: FileIndex, change: Change, others: usize) -> String {
        let path = self.storage.file_path(file);
        let path = path.display();
        let more = match others {
            0 => String::new(),
            1 => ", and another file changed".to_owned(),
            n => format!(", and {n} other files changed"),
        };
        format!(
            "`{path}` {change}{more}; what is no longer right is not given to others; put it back \
             as it was, or share it anew"
        )
    }

    fn tell_verified(&self, file: FileIndex, good: u32, pieces: u32) -> String {
        let path = self.storage.file_path(file);
        let path = path.display();
        match good {
            0 => format!("nothing of `{path}` is as it was shared"),
            good if good == pieces => {
                format!("`{path}` is as it was shared; all of it is given again")
            }
            good => format!("{good} of {pieces} pieces of `{path}` are as shared, and given again"),
        }
    }
}
