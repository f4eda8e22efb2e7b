use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use metainfo::{Metainfo, PlanOptions, Version};
use stdx::Rng;
use tempfile::TempDir;

use super::*;

const PIECE: u64 = 32 << 10;
const FORMATS: [Version; 3] = [Version::V1, Version::V2, Version::Hybrid];

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

/// Content `set` in `source`, its torrent, and a folder `out` to get it into.
struct World {
    dir: TempDir,
    torrent: Metainfo,
}

impl World {
    fn new(format: Version, files: &[(&str, usize)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("source/set");
        for (seed, (name, length)) in (1..).zip(files) {
            // An empty name is content of one file.
            let path = if name.is_empty() { root.clone() } else { root.join(name) };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, noise(seed, *length)).unwrap();
        }
        let options = PlanOptions {
            name: "set".to_owned(),
            format: Some(format),
            piece_length: Some(PIECE),
            ..PlanOptions::default()
        };
        let none = &mut |_, _| ControlFlow::Continue(());
        let created = disk::create(&root, options, 1, none).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        Self { dir, torrent: Metainfo::parse(&created.torrent).unwrap() }
    }

    fn one_file(format: Version) -> Self {
        Self::new(format, &[("", 5 * PIECE as usize + 100)])
    }

    fn several(format: Version) -> Self {
        let files = [("a", 100_000), ("b/c", 70_000), ("empty", 0), ("z", 50_000)];
        Self::new(format, &files)
    }

    fn source(&self, name: &str) -> PathBuf {
        self.dir.path().join("source").join(name)
    }

    fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    /// Puts bytes where the download goes.
    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.out(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Puts the right bytes of a file there.
    fn put_right(&self, name: &str) {
        self.put(name, &fs::read(self.source(name)).unwrap());
    }

    fn resume(&self) -> Arc<Resume> {
        let state = self.dir.path().join("state");
        Arc::new(Resume::open(&state, &self.torrent.hashes, &self.out("")).unwrap().0)
    }

    fn get(&self) -> Result<Opened, OpenError> {
        self.get_as(None, false, None)
    }

    fn get_as(
        &self,
        resume: Option<&Arc<Resume>>,
        overwrite: bool,
        wanted: Option<Vec<bool>>,
    ) -> Result<Opened, OpenError> {
        let purpose = get(overwrite, wanted);
        self.open(&self.out(""), resume, &purpose)
    }

    fn seed(&self, path: &Path) -> Result<Opened, OpenError> {
        self.open(path, None, &Purpose::Seed { trust: Trust::No, roots: Roots::new() })
    }

    fn open(
        &self,
        path: &Path,
        resume: Option<&Arc<Resume>>,
        purpose: &Purpose,
    ) -> Result<Opened, OpenError> {
        let (info, layers) = (&self.torrent.info, &self.torrent.piece_layers);
        open(info, layers, path, resume, purpose, &mut |_, _| ControlFlow::Continue(()))
    }

    fn pieces(&self) -> u32 {
        self.torrent.info.layout().pieces()
    }
}

fn get(overwrite: bool, wanted: Option<Vec<bool>>) -> Purpose {
    Purpose::Get { overwrite, former: BTreeSet::new(), preallocate: false, wanted }
}

/// Asserts that a get fails with `part` in what it says, and that it changed nothing.
fn refused(world: &World, outcome: Result<Opened, OpenError>, part: &str) {
    let text = outcome.map(|opened| opened.have).unwrap_err().to_string();
    assert!(text.contains(part), "`{part}` in: {text}");
    assert!(text.contains(&*world.out("").to_string_lossy()), "names the path: {text}");
}

#[test]
fn one_file_that_is_there_already() {
    let piece = PIECE as usize;
    for format in FORMATS {
        let world = World::one_file(format);
        let right = fs::read(world.source("set")).unwrap();
        let mut half = right.clone();
        half[2 * piece..4 * piece].fill(0);
        let mut longer = right.clone();
        longer.extend([9; 1_000]);
        let short = right[..3 * piece + 5].to_vec();
        for (bytes, held) in [(right, 6), (half, 4), (longer, 6), (short, 3)] {
            world.put("set", &bytes);
            let opened = world.get().unwrap();
            assert_eq!(opened.have.ones(), held, "{format:?}");
            assert!(opened.notices[0].contains(&format!("{held} of 6")), "{:?}", opened.notices);
            let cut = opened.notices.iter().any(|notice| notice.contains("it will be cut"));
            assert_eq!(cut, bytes.len() > 5 * piece + 100);
            assert_eq!(fs::read(world.out("set")).unwrap(), bytes, "only looked at");
        }
    }
}

#[test]
fn nothing_there_is_fine() {
    for format in FORMATS {
        let world = World::several(format);
        let opened = world.get().unwrap();
        assert_eq!((opened.have.ones(), opened.notices.len()), (0, 0));
        assert!(!world.out("set").exists(), "made only when there is something to write");
    }
}

#[test]
fn somebody_elses_file_is_kept_unless_told_otherwise() {
    for format in FORMATS {
        for length in [7, 5 * PIECE as usize + 100, 400_000] {
            let world = World::one_file(format);
            world.put("set", &noise(99, length));
            refused(&world, world.get(), "--overwrite");
            assert_eq!(fs::read(world.out("set")).unwrap(), noise(99, length));
            assert_eq!(world.get_as(None, true, None).unwrap().have.ones(), 0);
        }
    }
}

#[test]
fn what_came_before_gives_way_and_nothing_else() {
    for format in FORMATS {
        let world = World::several(format);
        let first = &world.torrent.info.layout().files()[0].path;
        let second = &world.torrent.info.layout().files()[1].path;
        let get = |former: &[&PathBuf]| {
            let former = former.iter().map(|&path| path.clone()).collect();
            let purpose =
                Purpose::Get { overwrite: false, former, preallocate: false, wanted: None };
            world.open(&world.out(""), None, &purpose)
        };
        world.put(first.to_str().unwrap(), &noise(98, 500));
        assert_eq!(get(&[first]).unwrap().have.ones(), 0);
        refused(&world, get(&[second]), "--overwrite");
        world.put(second.to_str().unwrap(), &noise(99, 500));
        refused(&world, get(&[first]), &second.to_string_lossy());
        assert_eq!(get(&[first, second]).unwrap().have.ones(), 0);
    }
}

#[test]
fn a_refusal_leaves_no_record_behind() {
    let world = World::one_file(Version::Hybrid);
    world.put("set", &noise(99, 1_000));
    for _ in 0..2 {
        refused(&world, world.get_as(Some(&world.resume()), false, None), "--overwrite");
    }
    world.get_as(Some(&world.resume()), true, None).unwrap();
    assert_eq!(world.get_as(Some(&world.resume()), false, None).unwrap().have.ones(), 0);
}

#[test]
fn an_empty_file_is_nobodys() {
    let world = World::one_file(Version::V1);
    world.put("set", b"");
    assert_eq!(world.get().unwrap().have.ones(), 0);
    // One that stands where an empty one belongs is somebody's.
    let world = World::several(Version::V1);
    world.put("set/empty", b"mine");
    refused(&world, world.get(), "set/empty");
}

#[test]
fn of_several_files_some_are_there() {
    for format in FORMATS {
        let world = World::several(format);
        world.put_right("set/b/c");
        world.put("set/z", &noise(99, 50_000));
        let opened = world.get().unwrap();
        assert!(opened.have.ones() >= 1, "{format:?}: one file is right, so all are theirs");
        assert!(!opened.have.is_full());
        for name in ["set/a", "set/z", "set/empty"] {
            world.put_right(name);
        }
        assert!(world.get().unwrap().have.is_full());
    }
}

#[test]
fn what_is_not_wanted_may_be_anybodys() {
    let world = World::several(Version::Hybrid);
    world.put("set/z", &noise(99, 50_000));
    // In the order of the torrent.
    let files = world.torrent.info.layout().files();
    let wanted: Vec<bool> = files.iter().map(|file| !file.path.ends_with("z")).collect();
    let resume = world.resume();
    assert_eq!(world.get_as(Some(&resume), false, Some(wanted)).unwrap().have.ones(), 0);
    assert_eq!(fs::read(world.out("set/z")).unwrap(), noise(99, 50_000));
    refused(&world, world.get(), "--overwrite");
}

#[test]
fn what_is_in_the_way_is_found_before_anything_is_fetched() {
    type Stage = fn(&World);
    let stages: [(Stage, &str, &str); 6] = [
        (|w| fs::create_dir_all(w.out("set/a/inner")).unwrap(), "set/a`", "a file belongs"),
        (|w| w.put("set", b"a file"), "set`", "a folder belongs"),
        (|w| w.put("set/b", b"a file"), "set/b`", "a folder belongs"),
        (|w| w.put("set/b", b""), "set/b`", "a folder belongs"),
        (
            |w| {
                w.put("elsewhere", b"");
                fs::create_dir(w.out("set")).unwrap();
                symlink(w.out("elsewhere"), w.out("set/a")).unwrap();
            },
            "set/a`",
            "a file belongs",
        ),
        (
            |w| {
                fs::create_dir(w.out("elsewhere")).unwrap();
                symlink(w.out("elsewhere"), w.out("set")).unwrap();
            },
            "set`",
            "a folder belongs",
        ),
    ];
    for (stage, path, needed) in stages {
        for overwrite in [false, true] {
            let world = World::several(Version::Hybrid);
            stage(&world);
            let text = world.get_as(None, overwrite, None).unwrap_err().to_string();
            assert!(text.contains(path) && text.contains(needed), "{path} {needed}: {text}");
        }
    }
}

#[test]
fn a_read_only_file_that_is_right_is_not_touched() {
    let world = World::one_file(Version::V2);
    world.put_right("set");
    let mut mode = fs::metadata(world.out("set")).unwrap().permissions();
    mode.set_readonly(true);
    fs::set_permissions(world.out("set"), mode).unwrap();
    let before = fs::metadata(world.out("set")).unwrap();
    let opened = world.get_as(Some(&world.resume()), false, None).unwrap();
    opened.storage.finish().unwrap();
    assert!(opened.have.is_full());
    let after = fs::metadata(world.out("set")).unwrap();
    assert_eq!((before.mtime_nsec(), before.mode()), (after.mtime_nsec(), after.mode()));
}

#[test]
fn a_record_spares_the_check() {
    for format in FORMATS {
        for clean in [true, false] {
            let world = World::several(format);
            for name in ["set/a", "set/b/c", "set/empty", "set/z"] {
                world.put_right(name);
            }
            let (resume, all) = (world.resume(), world.pieces());
            let opened = world.get_as(Some(&resume), false, None).unwrap();
            assert_eq!(opened.have.ones(), all);
            if clean {
                resume.close(&opened.storage).unwrap();
            }
            drop((resume, opened));
            let purpose = get(false, None);
            let mut checked = 0;
            let (info, layers) = (&world.torrent.info, &world.torrent.piece_layers);
            let resume = world.resume();
            let again =
                open(info, layers, &world.out(""), Some(&resume), &purpose, &mut |done, _| {
                    checked = done;
                    ControlFlow::Continue(())
                });
            assert_eq!((again.unwrap().have.ones(), checked), (all, 0), "{format:?} {clean}");
        }
    }
}

#[test]
fn a_file_that_changed_since_is_checked_again() {
    for format in FORMATS {
        for clean in [true, false] {
            let world = World::one_file(format);
            world.put_right("set");
            let resume = world.resume();
            let opened = world.get_as(Some(&resume), false, None).unwrap();
            if clean {
                resume.close(&opened.storage).unwrap();
            }
            drop((resume, opened));
            let mut bytes = fs::read(world.out("set")).unwrap();
            bytes[PIECE as usize + 1] ^= 1;
            bytes.extend([1; 10]);
            world.put("set", &bytes);
            let opened = world.get_as(Some(&world.resume()), false, None).unwrap();
            assert_eq!(opened.have.ones(), 5, "{format:?}, clean: {clean}");
            assert!(!opened.have.get(1));
            // Gone altogether, it is simply fetched again.
            fs::remove_file(world.out("set")).unwrap();
            drop(opened);
            let opened = world.get_as(Some(&world.resume()), false, None).unwrap();
            assert_eq!(opened.have.ones(), 0);
        }
    }
}

#[test]
fn a_record_for_other_sizes_claims_nothing_wrong() {
    let world = World::one_file(Version::V1);
    world.put_right("set");
    let resume = world.resume();
    let opened = world.get_as(Some(&resume), false, None).unwrap();
    resume.close(&opened.storage).unwrap();
    // The same store, as if its name were another torrent's: more pieces, and fewer.
    for files in [&[("a", 900_000), ("b", 5)][..], &[("a", 40_000)]] {
        let other = World::new(Version::V1, files);
        let opened = other.get_as(Some(&resume), false, None).unwrap();
        assert_eq!((opened.have.len(), opened.have.ones()), (other.pieces(), 0));
    }
}

#[test]
fn seeding_wants_all_of_it() {
    for format in FORMATS {
        let world = World::several(format);
        assert!(world.seed(&world.source("set")).unwrap().have.is_full());
        let missing = world.seed(&world.source("nothing")).unwrap_err().to_string();
        assert!(missing.contains("there is no") && missing.contains("nothing"), "{missing}");
        // The folder above, as one easily types.
        let above = world.seed(&world.source("")).unwrap_err().to_string();
        assert!(above.contains("name the content itself"), "{above}");
        fs::write(world.source("set/z"), noise(99, 50_000)).unwrap();
        let wrong = world.seed(&world.source("set")).unwrap_err().to_string();
        assert!(wrong.contains("is not whole") && wrong.contains("pieces"), "{wrong}");
    }
}

#[test]
fn seeding_says_what_it_cannot_read() {
    let world = World::one_file(Version::V1);
    fs::remove_file(world.source("set")).unwrap();
    fs::create_dir(world.source("set")).unwrap();
    let text = world.seed(&world.source("set")).unwrap_err().to_string();
    assert!(text.contains("not a regular file"), "{text}");
}

#[test]
fn a_check_can_be_given_up() {
    let world = World::one_file(Version::V1);
    world.put_right("set");
    let purpose = get(false, None);
    let (info, layers) = (&world.torrent.info, &world.torrent.piece_layers);
    let stop = &mut |_, _| ControlFlow::Break(());
    let error = open(info, layers, &world.out(""), None, &purpose, stop).unwrap_err();
    assert!(matches!(error, OpenError::Disk(disk::Error::Cancelled)), "{error}");
}
