use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use metainfo::Notice;

use super::*;
use crate::{CreateError, Roots, create_several};

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

/// More than a thread keeps open, in more than one folder.
#[test]
fn thousands_of_tiny_files_are_hashed_in_their_order() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("tree");
    let mut all = Vec::new();
    for folder in ["a", "a/b", "c"] {
        fs::create_dir_all(path.join(folder)).unwrap();
    }
    for (number, folder) in ["a", "a/b", "c"].into_iter().cycle().take(3_000).enumerate() {
        fs::write(path.join(folder).join(format!("{number:04}")), number.to_be_bytes()).unwrap();
    }
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let created = create(&path, options(Version::V1), 2, go_on).unwrap();
    let info = Metainfo::parse(&created.torrent).unwrap().info;
    let layout = info.layout();
    for file in layout.files() {
        all.extend(fs::read(dir.path().join(&file.path)).unwrap());
    }
    assert_eq!(all.len(), 24_000);
    for (piece, bytes) in all.chunks(layout.piece_length() as usize).enumerate() {
        assert_eq!(
            info.v1_hash(stdx::PieceIndex(piece as u32)),
            Some(hash::sha1(bytes)),
            "{piece}"
        );
    }
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

/// The entries of `tree`, some of them moved elsewhere.
fn roots(dir: &TempDir, moved: &[&str]) -> Roots {
    let tree = dir.path().join("tree");
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    for name in moved {
        fs::rename(tree.join(name), elsewhere.join(name)).unwrap();
    }
    let entries = [tree, elsewhere].map(|folder| fs::read_dir(folder).unwrap());
    entries
        .into_iter()
        .flatten()
        .map(|it| it.unwrap())
        .map(|it| (it.file_name(), it.path()))
        .collect()
}

#[test]
fn what_is_gathered_gives_the_bytes_of_the_same_folder() {
    for format in FORMATS {
        for moved in [&[][..], &["a.bin", "grüße"]] {
            let dir = tree(5);
            let whole = torrent(&dir.path().join("tree"), format);
            let roots = roots(&dir, moved);
            let go_on = &mut |_, _| ControlFlow::Continue(());
            let created = create_several(&roots, options(format), 0, go_on).unwrap();
            assert!(created.torrent == whole.to_bytes(), "{format}, {moved:?}");
            let storage = seeding(&whole, Path::new("nowhere")).with_roots(roots);
            let report = crate::check(&storage, &judge(&whole), crate::Which::All, 0, go_on);
            assert!(report.unwrap().good.is_full(), "{format}, {moved:?}");
        }
    }
}

#[test]
fn links_between_what_is_gathered_need_it_side_by_side() {
    for (moved, kept) in [(&[][..], true), (&["a.bin"], false)] {
        let dir = tree(6);
        symlink("../a.bin", dir.path().join("tree/b/out")).unwrap();
        symlink("c/d", dir.path().join("tree/b/in")).unwrap();
        symlink("e/f/deep.bin", dir.path().join("tree/b/c/d/file")).unwrap();
        let roots = roots(&dir, moved);
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let created = create_several(&roots, options(Version::V1), 0, go_on).unwrap();
        let torrent = Metainfo::parse(&created.torrent).unwrap();
        let files = torrent.info.layout().files().iter();
        let links: Vec<_> = files.filter(|file| file.symlink.is_some()).collect();
        let has = |name: &str| links.iter().any(|file| file.path.ends_with(name));
        assert!(has("b/c/d/file"));
        assert_eq!(has("b/out"), kept, "{:?}", created.notices);
        let told =
            |notice: &Notice| matches!(notice, Notice::Skipped { path, .. } if path == "b/out");
        assert_eq!(created.notices.iter().any(told), !kept);
    }
}
