use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use cache::{Fault, FaultKind, Part};
use metainfo::{FileEntry, Item, Layout};
use stdx::{BlockIndex, Buf, FileIndex, PieceIndex};

use super::*;
use crate::{Error, FileStat};

fn layout(files: &[(&str, u64)]) -> Arc<Layout> {
    let item = |&(path, length): &(&str, u64)| {
        Item::File(FileEntry { path: path.into(), length, ..FileEntry::default() })
    };
    Arc::new(Layout::new(Version::V1, PIECE, files.iter().map(item)).unwrap())
}

fn storage(layout: &Arc<Layout>, dir: &Path) -> Storage {
    Storage::new(Arc::clone(layout), dir, None, StorageOptions::default())
}

/// One part with a block's worth of its number.
fn part(layout: &Layout, piece: u32, block: u32) -> Part {
    let range = layout.request(PieceIndex(piece), BlockIndex(block)).unwrap();
    let bytes = vec![(piece * 16 + block + 1) as u8; range.length as usize];
    Part { begin: range.begin, data: Arc::new(Buf::copy_of(&bytes)) }
}

fn write_all(storage: &Storage) -> Result<(), Error> {
    let layout = storage.content();
    for piece in 0..layout.pieces() {
        let blocks = 0..layout.block_count(PieceIndex(piece));
        let parts: Vec<Part> = blocks.map(|block| part(layout, piece, block)).collect();
        storage.write(PieceIndex(piece), &parts)?;
    }
    Ok(())
}

fn check_all(storage: &Storage) {
    let layout = storage.content();
    for piece in 0..layout.pieces() {
        for block in 0..layout.block_count(PieceIndex(piece)) {
            let expected = part(layout, piece, block);
            let mut found = vec![0; expected.data.len()];
            let (one, two) = found.split_at_mut(77);
            storage.read(PieceIndex(piece), expected.begin, &mut [one, two]).unwrap();
            assert!(found == expected.data[..], "{piece}:{block}");
        }
    }
}

#[test]
fn pieces_spread_over_files_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let layout = layout(&[("t/a", 5), ("t/b/c", 70_000), ("t/d", 0), ("t/e", 40_000)]);
    for max_open in [1, 64] {
        let options = StorageOptions { max_open, preallocate: true, ..StorageOptions::default() };
        let storage = Storage::new(Arc::clone(&layout), dir.path(), None, options);
        write_all(&storage).unwrap();
        check_all(&storage);
        storage.sync(&[FileIndex(0), FileIndex(1), FileIndex(2)]).unwrap();
        storage.finish().unwrap();
        assert_eq!(fs::metadata(dir.path().join("t/d")).unwrap().len(), 0);
        assert_eq!(storage.content_path(), dir.path().join("t"));
    }
}

#[test]
fn links_below_the_output_folder_are_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    let layout = layout(&[("t/b/c", 70_000)]);
    let check = |make: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let storage = storage(&layout, dir.path());
        let error = write_all(&storage).unwrap_err();
        assert!(matches!(error, Error::Link { .. }), "{error}");
        let error = storage.read(PieceIndex(0), 0, &mut [&mut [0; 9]]).unwrap_err();
        assert!(matches!(error, Error::Link { .. }), "{error}");
    };
    check(&|dir| symlink(outside.path(), dir.join("t")).unwrap());
    check(&|dir| {
        fs::create_dir(dir.join("t")).unwrap();
        symlink(outside.path(), dir.join("t/b")).unwrap();
    });
    check(&|dir| {
        fs::create_dir_all(dir.join("t/b")).unwrap();
        fs::write(outside.path().join("file"), b"mine").unwrap();
        symlink(outside.path().join("file"), dir.join("t/b/c")).unwrap();
    });
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn what_is_in_the_way_is_named() {
    let layout = layout(&[("t/a", 70_000)]);
    let check = |make: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let error = write_all(&storage(&layout, dir.path())).unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }), "{error}");
        assert!(error.to_string().contains("is in the way"), "{error}");
    };
    check(&|dir| fs::create_dir_all(dir.join("t/a")).unwrap());
    check(&|dir| fs::write(dir.join("t"), b"a file").unwrap());
    check(&|dir| {
        fs::create_dir(dir.join("t")).unwrap();
        assert!(Command::new("mkfifo").arg(dir.join("t/a")).status().unwrap().success());
    });
}

