//! `seed --dir`: torrents that sleep until somebody wants them.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::{Place, Running, assert_same, noise};

const SIZE: usize = 40_000;

/// A folder of torrents, and one of their content.
struct Folder(Place);

impl Folder {
    fn new(count: usize) -> Self {
        let place = Place::new();
        place.folder("torrents");
        place.folder("data");
        for number in 0..count {
            fs::write(place.path(&content(number)), noise(number as u64, SIZE)).unwrap();
            let args = ["create", &content(number), "-o", &torrent(number), "--format", "hybrid"];
            let made = place.run(&[&args[..], &["--piece-length", "16KiB"]].concat());
            assert!(made.status.success(), "{made:?}");
        }
        Self(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Starts to seed; returns what is told of so many torrents.
    fn seed(&self, count: usize) -> (Running, Vec<Value>) {
        let listen = ["--listen", "127.0.0.1:0", "--no-discovery"];
        let args = [&["seed", "--dir", "torrents", "--data", "data"], &listen[..]].concat();
        let mut seed = self.0.start(&args);
        let ready = (0..count).map(|_| seed.wait_for("ready")).collect();
        (seed, ready)
    }

    /// Gets a torrent whole, by what was told of it.
    fn get(&self, ready: &[Value], number: usize, to: &str) {
        let mut get = self.0.get(&magnet(ready, number), to, &[]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0));
        assert_same(&self.path(&content(number)), &self.path(to).join(name(number)));
    }

    /// Cannot get it, for this reason that the seed tells.
    fn miss(&self, (seed, ready): (&mut Running, &[Value]), number: usize, says: &str) {
        let mut get = self.0.get(&magnet(ready, number), "nowhere", &["--give-up", "2s"]);
        let line = seed.wait_for_line("no longer served");
        assert!(line.contains(&name(number)) && line.contains(says), "{line}");
        assert_eq!(get.exit_code(), Some(1));
    }
}

fn name(number: usize) -> String {
    format!("{number:03}.bin")
}

fn content(number: usize) -> String {
    format!("data/{}", name(number))
}

fn torrent(number: usize) -> String {
    format!("torrents/{}.torrent", name(number))
}

/// The link to a torrent, which names the seed's address, too.
fn magnet(ready: &[Value], number: usize) -> String {
    let of_it = ready.iter().find(|it| it["torrent"] == torrent(number).as_str());
    of_it.expect("it was told of")["magnet"].as_str().expect("a magnet").to_owned()
}

fn end(mut seed: Running) {
    seed.interrupt();
    assert_eq!(seed.exit_code(), Some(0));
    assert_eq!(seed.events().last().expect("something was told")["event"], "stopped");
}

#[test]
fn whoever_wants_one_of_many_gets_it() {
    const COUNT: usize = 60;
    let folder = Folder::new(COUNT);
    for start in ["first", "second"] {
        let (seed, ready) = folder.seed(COUNT);
        for (turn, number) in [0, 17, 59, 17].into_iter().enumerate() {
            folder.get(&ready, number, &format!("{start}/{turn}"));
        }
        end(seed);
    }
}

#[test]
fn what_changed_is_noticed_when_somebody_wants_it() {
    let folder = Folder::new(8);
    let (seed, _) = folder.seed(8);
    end(seed);
    fs::remove_file(folder.path(&content(1))).unwrap();
    fs::write(folder.path(&content(2)), noise(99, SIZE)).unwrap();
    let open = |number| fs::File::options().write(true).open(folder.path(&content(number)));
    open(3).unwrap().set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
    open(4).unwrap().set_len(SIZE as u64 / 2).unwrap();

    // All are told of: what was whole is believed without a look.
    let (mut seed, ready) = folder.seed(8);
    fs::remove_file(folder.path(&torrent(5))).unwrap();
    fs::copy(folder.path(&torrent(7)), folder.path(&torrent(6))).unwrap();
    folder.miss((&mut seed, &ready), 1, "cannot find");
    folder.miss((&mut seed, &ready), 2, "something else");
    folder.get(&ready, 3, "there");
    folder.miss((&mut seed, &ready), 4, "not whole");
    folder.miss((&mut seed, &ready), 5, "cannot open");
    folder.miss((&mut seed, &ready), 6, "another torrent now");
    folder.get(&ready, 7, "there");
    end(seed);

    // From now on it is known; and the sixth torrent is the same as the seventh.
    let (mut seed, ready) = folder.seed(3);
    let mut torrents: Vec<&str> = ready.iter().filter_map(|it| it["torrent"].as_str()).collect();
    torrents.sort_unstable();
    assert_eq!(torrents, [0, 3, 6].map(torrent));
    for number in [1, 2, 4] {
        let line = seed.wait_for_line("cannot seed");
        assert!(line.contains(&torrent(number)), "{line}");
    }
    end(seed);
}

#[test]
fn a_folder_is_seeded_by_one_process() {
    let folder = Folder::new(1);
    let (seed, _) = folder.seed(1);
    let args = ["seed", "--dir", "torrents", "--data", "data", "--listen", "127.0.0.1:0"];
    let second = folder.0.run(&args);
    let stderr = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("held by process {}", seed.pid())), "{stderr}");
    end(seed);
}
