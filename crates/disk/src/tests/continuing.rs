use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use stdx::Bitfield;

use super::*;
use crate::{CheckReport, Error, Resume};

const MIB: u64 = 1 << 20;
/// Between two words of progress.
const STEP: u64 = 4 * MIB;
const LENGTH: u64 = 5 * STEP;

/// One file, of which nothing changes unless a test does it.
struct World {
    dir: TempDir,
    torrent: Metainfo,
}

/// What one check did.
struct Outcome {
    /// Bytes that it did not read, because another one had.
    spared: u64,
    result: Result<CheckReport, Error>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        let mut bytes = vec![0; LENGTH as usize];
        Rng::new(1).fill(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let options = PlanOptions { piece_length: Some(MIB), ..options(Version::Hybrid) };
        let created = create(&path, options, 2, &mut |_, _| ControlFlow::Continue(())).unwrap();
        Self { torrent: Metainfo::parse(&created.torrent).unwrap(), dir }
    }

    fn file(&self) -> fs::File {
        fs::File::options().write(true).open(self.dir.path().join("one")).unwrap()
    }

    /// Spoils a piece so that its file's stat does not show it.
    fn spoil_unseen(&self, piece: u64) {
        let file = self.file();
        let before = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"something else", piece * MIB).unwrap();
        file.set_modified(before).unwrap();
    }

    fn resume(&self) -> Resume {
        let state = self.dir.path().join("state");
        Resume::open(&state, &self.torrent.hashes, self.dir.path()).unwrap().0
    }

    fn storage(&self) -> Storage {
        seeding(&self.torrent, &self.dir.path().join("one"))
    }

    /// Checks all, as long as `progress` says so of the bytes done.
    fn check(&self, mut progress: impl FnMut(u64) -> bool) -> Outcome {
        let due = Bitfield::full(LENGTH.div_ceil(MIB) as u32);
        let mut first = None;
        let progress = &mut |done, _| {
            first.get_or_insert(done);
            if progress(done) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let judge = judge(&self.torrent);
        let result = self.resume().check_keeping(&self.storage(), &judge, &due, STEP, progress);
        Outcome { spared: first.unwrap() - STEP, result }
    }
}

#[test]
fn a_check_goes_on_where_it_was_broken_off() {
    let world = World::new();
    let first = world.check(|_| false);
    assert!(matches!(first.result, Err(Error::Cancelled)));
    assert_eq!(first.spared, 0);
    let second = world.check(|done| done < 3 * STEP);
    assert!(matches!(second.result, Err(Error::Cancelled)));
    assert_eq!(second.spared, STEP);
    let third = world.check(|_| true);
    assert_eq!(third.spared, 3 * STEP);
    let report = third.result.unwrap();
    assert!(report.good.is_full() && report.checked == report.good.len(), "{report:?}");
}

#[test]
fn a_check_that_dies_reads_little_again() {
    let world = World::new();
    let died = catch_unwind(AssertUnwindSafe(|| {
        world.check(|done| {
            assert!(done < 3 * STEP, "this is what it dies of");
            true
        })
    }));
    assert!(died.is_err());
    assert_eq!(world.check(|_| true).spared, 3 * STEP);
}

#[test]
fn what_was_found_bad_stays_bad_and_what_was_not_read_is_read() {
    let world = World::new();
    world.spoil_unseen(0);
    assert!(world.check(|done| done < 2 * STEP).result.is_err());
    world.spoil_unseen(LENGTH / MIB - 1);
    let report = world.check(|_| true).result.unwrap();
    let bad: Vec<u32> = report.good.iter_zeros().collect();
    assert_eq!(bad, [0, (LENGTH / MIB) as u32 - 1]);
}

#[test]
fn a_file_that_changes_is_read_from_its_start() {
    let world = World::new();
    assert!(world.check(|done| done < 3 * STEP).result.is_err());
    let later = SystemTime::now() + Duration::from_secs(5);
    world.file().set_modified(later).unwrap();
    let outcome = world.check(|_| true);
    assert_eq!(outcome.spared, 0);
    assert!(outcome.result.unwrap().good.is_full());
}

#[test]
fn what_is_adopted_is_not_remembered_twice() {
    let world = World::new();
    assert!(world.check(|done| done < 3 * STEP).result.is_err());
    let none = Bitfield::new((LENGTH / MIB) as u32);
    world.resume().adopt(&world.storage(), &none, &[]).unwrap();
    assert_eq!(world.check(|_| true).spared, 0);
}

#[test]
fn a_long_check_is_noted_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    // A hole, which costs no disk.
    fs::File::create(&path).unwrap().set_len(3 << 29).unwrap();
    let options = PlanOptions { piece_length: Some(16 * MIB), ..options(Version::V1) };
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let created = create(&path, options, 0, go_on).unwrap();
    let torrent = Metainfo::parse(&created.torrent).unwrap();
    let (storage, judge) = (seeding(&torrent, &path), judge(&torrent));
    let resume = Resume::open(&dir.path().join("state"), &torrent.hashes, dir.path()).unwrap().0;
    let check = |until: u64| {
        let mut first = None;
        let progress = &mut |done, _| {
            first.get_or_insert(done);
            if done < until { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let result = resume.check(&storage, &judge, crate::Which::All, progress);
        (first.unwrap(), result)
    };
    let half = 3 << 28;
    assert!(matches!(check(half), (_, Err(Error::Cancelled))));
    let (first, result) = check(u64::MAX);
    assert!(first > half && result.unwrap().good.is_full(), "begins at {first}");
}