/// Neighbours, files with other folders between them, and what is no file.
#[test]
fn files_are_found_where_they_are_and_through_no_link() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["t/a/1", "t/a/2", "t/b/1", "t/a/3", "t/link/1", "t/4", "t/gone/5", "t/folder"];
    let layout = layout(&names.map(|name| (name, 9)));
    for (at, name) in names.iter().enumerate() {
        let path = dir.path().join(name.replace("link", "elsewhere"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![7; at]).unwrap();
    }
    symlink("elsewhere", dir.path().join("t/link")).unwrap();
    fs::remove_dir_all(dir.path().join("t/gone")).unwrap();
    fs::remove_file(dir.path().join("t/folder")).unwrap();
    fs::create_dir(dir.path().join("t/folder")).unwrap();
    let storage = storage(&layout, dir.path());
    let found = storage.stat();
    let sizes: Vec<Option<u64>> = found.iter().map(|it| it.map(|stat| stat.size)).collect();
    assert_eq!(sizes, [Some(0), Some(1), Some(2), Some(3), None, Some(5), None, None]);
    for (file, stat) in (0..).map(FileIndex).zip(found) {
        assert_eq!(storage.stat_file(file), stat);
        let meta = storage.file_path(file).symlink_metadata();
        let meta = meta.ok().filter(|meta| meta.is_file() && stat.is_some());
        assert_eq!(meta.as_ref().map(FileStat::of), stat, "as the standard library has it");
    }
}

/// What cannot be opened for want of handles is not gone.
#[test]
fn files_are_found_when_no_handle_is_left() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/a"), b"here").unwrap();
    let storage = storage(&layout(&[("t/a", 4), ("t/b", 4)]), dir.path());
    let usual = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..usual }).unwrap();
    let (opened, found) = (storage.open_to_read(FileIndex(0)), storage.stat());
    setrlimit(Resource::Nofile, usual).unwrap();
    assert!(matches!(opened, Err(Error::Io { .. })), "{opened:?}");
    assert_eq!(found[0].map(|stat| stat.size), Some(4));
    assert_eq!(found[1], None);
}

#[test]
fn a_short_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let layout = layout(&[("t/a", 70_000)]);
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/a"), b"short").unwrap();
    let error = storage(&layout, dir.path()).read(PieceIndex(0), 0, &mut [&mut [0; 9]]);
    let error = error.unwrap_err();
    assert_eq!(error.path(), Some(&*dir.path().join("t/a")));
    assert_eq!(Fault::from(&error).kind, FaultKind::Changed);
}

#[test]
fn finishing_makes_links_and_executables_and_cuts_what_is_longer() {
    let dir = tempfile::tempdir().unwrap();
    let file = |path: &str, length| FileEntry { path: path.into(), length, ..Default::default() };
    let items = [
        FileEntry { executable: true, ..file("t/run", 9) },
        FileEntry { symlink: Some("run".into()), ..file("t/link", 0) },
    ];
    let layout = Layout::new(Version::V1, PIECE, items.map(Item::File)).unwrap();
    let storage = storage(&Arc::new(layout), dir.path());
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/run"), b"longer than nine").unwrap();
    for _ in 0..2 {
        storage.finish().unwrap();
    }
    let run = dir.path().join("t/run");
    assert_eq!(fs::read(dir.path().join("t/link")).unwrap(), b"longer th");
    assert_ne!(fs::metadata(run).unwrap().permissions().mode() & 0o100, 0);
}

#[test]
fn a_full_disk_is_said_in_words_and_leaves_room_for_more() {
    let dir = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let command = Command::new(arguments[0]).args(&arguments[1..]).arg(dir.path()).output();
        command.is_ok_and(|output| output.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=256k", "none"]) {
        let note = "SKIPPED a_full_disk_is_said_in_words: needs root to mount a tmpfs\n";
        std::io::stderr().write_all(note.as_bytes()).unwrap();
        return;
    }
    let storage = storage(&layout(&[("t/a", 1 << 20)]), dir.path());
    let error = write_all(&storage).unwrap_err();
    let fault = Fault::from(&error);
    let more = mount(&["mount", "-o", "remount,size=4m"]);
    let retried = write_all(&storage).is_ok();
    drop(storage);
    mount(&["umount"]);
    assert_eq!(fault.kind, FaultKind::Full);
    assert!(fault.message.contains("t/a") && fault.message.contains("no space left"), "{fault}");
    assert!(more && retried);
}
