use std::os::unix::fs::FileExt as _;

use super::*;
use crate::{CheckReport, Error, Extent, Which, check};

fn run(torrent: &Metainfo, path: &Path) -> CheckReport {
    let storage = seeding(torrent, path);
    let go_on = &mut |_, _| ControlFlow::Continue(());
    check(&storage, &judge(torrent), Which::All, 2, go_on).unwrap()
}

#[test]
fn what_was_created_checks_whole() {
    let dir = tree(1);
    for format in FORMATS {
        let report = run(&torrent(&dir.path().join("tree"), format), &dir.path().join("tree"));
        assert!(report.good.is_full() && report.files.is_empty(), "{format} {report:?}");
        assert!(report.trouble.is_none());
    }
}

#[test]
fn one_wrong_byte_spoils_its_piece_alone() {
    for format in FORMATS {
        let dir = tree(2);
        let path = dir.path().join("tree");
        let torrent = torrent(&path, format);
        let file = fs::File::options().write(true).open(path.join("a.bin")).unwrap();
        let at = 3 * PIECE + 5;
        let old = fs::read(path.join("a.bin")).unwrap()[at as usize];
        file.write_all_at(&[old ^ 1], at).unwrap();
        let bad: Vec<u32> = run(&torrent, &path).good.iter_zeros().collect();
        let offset = torrent.info.layout().files().iter().find(|it| it.path.ends_with("a.bin"));
        assert_eq!(bad, [((offset.unwrap().offset + at) / PIECE) as u32], "{format}");
    }
}

#[test]
fn files_of_the_wrong_size_are_named() {
    let dir = tree(3);
    let path = dir.path().join("tree");
    let torrent = torrent(&path, Version::V2);
    fs::remove_file(path.join("z.bin")).unwrap();
    fs::write(path.join("zz.bin"), b"short").unwrap();
    let longer = fs::File::options().append(true).open(path.join("a.bin")).unwrap();
    longer.write_all_at(b"more", 200_001).unwrap();
    let report = run(&torrent, &path);
    let name = |issue: &crate::FileIssue| {
        let file = &torrent.info.layout().files()[issue.file.get()];
        (file.path.file_name().unwrap().to_str().unwrap().to_owned(), issue.extent)
    };
    let found: BTreeMap<_, _> = report.files.iter().map(name).collect();
    let expected = [
        ("a.bin", Extent::Longer(200_005)),
        ("z.bin", Extent::Missing),
        ("zz.bin", Extent::Short(5)),
    ];
    assert_eq!(found, expected.map(|(name, it)| (name.to_owned(), it)).into());
    assert!(report.trouble.is_none());
}

#[test]
fn what_cannot_be_read_spoils_its_pieces_alone() {
    for format in [Version::V2, Version::Hybrid] {
        let dir = tree(5);
        let path = dir.path().join("tree");
        let torrent = torrent(&path, format);
        fs::remove_file(path.join("zz.bin")).unwrap();
        let layout = torrent.info.layout();
        let gone = layout.files().iter().position(|it| it.path.ends_with("zz.bin")).unwrap();
        let gone = layout.file_pieces(stdx::FileIndex(gone as u32));
        let bad: Vec<u32> = run(&torrent, &path).good.iter_zeros().collect();
        assert_eq!(bad, gone.collect::<Vec<_>>(), "{format}");
    }
}

#[test]
fn a_check_can_be_cancelled() {
    let dir = tree(4);
    let path = dir.path().join("tree");
    let torrent = torrent(&path, Version::V1);
    let storage = seeding(&torrent, &path);
    let stop = &mut |_, _| ControlFlow::Break(());
    let result = check(&storage, &judge(&torrent), Which::All, 2, stop);
    assert!(matches!(result, Err(Error::Cancelled)));
}
