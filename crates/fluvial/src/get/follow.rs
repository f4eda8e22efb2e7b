//! Torrents that follow a publisher: whichever one it signed last (BEP 46).

use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::sync::{mpsc, watch};

use dht::{Event as TableEvent, Id, PublicKey};
use engine::{Engine, HashTable, Lookup};
use metainfo::Publisher;

use super::Ended;
use super::patience::{WHY_EVERY, WHY_FIRST};
use crate::farewell;
use crate::live::TICK;
use crate::output::Output;
use crate::signals::Stop;

/// Time to the next look while nothing was found, and how long that may become.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const VAIN_LOOK_MAX: Duration = Duration::from_secs(30);

/// What a publisher names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edition {
    /// It counts up.
    pub(super) seq: i64,
    pub(super) torrent: Id,
}

/// The latest edition so far.
pub(super) type Editions = watch::Receiver<Option<Edition>>;

/// Looks for what the publisher names, now and, once something is found, every so often; ends with
/// who listens.
pub(super) fn follow(table: HashTable, publisher: &Publisher, every: Duration) -> Editions {
    let (send, receive) = watch::channel(None);
    let (key, salt) = (PublicKey(publisher.key), publisher.salt.clone());
    tokio::spawn(async move {
        let looking = look_again_and_again(&table, key, salt, every, &send);
        tokio::select! {
            () = looking => {}
            () = send.closed() => {}
        }
    });
    receive
}

async fn look_again_and_again(
    table: &HashTable,
    key: PublicKey,
    salt: Vec<u8>,
    every: Duration,
    editions: &watch::Sender<Option<Edition>>,
) {
    let mut pause = FIRST_LOOK;
    loop {
        let lookup = Lookup::GetMutable(key, salt.clone());
        let Ok(mut events) = table.begin(lookup).await else {
            return;
        };
        if let Some(latest) = latest(&mut events).await {
            note(editions, latest);
        }
        if editions.borrow().is_some() {
            pause = every;
        } else {
            pause = (pause * 2).min(VAIN_LOOK_MAX);
        }
        tokio::time::sleep(pause).await;
    }
}

/// The latest edition of a look-up, once it is over: nodes that were not there when it was signed
/// have earlier ones, and answer as soon as others.
async fn latest(events: &mut mpsc::Receiver<TableEvent>) -> Option<Edition> {
    let mut latest = None;
    while let Some(event) = events.recv().await {
        if let TableEvent::Item { item, .. } = event
            && let Some(torrent) = dht::torrent_of_value(item.value())
        {
            // Only what is later than what came before is told.
            latest = Some(Edition { seq: item.seq().unwrap_or(0), torrent });
        }
    }
    latest
}

/// Waits for the first edition, and says why it takes long.
pub(super) async fn first(
    editions: &mut Editions,
    stop: &mut Stop,
    give_up: Option<Duration>,
    engine: &Engine,
    output: &Output,
) -> Result<Edition, Ended> {
    let began = Instant::now();
    let mut tell = WHY_FIRST;
    loop {
        if let Some(edition) = *editions.borrow_and_update() {
            return Ok(edition);
        }
        let late = give_up.is_some_and(|limit| began.elapsed() >= limit);
        if late || began.elapsed() >= tell {
            tell += WHY_EVERY;
            let why =
                format!("nothing is found of what the publisher signed; {}", dht(engine).await);
            if late {
                return Err(anyhow!("gave up: {why}").into());
            }
            output.notice(format!("waiting: {why}"));
        }
        tokio::select! {
            changed = editions.changed() => changed?,
            () = tokio::time::sleep(TICK) => {}
            () = stop.wished() => return Err(Ended::Stopped),
        }
    }
}

async fn dht(engine: &Engine) -> String {
    farewell::of_dht(farewell::dht_nodes(engine).await)
}

/// An edition that is older than what is known is no news.
fn note(editions: &watch::Sender<Option<Edition>>, new: Edition) {
    editions.send_if_modified(|known| {
        let is_news = known.is_none_or(|known| new.seq > known.seq);
        if !is_news {
            return false;
        }
        let other = known.is_none_or(|known| known.torrent != new.torrent);
        *known = Some(new);
        other
    });
}

#[cfg(test)]
mod tests {
    use dht::{Item, LookupId, Mutable, SecretKey};

    use super::*;

    #[tokio::test]
    async fn the_latest_edition_counts_and_not_the_first_to_come() {
        let (send, mut events) = mpsc::channel(9);
        let secret = SecretKey::from_seed(&[7; 32]);
        for (seq, torrent) in [(3, 1), (5, 2)] {
            let value = dht::torrent_value(Id([torrent; 20]));
            let item = Item::Mutable(Mutable::sign(&secret, b"", seq, &value).unwrap());
            send.try_send(TableEvent::Item { lookup: LookupId(1), item }).unwrap();
        }
        drop(send);
        let expected = Edition { seq: 5, torrent: Id([2; 20]) };
        assert_eq!(latest(&mut events).await, Some(expected));
        assert_eq!(latest(&mut events).await, None);
    }

    #[test]
    fn only_later_editions_of_other_torrents_are_news() {
        let (send, mut receive) = watch::channel(None);
        let edition = |seq, torrent| Edition { seq, torrent: Id([torrent; 20]) };
        for (new, is_news) in [
            (edition(3, 1), true),
            (edition(3, 2), false),
            (edition(2, 2), false),
            (edition(4, 1), false),
            (edition(5, 2), true),
        ] {
            note(&send, new);
            assert_eq!(receive.has_changed().unwrap(), is_news, "{new:?}");
            receive.mark_unchanged();
        }
        assert_eq!(*receive.borrow(), Some(edition(5, 2)));
    }
}
