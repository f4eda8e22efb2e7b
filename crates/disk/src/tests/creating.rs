use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use metainfo::Notice;

use super::*;
use crate::CreateError;

#[test]
fn the_same_files_give_the_same_bytes() {
    let (one, two) = (tree(1), tree(1));
    for format in FORMATS {
        let make = |dir: &TempDir, threads| {
            let path = dir.path().join("tree");
            let go_on = &mut |_, _| ControlFlow::Continue(());
            create(&path, options(format), threads, go_on).unwrap().torrent
        };
        assert_eq!(make(&one, 1), make(&two, 3), "{format}");
    }
}

#[test]
fn pipes_are_left_out_and_links_and_attributes_kept() {
    let dir = tree(2);
    let path = dir.path().join("tree");
    symlink("a.bin", path.join("link")).unwrap();
    fs::set_permissions(path.join("z.bin"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new("mkfifo").arg(path.join("pipe")).status().unwrap().success());
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let created = create(&path, options(Version::V1), 0, go_on).unwrap();
    let skipped =
        |notice: &Notice| matches!(notice, Notice::Skipped { path, .. } if path == "pipe");
    assert!(created.notices.iter().any(skipped), "{:?}", created.notices);
    let torrent = Metainfo::parse(&created.torrent).unwrap();
    let file = |name: &str| {
        let mut files = torrent.info.layout().files().iter();
        files.find(|file| file.path.ends_with(name)).unwrap()
    };
    assert_eq!(file("link").symlink.as_deref(), Some(Path::new("a.bin")));
    assert!(file("z.bin").executable && !file("a.bin").executable);
}

#[test]
fn a_file_that_changes_meanwhile_is_an_error() {
    let dir = tree(3);
    let path = dir.path().join("tree");
    let victim = path.join("z.bin");
    let touch = &mut |_, _| {
        fs::write(&victim, b"other!!").unwrap();
        ControlFlow::Continue(())
    };
    let result = create(&path, options(Version::Hybrid), 1, touch);
    assert!(matches!(result, Err(CreateError::Changed(path)) if path == victim));
}

#[test]
fn a_single_file_may_be_named_through_a_link() {
    let dir = tree(4);
    let link = dir.path().join("here");
    symlink(dir.path().join("tree/a.bin"), &link).unwrap();
    let torrent = torrent(&link, Version::Hybrid);
    assert!(torrent.info.is_single_file());
    let storage = seeding(&torrent, &link);
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let report = crate::check(&storage, &judge(&torrent), crate::Which::All, 0, go_on).unwrap();
    assert!(report.good.is_full());
}
