use std::path::PathBuf;
use std::sync::LazyLock;

use hash::Sha1Digest;
use metainfo::{Metainfo, PieceHashes, Plan, PlanOptions, SourceEntry};
use page::{Conditions, Route, Selection, Site, Swarm, Version, select};

/// A tree with names that are hard to write in a URL, a link, and more files than one page lists.
static SITE: LazyLock<Site> = LazyLock::new(|| {
    let named = ["ä b/日本", "100%", "a+b&c=d", "..."].map(str::to_owned);
    let names = named.into_iter().chain((0..300).map(|n| format!("many/{n}")));
    let entry = |path: String| SourceEntry { path: path.into(), length: 9, ..Default::default() };
    let mut entries: Vec<SourceEntry> = names.map(entry).collect();
    let symlink = Some(PathBuf::from("100%"));
    entries.push(SourceEntry { path: "link".into(), symlink, ..SourceEntry::default() });
    let format = Some(metainfo::Version::V1);
    let options = PlanOptions { name: "tree".to_owned(), format, ..PlanOptions::default() };
    let plan = Plan::new(entries, options).expect("it is a fine tree");
    let hashes = PieceHashes { v1: Some(Sha1Digest([7; 20])), v2: None };
    let bytes = plan.finish(&vec![hashes; plan.layout().pieces() as usize]);
    let torrent = Metainfo::parse(&bytes).expect("what we write, we read");
    Site::new(torrent.info, "magnet:?xt=urn:btih:0".to_owned())
});

/// Requests for a share's page, as lines: path, query, and the headers that make a request
/// conditional. What is found is there, and what is given of it is part of it.
pub fn fuzz_page(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n').map(|line| str::from_utf8(line).ok());
    let mut line = || lines.next().flatten().filter(|line| !line.is_empty());
    let (path, query) = (line().unwrap_or_default(), line());
    let conditions = Conditions {
        range: line(),
        if_range: line(),
        if_match: line(),
        if_none_match: line(),
        if_modified_since: line(),
        if_unmodified_since: line(),
    };
    match SITE.route(path, query) {
        Route::Page(number) => {
            let page = SITE.page(number, Swarm::default());
            assert!(page.len() < 200_000, "a page of {} bytes", page.len());
        }
        Route::File(file) => {
            let entry = SITE.file(file).expect("what is found is there");
            assert!(entry.symlink.is_none() && path.starts_with(page::FILES));
            let tag = SITE.tag(file);
            check(&Version { tag: &tag, modified: 784_111_777, length: entry.length }, &conditions);
        }
        Route::Nothing(problem) => {
            let status = problem.status();
            assert!((400..600).contains(&status) && !page::problem(problem).is_empty());
        }
        Route::Torrent => assert!(path.ends_with(".torrent")),
    }
    // Whatever the path, for lengths at the edges.
    for length in [0, 1, 1 << 40, u64::MAX] {
        check(&Version { tag: "\"v\"", modified: 784_111_777, length }, &conditions);
    }
    let value = page::attachment(path);
    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value}");
}

fn check(version: &Version<'_>, conditions: &Conditions<'_>) {
    if let Selection::Part(range) = select(version, conditions) {
        assert!(range.start < range.end && range.end <= version.length, "{range:?}");
        assert!(conditions.range.is_some(), "nobody asked for a part");
    }
}
