use std::path::PathBuf;

use hash::Sha1Digest;
use metainfo::{Metainfo, PieceHashes, Plan, PlanOptions, SourceEntry, Version};

use super::*;

pub(crate) const MAGNET: &str = "magnet:?xt=urn:btih:0&dn=x&tr=http%3A%2F%2F198.18.0.1%2Fannounce";

/// The site of a v1 torrent with these files, by path and length; of one file when there is just
/// one with an empty path.
pub(crate) fn site(name: &str, files: &[(&str, u64)]) -> Site {
    let entry = |&(path, length): &(&str, u64)| SourceEntry {
        path: PathBuf::from(path),
        length,
        ..SourceEntry::default()
    };
    of(name, files.iter().map(entry).collect())
}

pub(crate) fn of(name: &str, entries: Vec<SourceEntry>) -> Site {
    let format = Some(Version::V1);
    let options = PlanOptions { name: name.into(), format, ..PlanOptions::default() };
    let plan = Plan::new(entries, options).unwrap();
    let hashes = PieceHashes { v1: Some(Sha1Digest([7; 20])), v2: None };
    let bytes = plan.finish(&vec![hashes; plan.layout().pieces() as usize]);
    let info = Metainfo::parse(&bytes).unwrap().info;
    // Whatever names say, the page has to stand it.
    let info = info.with_original_names().map_or(info, Arc::new);
    Site::new(info, MAGNET.to_owned())
}

/// What a path leads to: the file's path.
fn check(site: &Site, path: &str, expected: Option<&str>) {
    let file = match site.route(path, None) {
        Route::File(file) => Some(file),
        _ => None,
    };
    let found = file.map(|file| site.file(file).unwrap().path.to_str().unwrap());
    assert_eq!(found, expected, "{path}");
}

#[test]
fn files_are_found_as_a_web_seed_names_them() {
    let tree = site("tree", &[("a b/ä.txt", 1), ("a b/x", 2), ("a", 3), ("100%", 4), ("ü/ü", 5)]);
    let cases = [
        ("/files/tree/a", Some("tree/a")),
        ("/files/tree/a%20b/%C3%A4.txt", Some("tree/a b/ä.txt")),
        ("/files/tree/a%20b/%c3%a4%2Etxt", Some("tree/a b/ä.txt")),
        ("/files/tree/100%25", Some("tree/100%")),
        ("/files/%74ree/a", Some("tree/a")),
        ("/files/tree/a%20b%2Fx", None),
        ("/files/tree/a%20b/", None),
        ("/files/tree//a", None),
        ("/files//tree/a", None),
        ("/files/tree", None),
        ("/files/tree/", None),
        ("/files/", None),
        ("/files", None),
        ("/files/a", None),
        ("/files/tree/a/x", None),
        ("/files/tree/%ff", None),
        ("/files/tree/a%00", None),
        ("/tree/a", None),
    ];
    for (path, expected) in cases {
        check(&tree, path, expected);
    }
    let file = site("release.iso", &[("", 5)]);
    check(&file, "/files/release.iso", Some("release.iso"));
    check(&file, "/files/release.iso/", None);
}

#[test]
fn nothing_leads_out_of_the_torrent() {
    let tree = site("tree", &[("a", 1), ("sub/b", 1)]);
    for path in [
        "/files/tree/../tree/a",
        "/files/tree/sub/../a",
        "/files/tree/%2e%2e/tree/a",
        "/files/tree/./a",
        "/files/..%2f..%2fetc%2fpasswd",
        "/files//etc/passwd",
        "/files/tree/sub%5c..%5ca",
        "/../etc/passwd",
        "//files/tree/a",
    ] {
        check(&tree, path, None);
    }
}

#[test]
fn links_are_not_given_out() {
    let link =
        SourceEntry { path: "link".into(), symlink: Some("a".into()), ..SourceEntry::default() };
    let file = SourceEntry { path: "a".into(), length: 1, ..SourceEntry::default() };
    let tree = of("tree", vec![file, link]);
    assert_eq!(tree.route("/files/tree/link", None), Route::Nothing(Problem::Link));
    let page = tree.page(1, Swarm::default());
    assert!(page.contains("→ <bdi>a</bdi>") && !page.contains("tree/link"), "{page}");
}

#[test]
fn the_page_and_the_torrent_have_their_places() {
    use Route::{Nothing, Page, Torrent};
    let many: Vec<String> = (0..600).map(|n| format!("{n:03}")).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|name| (&**name, 1)).collect();
    let tree = site("ü", &many);
    let cases = [
        ("/", None, Page(1)),
        ("/", Some(""), Page(1)),
        ("/", Some("page=3"), Page(3)),
        ("/", Some("x=1&page=2"), Page(2)),
        ("/", Some("page=0"), Nothing(Problem::NoPage)),
        ("/", Some("page=4"), Nothing(Problem::NoPage)),
        ("/", Some("page=99999999999999999999999"), Nothing(Problem::NoPage)),
        ("/", Some("page=-1"), Nothing(Problem::NoPage)),
        ("/%C3%BC.torrent", None, Torrent),
        ("/ü.torrent", None, Torrent),
        ("/u.torrent", None, Nothing(Problem::NotFound)),
        ("/.torrent", None, Nothing(Problem::NotFound)),
        ("", None, Nothing(Problem::NotFound)),
        ("*", None, Nothing(Problem::NotFound)),
    ];
    for (path, query, expected) in cases {
        assert_eq!(tree.route(path, query), expected, "{path}?{query:?}");
    }
}

#[test]
fn every_file_has_a_tag_of_its_own() {
    let (tree, other) = (site("tree", &[("a", 1), ("b", 1)]), site("tree", &[("a", 2), ("b", 1)]));
    let tags = [tree.tag(FileIndex(0)), tree.tag(FileIndex(1)), other.tag(FileIndex(0))];
    assert!(tags[0] != tags[1] && tags[0] != tags[2], "{tags:?}");
    assert!(tags[0].starts_with('"') && tags[0].ends_with('"'), "{tags:?}");
}
