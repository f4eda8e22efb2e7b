use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use cache::Done;
use stdx::{BlockRange, FileIndex, PieceIndex, Pool, TorrentId};

use super::*;
use crate::{Change, Disk, DiskConfig};

static NEVER: AtomicBool = AtomicBool::new(false);

/// A watched tree, whose files were last written an hour ago.
struct Stage {
    dir: TempDir,
    torrent: Metainfo,
    storage: Arc<Storage>,
}

impl Stage {
    fn new(format: Version) -> Self {
        let dir = tree(7);
        let root = dir.path().join("tree");
        for name in contents(&root).keys() {
            age(&root.join(name));
        }
        let torrent = torrent(&root, format);
        let storage = Arc::new(seeding(&torrent, &root));
        storage.watch();
        Self { dir, torrent, storage }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("tree").join(name)
    }

    fn file(&self, name: &str) -> FileIndex {
        let mut files = self.storage.content().files().iter();
        let at = files.position(|file| file.path.ends_with(name)).unwrap();
        FileIndex(at as u32)
    }

    /// How many of a file's pieces are right, of how many.
    fn recheck(&self, name: &str) -> (usize, u32) {
        let judge = judge(&self.torrent);
        let rechecked = self.storage.recheck(&judge, self.file(name), &NEVER).unwrap();
        (rechecked.good.len(), rechecked.pieces)
    }
}

fn age(path: &Path) {
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
}

fn overwrite(path: &Path) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(&[0; 10]).unwrap();
}

