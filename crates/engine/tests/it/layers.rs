//! Existing files under a v2 magnet, whose piece hashes come from peers.

use std::fs;
use std::sync::Arc;

use engine::{EngineError, OpenError, StartJob, Started, Torrent};
use metainfo::Version;
use session::Event;

use crate::support::{Place, UNLIMITED, asking, complete, metadata, stop, wait_for};

const SIZE: usize = 3_000_000;

/// What is done to the right bytes of a file.
type Change = fn(&mut Vec<u8>);

/// Files of the content in the folder, changed.
fn put(place: &Place, folder: &str, names: &[&str], change: impl Fn(&mut Vec<u8>)) {
    for name in names {
        let mut bytes = fs::read(place.path("source/set").join(name)).unwrap();
        change(&mut bytes);
        let to = place.path(folder).join("set").join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
}

/// Starts as often as it takes; returns the outcome, and whether piece hashes were waited for.
async fn start(torrent: &mut Torrent, job: &StartJob) -> (Result<Vec<String>, EngineError>, bool) {
    let mut waited = false;
    loop {
        match torrent.start(job.clone(), |_, _| {}).await {
            Ok(Started::Running { notices, .. }) => return (Ok(notices), waited),
            Err(error) => return (Err(error), waited),
            Ok(Started::LayersWanted) => {
                assert!(!waited, "once is enough");
                waited = true;
                let ready = |event| matches!(event, Event::LayersReady { .. }).then_some(());
                wait_for(torrent, ready).await;
            }
        }
    }
}

#[tokio::test]
async fn what_a_magnet_finds_is_judged_once_the_piece_hashes_are_here() {
    let nothing: Change = |_| {};
    let half: Change = |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0);
    };
    let short: Change = |bytes| bytes.truncate(100);
    let all: &[&str] = &["a.bin", "inner/b.bin"];
    // What is there, how it was changed, and how many bytes are fetched at most.
    let cases: [(&[&str], Change, u64); 5] = [
        (all, nothing, 0),
        (all, half, 1_700_000),
        (&["inner/b.bin"], nothing, 2_300_000),
        (&["inner/b.bin", "a.bin"], half, 1_700_000),
        (&[], short, 3_000_000),
    ];
    for (names, change, most) in cases {
        let place = Place::new(Version::V2, SIZE);
        let (seeder, _seed) = place.seed(UNLIMITED).await;
        put(&place, "there", names, change);
        let (_getter, mut get) = place.join(asking(place.magnet(), &seeder), UNLIMITED).await;
        let info = metadata(&mut get).await;
        let job = place.getting(&info, "there", Some(place.resume("there")));
        let (started, waited) = start(&mut get, &job).await;
        started.unwrap();
        assert_eq!(waited, !names.is_empty(), "{names:?}");
        complete(&mut get).await;
        let status = get.status().await.unwrap().unwrap();
        assert!(status.downloaded <= most, "{names:?}: {} fetched", status.downloaded);
        place.assert_got("there");
    }
}

#[tokio::test]
async fn somebody_elses_files_are_refused_only_when_that_is_certain() {
    let place = Place::new(Version::V2, SIZE);
    let (seeder, _seed) = place.seed(UNLIMITED).await;
    // As long as a piece; and too short to hold one, so that nothing need be asked.
    for (length, asked) in [(400_000, true), (1_000, false)] {
        put(&place, "there", &["a.bin"], |bytes| *bytes = vec![1; length]);
        let (_getter, mut get) = place.join(asking(place.magnet(), &seeder), UNLIMITED).await;
        let info = metadata(&mut get).await;
        let job = place.getting(&info, "there", Some(place.resume("there")));
        let (started, waited) = start(&mut get, &job).await;
        assert_eq!(waited, asked);
        assert!(matches!(started, Err(EngineError::Open(OpenError::Occupied(_)))), "{started:?}");
        assert_eq!(fs::read(place.path("there/set/a.bin")).unwrap(), vec![1; length]);
    }
}

#[tokio::test]
async fn a_record_without_piece_hashes_loses_nothing() {
    let place = Place::new(Version::V2, SIZE);
    let (seeder, _seed) = place.seed(UNLIMITED).await;
    // All is there and recorded; then a file is touched, and the hashes were never recorded.
    let (_first, mut get) = place.join(asking(place.add(), &seeder), UNLIMITED).await;
    let resume = place.resume("there");
    place.start(&get, &place.torrent.info, "there", Some(resume)).await;
    complete(&mut get).await;
    stop(&mut get).await;
    drop(get);
    let touched = fs::File::open(place.path("there/set/a.bin")).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let mut add = place.add();
    add.layers = metainfo::PieceLayers::default();
    // Nobody is there to ask: it waits, and says nothing false.
    let info = Arc::clone(&place.torrent.info);
    for _ in 0..2 {
        let (alone, get) = place.join(add.clone(), UNLIMITED).await;
        let job = place.getting(&info, "there", Some(place.resume("there")));
        assert_eq!(get.start(job, |_, _| {}).await.unwrap(), Started::LayersWanted);
        alone.close().await;
    }
    let (_second, mut get) = place.join(asking(add, &seeder), UNLIMITED).await;
    let job = place.getting(&info, "there", Some(place.resume("there")));
    let (started, waited) = start(&mut get, &job).await;
    started.unwrap();
    assert!(waited);
    complete(&mut get).await;
    assert_eq!(get.status().await.unwrap().unwrap().downloaded, 0);
}
