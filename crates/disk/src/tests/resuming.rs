use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use cache::SyncJob;
use stdx::{Bitfield, FileIndex, PieceIndex};

use super::pipeline::Download;
use super::*;
use crate::{Error, Found, Opened, Resume, Source, Totals, Which, check};

struct World {
    dir: TempDir,
    torrent: Metainfo,
}

impl World {
    fn new(format: Version) -> Self {
        let dir = tree(9);
        let torrent = torrent(&dir.path().join("tree"), format);
        Self { dir, torrent }
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn open(&self) -> (Arc<Storage>, Arc<Resume>, Opened) {
        let state = self.dir.path().join("state");
        let (resume, opened) = Resume::open(&state, &self.torrent.hashes, &self.out()).unwrap();
        let resume = Arc::new(resume);
        let info = Arc::clone(&self.torrent.info);
        let options = StorageOptions::default();
        let storage = Storage::new(info, &self.out(), Some(Arc::clone(&resume)), options);
        (Arc::new(storage), resume, opened)
    }

    /// Adopts what is there and fetches `pieces`; the last `unsynced` of them are written but not
    /// recorded, as when the process is killed.
    fn killed_after(&self, pieces: &[u32], unsynced: usize) {
        let (storage, resume, _) = self.open();
        let found = resume.validate(&storage).unwrap();
        resume.adopt(&storage, &found.have, &found.partial).unwrap();
        let mut download = Download::new(&self.torrent, &self.source(), storage, found.have);
        for (at, &piece) in pieces.iter().enumerate() {
            if at == pieces.len() - unsynced {
                download.flush();
            }
            download.fetch_piece(piece);
        }
        if unsynced == 0 {
            download.flush();
        }
    }

    fn validate(&self) -> Found {
        let (storage, resume, _) = self.open();
        resume.validate(&storage).unwrap()
    }

    fn check(&self, which: &Bitfield) -> Bitfield {
        let (storage, _resume, _) = self.open();
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let judge = judge(&self.torrent);
        check(&storage, &judge, Which::Only(which), 0, go_on).unwrap().good
    }
}

fn ones(bits: &Bitfield) -> Vec<u32> {
    bits.iter_ones().collect()
}

#[test]
fn after_a_kill_written_pieces_turn_up_though_unrecorded() {
    for format in FORMATS {
        let world = World::new(format);
        // All in the first file.
        world.killed_after(&[1, 2, 4], 1);
        let found = world.validate();
        assert!(!found.clean && !found.fresh);
        let maybe: Vec<u32> = ones(&found.have).into_iter().chain(ones(&found.doubtful)).collect();
        assert!([1, 2, 4].iter().all(|it| maybe.contains(it)), "{format} {found:?}");
        let good = world.check(&found.doubtful);
        let held: Vec<u32> = ones(&found.have).into_iter().chain(ones(&good)).collect();
        assert_eq!(held, [1, 2, 4], "{format}");
        assert!(!found.doubtful.get(5), "{format}: a hole is not read");
    }
}

#[test]
fn a_kill_right_after_a_commit_leaves_nothing_in_doubt() {
    let world = World::new(Version::V1);
    world.killed_after(&[1, 2], 0);
    let found = world.validate();
    assert_eq!((ones(&found.have), found.doubtful.ones()), (vec![1, 2], 0));
}

#[test]
fn what_was_written_between_a_commit_and_its_stat_turns_up_after_a_kill() {
    let world = World::new(Version::V1);
    world.killed_after(&[1, 2], 0);
    let path = world.out().join("tree/a.bin");
    let file = fs::File::options().write(true).open(&path).unwrap();
    let recorded = file.metadata().unwrap().modified().unwrap();
    let source = fs::read(world.source().join("a.bin")).unwrap();
    let place = 4 * PIECE as usize;
    file.write_all_at(&source[place..place + PIECE as usize], 4 * PIECE).unwrap();
    file.set_modified(recorded).unwrap();
    let found = world.validate();
    assert_eq!(ones(&found.have), [1, 2], "{found:?}");
    assert_eq!(ones(&world.check(&found.doubtful)), [4]);
}

#[test]
fn a_file_that_changed_puts_its_pieces_in_doubt() {
    let world = World::new(Version::V2);
    world.killed_after(&[1, 2, 7], 0);
    let file = fs::File::options().write(true).open(world.out().join("tree/a.bin")).unwrap();
    file.write_all_at(b"x", PIECE).unwrap();
    let found = world.validate();
    assert_eq!(ones(&found.have), [7], "{found:?}");
    assert!([1, 2].iter().all(|&piece| found.doubtful.get(piece)));
    assert_eq!(ones(&world.check(&found.doubtful)), [2]);
}

#[test]
fn a_file_that_is_gone_takes_its_pieces_along() {
    let world = World::new(Version::V2);
    world.killed_after(&[1, 2, 7], 0);
    fs::remove_file(world.out().join("tree/a.bin")).unwrap();
    let found = world.validate();
    assert_eq!((ones(&found.have), found.doubtful.ones()), (vec![7], 0));
}

#[test]
fn pieces_without_their_file_are_not_held_even_if_its_stat_was_not_recorded() {
    let world = World::new(Version::V1);
    let (storage, resume, _) = world.open();
    let mut have = Bitfield::new(storage.content().pieces());
    have.set(1);
    resume.adopt(&storage, &have, &[]).unwrap();
    let found = resume.validate(&storage).unwrap();
    assert_eq!((found.have.ones(), found.doubtful.ones()), (0, 0));
}

#[test]
fn a_commit_whose_files_cannot_be_synced_claims_nothing() {
    let world = World::new(Version::V1);
    world.killed_after(&[1], 0);
    let (storage, resume, _) = world.open();
    fs::remove_file(world.out().join("tree/z.bin")).unwrap_or_default();
    fs::create_dir_all(world.out().join("tree/z.bin")).unwrap();
    let files = storage.content().files().iter();
    let file = files.enumerate().find(|(_, file)| file.path.ends_with("z.bin")).unwrap().0;
    let job = SyncJob {
        files: vec![FileIndex(file as u32)],
        pieces: vec![PieceIndex(2)],
        ..SyncJob::default()
    };
    assert!(storage.commit(&job).is_err());
    assert_eq!(ones(&resume.validate(&storage).unwrap().have), [1]);
}

#[test]
fn files_without_a_record_are_the_users_own() {
    let world = World::new(Version::V1);
    fs::create_dir_all(world.out().join("tree")).unwrap();
    fs::copy(world.source().join("a.bin"), world.out().join("tree/a.bin")).unwrap();
    for _ in 0..2 {
        let found = world.validate();
        assert!(found.fresh, "until adopted");
        assert_eq!(found.have.ones(), 0);
        assert_eq!(ones(&world.check(&found.doubtful)), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_damaged_store_is_set_aside() {
    let world = World::new(Version::V1);
    world.killed_after(&[1], 0);
    let state = fs::read_dir(world.dir.path().join("state")).unwrap();
    let store = state.map(|it| it.unwrap().path()).find(|it| it.extension().unwrap() == "redb");
    let store = store.unwrap();
    let good = fs::read(&store).unwrap();
    let check = |bytes: &[u8]| {
        fs::write(&store, bytes).unwrap();
        let (storage, resume, opened) = world.open();
        assert!(matches!(opened, Opened::SetAside(_)), "{opened:?}");
        let found = resume.validate(&storage).unwrap();
        assert_eq!((found.fresh, found.have.ones()), (true, 0));
        assert!(found.doubtful.get(1));
    };
    check(b"not a database, and long enough to be looked at closely");
    check(&vec![0xa5; good.len()]);
    check(&good[..good.len() / 2]);
    let mut header = good;
    header[..512].fill(0);
    check(&header);
}

#[test]
fn the_holder_of_a_store_is_named() {
    let world = World::new(Version::V1);
    let held = world.open();
    let state = world.dir.path().join("state");
    let error = Resume::open(&state, &world.torrent.hashes, &world.out()).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(&error, Error::Held { holder } if *holder == pid), "{error}");
    let other = world.dir.path().join("elsewhere");
    Resume::open(&state, &world.torrent.hashes, &other).unwrap();
    drop(held);
    world.open();
}

#[test]
fn what_is_recorded_besides_pieces_comes_back() {
    let world = World::new(Version::V1);
    let source = Source {
        info: Some(Arc::clone(world.torrent.info.raw())),
        layers: vec![([7; 32], vec![1; 64])],
        trackers: vec![vec!["http://a/".into(), "udp://b".into()], vec!["http://c/".into()]],
        web_seeds: vec!["https://d/".into()],
        magnet: Some("magnet:?x".into()),
    };
    let totals = Totals { downloaded: 3, uploaded: u64::MAX };
    let (storage, resume, opened) = world.open();
    assert_eq!((opened, resume.load().unwrap()), (Opened::New, crate::Record::default()));
    resume.set_source(&source).unwrap();
    resume.set_wanted(&[true, false]).unwrap();
    resume.set_totals(totals).unwrap();
    drop((storage, resume));
    let (_, resume, opened) = world.open();
    let record = resume.load().unwrap();
    assert_eq!(opened, Opened::Existing);
    assert_eq!((record.source, record.totals), (source, totals));
    assert_eq!(record.wanted, Some(vec![true, false]));
}

#[test]
fn parts_of_files_not_wanted_stay_in_the_store_until_they_are() {
    let world = World::new(Version::V1);
    let files = world.torrent.info.layout().files().to_vec();
    let wanted: Vec<bool> = files.iter().map(|file| !file.path.ends_with("a.bin")).collect();
    {
        let (storage, resume, _) = world.open();
        storage.select(&wanted).unwrap();
        resume.adopt(&storage, &Bitfield::new(storage.content().pieces()), &[]).unwrap();
        let have = Bitfield::new(storage.content().pieces());
        let source = world.source();
        let mut download = Download::new(&world.torrent, &source, Arc::clone(&storage), have);
        // The piece that a.bin shares with its neighbours.
        download.fetch_piece(6);
        download.flush();
        assert!(!world.out().join("tree/a.bin").exists());
        let mut bytes = vec![0; storage.content().piece_size(PieceIndex(6)) as usize];
        storage.read(PieceIndex(6), 0, &mut [&mut bytes]).unwrap();
        resume.close(&storage).unwrap();
    }
    let (storage, resume, _) = world.open();
    storage.select(&wanted).unwrap();
    let found = resume.validate(&storage).unwrap();
    assert_eq!((ones(&found.have), found.doubtful.ones()), (vec![6], 0));
    storage.select(&vec![true; files.len()]).unwrap();
    let there = fs::read(world.out().join("tree/a.bin")).unwrap();
    let truth = fs::read(world.source().join("a.bin")).unwrap();
    assert_eq!(there.len(), truth.len());
    let tail = 6 * PIECE as usize;
    assert!(there[tail..] == truth[tail..], "the shared part moved to its place");
    drop((storage, resume));
    let found = world.validate();
    let good = world.check(&found.doubtful);
    assert_eq!(ones(&found.have).into_iter().chain(ones(&good)).collect::<Vec<_>>(), [6]);
}

#[test]
fn records_that_nobody_used_for_long_are_removed_unless_held() {
    let world = World::new(Version::V1);
    let state = world.dir.path().join("state");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&state).unwrap().flatten().collect();
        names.sort_by_key(fs::DirEntry::file_name);
        names.iter().filter_map(|it| it.path().extension()?.to_str().map(str::to_owned)).collect()
    };
    let check = |before: SystemTime, removed: u32, left: &[&str]| {
        assert_eq!(crate::remove_stale(&state, before), removed);
        let names: Vec<String> = names();
        assert_eq!(names, left);
    };
    let (storage, resume, _) = world.open();
    fs::write(state.join("shared-0.torrent"), "kept").unwrap();
    fs::write(state.join("z.notes"), "a person's own").unwrap();
    let (long_ago, later) = (SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_mins(1));
    check(long_ago, 0, &["lock", "redb", "torrent", "notes"]);
    check(later, 1, &["lock", "redb", "notes"]);
    drop((storage, resume));
    check(later, 1, &["notes"]);
    assert_eq!(world.open().2, Opened::New);
}