#[test]
fn every_change_is_noticed_and_what_is_right_is_found() {
    let check = |change: &dyn Fn(&Path), expected: Change, good: usize| {
        for format in [Version::V2, Version::Hybrid] {
            let stage = Stage::new(format);
            let file = stage.file("a.bin");
            assert!(stage.storage.look().changed.is_empty() && stage.storage.is_unchanged(file));
            change(&stage.path("a.bin"));
            assert_eq!(stage.storage.look().changed, [(file, expected)]);
            assert!(!stage.storage.is_unchanged(file));
            assert!(stage.storage.is_unchanged(stage.file("zz.bin")));
            assert!(stage.storage.look().changed.is_empty(), "it is told once");
            assert_eq!(stage.recheck("a.bin"), (good, 7), "{expected}");
            let there = stage.path("a.bin").exists();
            assert_eq!(stage.storage.is_unchanged(file), there, "{expected}");
        }
    };
    check(&|path| drop(fs::remove_file(path)), Change::Gone, 0);
    let resize = |path: &Path, size| {
        File::options().write(true).open(path).unwrap().set_len(size).unwrap();
    };
    check(&|path| resize(path, 40_000), Change::Shorter, 1);
    check(&|path| resize(path, 300_000), Change::Longer, 7);
    check(&overwrite, Change::Written, 6);
    let touch = |path: &Path| File::open(path).unwrap().set_modified(SystemTime::now()).unwrap();
    check(&touch, Change::Written, 7);
    let replace = |path: &Path| {
        fs::write(path.with_extension("new"), vec![1; 200_001]).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    check(&replace, Change::Replaced, 0);
    let make_folder = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    let stage = Stage::new(Version::Hybrid);
    make_folder(&stage.path("a.bin"));
    assert_eq!(stage.storage.look().changed, [(stage.file("a.bin"), Change::Gone)]);
}

#[test]
fn a_file_that_comes_back_is_right_again() {
    let stage = Stage::new(Version::Hybrid);
    let aside = stage.dir.path().join("aside");
    fs::rename(stage.path("a.bin"), &aside).unwrap();
    assert_eq!(stage.storage.look().changed, [(stage.file("a.bin"), Change::Gone)]);
    assert_eq!(stage.recheck("a.bin").0, 0);
    assert_eq!(stage.storage.trusted_stat(stage.file("a.bin")), None);
    fs::rename(&aside, stage.path("a.bin")).unwrap();
    assert_eq!(stage.storage.look().changed, [(stage.file("a.bin"), Change::Replaced)]);
    assert_eq!(stage.recheck("a.bin"), (7, 7));
    assert!(stage.storage.is_unchanged(stage.file("a.bin")));
    assert!(stage.storage.trusted_stat(stage.file("a.bin")).is_some());
}

#[test]
fn a_piece_of_two_files_waits_for_both() {
    // In v1 the piece at the end of `a.bin` goes on in the next file.
    let stage = Stage::new(Version::V1);
    let next = "b/c/d/e/f/deep.bin";
    overwrite(&stage.path(next));
    let touched = File::open(stage.path("a.bin")).unwrap();
    touched.set_modified(SystemTime::now()).unwrap();
    assert_eq!(stage.storage.look().changed.len(), 2);
    let (good, pieces) = stage.recheck("a.bin");
    assert_eq!(good as u32 + 1, pieces);
}

#[test]
fn a_record_does_not_trust_what_changed() {
    let stage = Stage::new(Version::Hybrid);
    let file = stage.file("a.bin");
    assert!(stage.storage.trusted_stat(file).is_some());
    overwrite(&stage.path("a.bin"));
    assert_eq!(stage.storage.trusted_stat(file), None, "also before it was noticed");
    stage.storage.look();
    stage.recheck("a.bin");
    assert_eq!(stage.storage.trusted_stat(file), None, "it is not whole");
}

#[test]
fn an_upload_gets_nothing_of_a_changed_file_and_the_alarm_is_raised_once() {
    let stage = Stage::new(Version::Hybrid);
    let alarms = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&alarms);
    stage.storage.on_change(move || {
        heard.fetch_add(1, Ordering::Relaxed);
    });
    let config = DiskConfig { io_threads: 1, hash_threads: 1 };
    let disk = Disk::start(&config, Pool::new(8), |_: Done| {}).unwrap();
    disk.attach(TorrentId(1), Arc::clone(&stage.storage));
    let read = |file: &str| {
        let piece = stage.storage.content().file_pieces(stage.file(file)).start;
        let range = BlockRange { piece: PieceIndex(piece), begin: 0, length: 10 };
        let (send, receive) = channel();
        let reply = move |blocks: Vec<(BlockRange, Option<stdx::Buf>)>| {
            send.send(blocks[0].1.is_some()).unwrap();
        };
        disk.read(TorrentId(1), vec![range], Box::new(reply));
        receive.recv().unwrap()
    };
    assert!(read("a.bin") && read("zz.bin"));
    overwrite(&stage.path("a.bin"));
    assert!(!read("a.bin") && !read("a.bin") && read("zz.bin"));
    assert_eq!(alarms.load(Ordering::Relaxed), 1);
    assert_eq!(stage.storage.look().changed, [(stage.file("a.bin"), Change::Written)]);
    stage.recheck("a.bin");
    assert!(read("a.bin"), "what was verified anew is served, whatever it is");
    // The handle is open, the bytes are there: only its place is empty, which the look tells.
    fs::remove_file(stage.path("zz.bin")).unwrap();
    assert!(read("zz.bin"));
    assert_eq!(stage.storage.look().changed, [(stage.file("zz.bin"), Change::Gone)]);
    assert!(!read("zz.bin"));
    assert_eq!(alarms.load(Ordering::Relaxed), 1);
}

#[test]
fn what_cannot_be_read_is_told_as_that() {
    let stage = Stage::new(Version::Hybrid);
    let file = stage.file("a.bin");
    let piece = PieceIndex(stage.storage.content().file_pieces(file).start);
    let error = crate::Error::Short { path: stage.storage.file_path(file) };
    stage.storage.suspect(piece, &error);
    assert!(!stage.storage.is_unchanged(file));
    assert_eq!(stage.storage.look().changed, [(file, Change::Unreadable)]);
}
