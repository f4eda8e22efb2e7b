use std::time::{Duration, SystemTime};

use hash::{Sha1Digest, sha1};

use super::*;
use crate::{Catalogue, Error, Opened, Seal, remove_stale};

type Seals = BTreeMap<Sha1Digest, Seal>;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("torrents")).unwrap();
        fs::create_dir(place.path("data")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self) -> (Catalogue, Seals, Opened) {
        self.try_open("data").unwrap()
    }

    fn try_open(&self, data: &str) -> Result<(Catalogue, Seals, Opened), Error> {
        Catalogue::open(&self.path("state"), &self.path("torrents"), &self.path(data))
    }

    /// The store itself.
    fn store(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.path("state")).unwrap().map(|it| it.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|it| it == "seeds")).unwrap()
    }
}

fn number(number: u32) -> Sha1Digest {
    sha1(&number.to_be_bytes())
}

/// Some seal.
fn seal() -> Seal {
    let dir = tree(1);
    let path = dir.path().join("tree");
    seeding(&torrent(&path, Version::V1), &path).seal()
}

#[test]
fn what_is_recorded_is_there_the_next_time() {
    let (place, seal) = (Place::new(), seal());
    let (catalogue, seals, opened) = place.open();
    assert_eq!((seals.len(), opened), (0, Opened::New));
    catalogue.record((0..1_000).map(|it| (number(it), Some(seal)))).unwrap();
    catalogue.record([(number(7), None), (number(1_000), Some(seal))]).unwrap();
    drop(catalogue);
    let (_catalogue, seals, opened) = place.open();
    assert_eq!(opened, Opened::Existing);
    let expected: Seals = (0..=1_000).filter(|it| *it != 7).map(|it| (number(it), seal)).collect();
    assert_eq!(seals, expected);
    fs::create_dir(place.path("other")).unwrap();
    let (_other, seals, _) = place.try_open("other").unwrap();
    assert_eq!(seals.len(), 0, "other content has a catalogue of its own");
}

#[test]
fn one_process_has_it_at_a_time() {
    let place = Place::new();
    let (catalogue, ..) = place.open();
    assert!(matches!(place.try_open("data"), Err(Error::Held { .. })));
    drop(catalogue);
    place.open();
}

#[test]
fn what_is_damaged_is_set_aside() {
    let (place, seal) = (Place::new(), seal());
    for at in [0, 4_096] {
        let (catalogue, ..) = place.open();
        catalogue.record((0..100).map(|it| (number(it), Some(seal)))).unwrap();
        drop(catalogue);
        let path = place.store();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at..at + 4_096].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let (_catalogue, seals, opened) = place.open();
        let Opened::SetAside(aside) = opened else { panic!("damaged at {at}: {opened:?}") };
        assert!(aside.exists() && seals.is_empty());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_catalogue_in_use_is_not_stale() {
    let place = Place::new();
    drop(place.open());
    let old = SystemTime::now() - Duration::from_hours(24 * 365);
    let store = place.store();
    let age = || fs::File::options().write(true).open(&store).unwrap().set_modified(old).unwrap();
    let before = SystemTime::now() - Duration::from_hours(24);
    age();
    drop(place.open());
    assert_eq!(remove_stale(&place.path("state"), before), 0, "it was opened");
    age();
    assert_eq!(remove_stale(&place.path("state"), before), 1);
    assert!(!store.exists());
}

#[test]
fn a_seal_tells_files_that_were_touched_changed_or_lost() {
    let dir = tree(5);
    let path = dir.path().join("tree");
    let torrent = torrent(&path, Version::Hybrid);
    let seal = || seeding(&torrent, &path).seal();
    let first = seal();
    assert_eq!(seal(), first);
    let file = fs::File::options().append(true).open(path.join("a.bin")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(1)).unwrap();
    let touched = seal();
    assert_ne!(touched, first);
    file.set_len(5).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(1)).unwrap();
    let cut = seal();
    assert_ne!(cut, touched);
    fs::remove_file(path.join("b/empty")).unwrap();
    assert_ne!(seal(), cut, "an empty file counts, too");
}
