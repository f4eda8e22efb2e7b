use std::path::Path;

use proptest::prelude::*;
use stdx::{BLOCK_LENGTH, Rng};

use super::*;
use crate::limits::MAX_PIECE_LENGTH;
use crate::{Metainfo, PieceHasher};

const BLOCK: u64 = BLOCK_LENGTH as u64;

fn entry(path: &str, length: u64) -> SourceEntry {
    SourceEntry { path: path.into(), length, ..SourceEntry::default() }
}

fn link(path: &str, target: &str) -> SourceEntry {
    SourceEntry { symlink: Some(target.into()), ..entry(path, 0) }
}

fn options(format: Option<Version>) -> PlanOptions {
    PlanOptions { name: "name".into(), format, ..PlanOptions::default() }
}

/// The content of a file: random bytes that follow from its path.
fn content(path: &Path, length: u64) -> Vec<u8> {
    let seed =
        path.to_string_lossy().bytes().fold(7u64, |sum, b| sum.wrapping_mul(31) + u64::from(b));
    let mut bytes = vec![0; length as usize];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

/// Hashes as a driver does: piece by piece, in chunks, from the files.
fn hash_all(layout: &Layout, source: impl Fn(FileIndex) -> PathBuf) -> Vec<PieceHashes> {
    let at = std::cell::Cell::new(0);
    hash_with(layout, |file| content(&source(FileIndex(at.replace(at.get() + 1))), file.length))
}

fn hash_with(layout: &Layout, read: impl Fn(&crate::FileEntry) -> Vec<u8>) -> Vec<PieceHashes> {
    let files: Vec<Vec<u8>> = layout.files().iter().map(read).collect();
    let pieces = (0..layout.pieces()).map(PieceIndex);
    let hash = |piece| {
        let mut hasher = PieceHasher::new(layout, piece);
        for span in layout.spans(piece, 0, layout.piece_size(piece)) {
            let (from, length) = (span.offset as usize, span.length as usize);
            match span.file {
                Some(file) => files[file.get()][from..from + length]
                    .chunks(10_007)
                    .for_each(|chunk| hasher.update(chunk)),
                None => hasher.update(&vec![0; length]),
            }
        }
        hasher.finish()
    };
    pieces.map(hash).collect()
}

/// Content that is the same everywhere: byte `i` is `i * 7 + i / 251`.
fn pattern(length: u64) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// The info-hashes that libtorrent 2.1.1 gives the same files.
#[test]
fn info_hashes_are_those_of_libtorrent() {
    let tree = || {
        vec![
            entry("a/b/x.txt", 3),
            entry("a/empty", 0),
            SourceEntry { executable: true, ..entry("bin/run.sh", 70_000) },
            entry("m.txt", 16_384),
            entry("z", 81_920),
        ]
    };
    let single = || vec![entry("", 100_000)];
    let check = |entries, name: &str, format, v1: Option<&str>, v2: Option<&str>| {
        let options =
            PlanOptions { name: name.into(), piece_length: Some(32_768), ..options(Some(format)) };
        let plan = Plan::new(entries, options).unwrap();
        let bytes = plan.finish(&hash_with(plan.layout(), |file| pattern(file.length)));
        let hashes = Metainfo::parse(&bytes).unwrap().hashes;
        assert_eq!(hashes.v1.map(|hash| hash.to_string()).as_deref(), v1, "{format}");
        assert_eq!(hashes.v2.map(|hash| hash.to_string()).as_deref(), v2, "{format}");
    };
    let v2 = "42ee8b8bdb882e6dbf71eeb35954014d7c9b02eff443f5af56a89c3bbd9c4163";
    check(tree(), "name", Version::V2, None, Some(v2));
    let v1 = "c720c473c1669b7043b3ef552e9fbff181d45243";
    check(single(), "single", Version::V1, Some(v1), None);
    let v2 = "b1bc76c56cec32656d809dbffa1ced9a2927bb3706f401f8c8b1e19d28830b60";
    check(single(), "single", Version::V2, None, Some(v2));
    let v1 = "44370d143d41c9317bae7800c3f7550340cd33cb";
    let v2 = "b1a055bb044a0bc82c11ae13032dada68b952d7336c56a84cd9baeb2e718077a";
    check(single(), "single", Version::Hybrid, Some(v1), Some(v2));
}

fn make(entries: Vec<SourceEntry>, options: PlanOptions) -> (Plan, Vec<u8>) {
    let plan = Plan::new(entries, options).unwrap();
    let hashes = hash_all(plan.layout(), |file| plan.source(file).unwrap().path.clone());
    let bytes = plan.finish(&hashes);
    let size = encode::info(&plan, &encode::no_hashes(plan.layout())).len();
    assert!(encode::at_most(&plan) >= size);
    (plan, bytes)
}

/// Makes a torrent, reads it back, and compares everything that was put in.
fn round_trip(entries: Vec<SourceEntry>, options: &PlanOptions) -> Metainfo {
    let (plan, bytes) = make(entries, options.clone());
    let metainfo = Metainfo::parse(&bytes).unwrap();
    assert_eq!(metainfo.to_bytes(), bytes, "written as read");
    assert_eq!(metainfo.notices, []);
    // Names that some system could not hold are there all the same.
    let original = metainfo.info.with_original_names();
    let info = original.as_ref().unwrap_or(&metainfo.info);
    assert_eq!(info.notices(), []);
    let (planned, read) = (plan.layout(), info.layout());
    assert_eq!(metainfo.info.name(), options.name);
    assert_eq!(read.files().len(), planned.files().len());
    assert_eq!(read.pieces(), planned.pieces());
    for (planned, read) in planned.files().iter().zip(read.files()) {
        assert_eq!(planned.root.is_some(), read.root.is_some());
        // A hybrid's padding is written, but not planned.
        let (listed, root) = (read.listed, read.root);
        assert_eq!(&crate::FileEntry { listed, root, ..planned.clone() }, read);
    }
    // What was read verifies the content.
    let hashes = hash_all(read, |file| plan.source(file).unwrap().path.clone());
    for (piece, hashes) in (0..).map(PieceIndex).zip(hashes) {
        assert_eq!(hashes.v1, metainfo.info.v1_hash(piece));
        let expected =
            read.v2_piece(piece).map(|piece| metainfo.piece_layers.piece_hash(&piece).unwrap());
        assert_eq!(hashes.v2, expected);
    }
    assert!(metainfo.piece_layers.is_complete(read));
    let info = crate::Info::parse_expecting(metainfo.info.raw(), &metainfo.hashes).unwrap();
    assert_eq!(info.layout(), metainfo.info.layout());
    metainfo
}

fn folder() -> Vec<SourceEntry> {
    vec![
        SourceEntry { executable: true, ..entry("bin/run.sh", 70_000) },
        entry("a/empty", 0),
        entry("a/b/c/déjà vu.txt", 3),
        SourceEntry { hidden: true, ..entry("a.txt", BLOCK) },
        entry("a b", 2 * BLOCK + 1),
        link("latest", "bin/run.sh"),
        link("a/b/up", "../../bin"),
        entry("z", 5 * BLOCK),
    ]
}

const FORMATS: [Version; 3] = [Version::V1, Version::V2, Version::Hybrid];

#[test]
fn folders_survive_the_round_trip() {
    for format in FORMATS {
        let options = PlanOptions {
            piece_length: Some(2 * BLOCK),
            private: true,
            comment: Some("a comment".into()),
            created_by: Some("test".into()),
            trackers: vec![
                vec!["http://a.example/announce".into(), "udp://b.example:1".into()],
                vec!["https://c.example/announce".into()],
            ],
            web_seeds: vec!["https://w.example/".into()],
            creation_date: Some(1_700_000_000),
            ..options(Some(format))
        };
        let metainfo = round_trip(folder(), &options);
        assert_eq!(metainfo.info.version(), format);
        assert!(metainfo.info.is_private() && !metainfo.info.is_single_file());
        assert_eq!(metainfo.trackers, options.trackers);
        assert_eq!(metainfo.web_seeds, options.web_seeds);
        assert_eq!(metainfo.comment, options.comment);
        assert_eq!(metainfo.created_by, options.created_by);
        assert_eq!(metainfo.creation_date, options.creation_date);
        let files = metainfo.info.layout().files();
        let paths: Vec<&str> = files.iter().map(|file| file.path.to_str().unwrap()).collect();
        assert_eq!(
            paths,
            [
                "name/a/b/c/déjà vu.txt",
                "name/a/b/up",
                "name/a/empty",
                "name/a b",
                "name/a.txt",
                "name/bin/run.sh",
                "name/latest",
                "name/z"
            ]
        );
        assert_eq!(files[1].symlink.as_deref(), Some(Path::new("../../bin")));
        assert_eq!(files[6].symlink.as_deref(), Some(Path::new("bin/run.sh")));
        assert!(files[5].executable && files[4].hidden && !files[0].executable);
    }
}

#[test]
fn single_files_survive_the_round_trip() {
    for format in FORMATS {
        for length in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK, 9 * BLOCK - 5] {
            let file = SourceEntry { executable: true, ..entry("", length) };
            let metainfo = round_trip(vec![file], &options(Some(format)));
            assert!(metainfo.info.is_single_file());
            let files = metainfo.info.layout().files();
            assert_eq!(files[0].path, Path::new("name"));
            assert!(files[0].executable);
        }
        // A folder with one file stays a folder.
        let metainfo = round_trip(vec![entry("only", 5)], &options(Some(format)));
        assert!(!metainfo.info.is_single_file());
        assert_eq!(metainfo.info.layout().files()[0].path, Path::new("name/only"));
    }
}

#[test]
fn a_folder_with_a_file_of_its_own_name() {
    for format in [Version::V1, Version::Hybrid] {
        let metainfo = round_trip(vec![entry("name", 5)], &options(Some(format)));
        assert!(!metainfo.info.is_single_file());
    }
}

#[test]
fn hybrids_hold_what_v1_and_v2_hold() {
    let length = Some(2 * BLOCK);
    let of = |format| {
        let options = PlanOptions { piece_length: length, ..options(Some(format)) };
        round_trip(folder(), &options).info
    };
    let (v1, v2, hybrid) = (of(Version::V1), of(Version::V2), of(Version::Hybrid));
    assert_eq!(v2.layout().pieces(), hybrid.layout().pieces());
    for ((one, two), both) in
        v1.layout().files().iter().zip(v2.layout().files()).zip(hybrid.layout().files())
    {
        // Only v1's list, and so a hybrid's, has padding in it.
        let two = crate::FileEntry { listed: both.listed, ..two.clone() };
        assert_eq!((&two, &one.path, one.length), (both, &both.path, both.length));
    }
    for piece in (0..v2.layout().pieces()).map(PieceIndex) {
        assert_eq!(v2.layout().v2_piece(piece), hybrid.layout().v2_piece(piece));
    }
    assert_eq!((v1.hashes().v2, v2.hashes().v1), (None, None));
    assert!(hybrid.hashes().v1.is_some() && hybrid.hashes().v2.is_some());
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let mut reversed = folder();
    reversed.reverse();
    assert_eq!(make(folder(), options(None)).1, make(reversed, options(None)).1);
}

#[test]
fn the_format_is_hybrid_unless_it_costs_too_much() {
    let check = |entries: Vec<SourceEntry>, expected, notices: usize| {
        let plan = Plan::new(entries, options(None)).unwrap();
        assert_eq!(plan.layout().version(), expected);
        assert_eq!(plan.notices().len(), notices, "{:?}", plan.notices());
        plan
    };
    let many = |count: u64, length| {
        (0..count).map(|at| entry(&format!("f{at:06}"), length)).collect::<Vec<_>>()
    };
    check(vec![entry("", 1 << 30)], Version::Hybrid, 0);
    check(vec![entry("", 0)], Version::Hybrid, 0);
    let plan = check(many(1_000, 100), Version::V1, 1);
    assert!(plan.notices()[0].to_string().starts_with("made a v1 torrent: a hybrid would need"));
    // Smaller pieces keep the padding low.
    let plan = check(many(1_000, 800_000), Version::Hybrid, 0);
    assert_eq!(plan.layout().piece_length(), 1 << 16);
    // Nearly no padding, but much metadata.
    let plan = check(many(80_000, 16 << 20), Version::V1, 1);
    assert!(plan.notices()[0].to_string().contains("metadata would be"));
    let forced = Plan::new(many(1_000, 100), options(Some(Version::Hybrid))).unwrap();
    assert_eq!((forced.layout().version(), forced.notices().len()), (Version::Hybrid, 0));
    let odd = PlanOptions { piece_length: Some(3 * BLOCK), ..options(None) };
    let plan = Plan::new(many(1, 1), odd).unwrap();
    assert_eq!((plan.layout().version(), plan.notices().len()), (Version::V1, 1));
    assert!(plan.notices()[0].to_string().contains("49152 bytes is no power of two"));
}

#[test]
fn the_automatic_piece_length_is_sensible() {
    for (content, expected) in [
        (0, 16 << 10),
        (1, 16 << 10),
        (32_000_000, 16 << 10),
        (1 << 30, 1 << 20),
        (20 << 30, 16 << 20),
        (100 << 30, 16 << 20),
        (100 << 40, 1 << 29),
        (u64::MAX, u64::from(MAX_PIECE_LENGTH)),
    ] {
        assert_eq!(choose::piece_length(content), expected, "{content}");
    }
}

#[test]
fn links_that_lead_nowhere_are_left_out() {
    let entries = vec![
        entry("d/file", 1),
        link("d/ok", "file"),
        link("d/folder", "../d"),
        link("absolute", "/etc/passwd"),
        link("d/outside", "../../x"),
        link("dangling", "nothing"),
        link("self", "self"),
        link("root", "."),
    ];
    let plan = Plan::new(entries, options(Some(Version::V1))).unwrap();
    let kept: Vec<_> = plan.layout().files().iter().map(|file| &file.path).collect();
    assert_eq!(kept, ["name/d/file", "name/d/folder", "name/d/ok"].map(Path::new));
    assert_eq!(plan.notices().len(), 5);
    assert_eq!(
        plan.notices()[0].to_string(),
        "`absolute` left out: a symbolic link that does not point to something shared with it"
    );
}

#[test]
fn what_cannot_be_shared_is_named() {
    let check = |entries, options: PlanOptions, expected: &str| {
        assert_eq!(Plan::new(entries, options).unwrap_err().to_string(), expected);
    };
    let one = || vec![entry("a", 1)];
    check(vec![], options(None), "nothing to share: there are no files");
    check(
        vec![link("a", "/x")],
        options(None),
        "nothing to share: there are only links that point elsewhere",
    );
    check(
        vec![entry("a\u{1b}[2J", 1)],
        options(None),
        "`a\u{fffd}[2J` cannot be shared: it has control characters; rename it or leave it out",
    );
    check(
        vec![entry("../a", 1)],
        options(None),
        "`../a` cannot be shared: it has no relative path; rename it or leave it out",
    );
    check(
        vec![entry("a", 1), entry("a/b", 1)],
        options(None),
        "`a` cannot be shared: it is listed as a file and as a folder; rename it or leave it out",
    );
    check(
        vec![entry("a", 1), entry("a", 1)],
        options(None),
        "`a` cannot be shared: it is listed twice; rename it or leave it out",
    );
    check(
        one(),
        PlanOptions { piece_length: Some(1_000), ..options(None) },
        "piece length: 1000 is not possible; use a power of two from 16KiB to 512MiB \
         (v1 takes any multiple of 16KiB)",
    );
    check(
        one(),
        PlanOptions { trackers: vec![vec!["ftp://x".into()]], ..options(None) },
        "tracker: `ftp://x` is not a URL of http, https, udp",
    );
    check(
        vec![entry("a", u64::MAX), entry("b", u64::MAX)],
        options(None),
        "the torrent's pieces: more than 8388608 pieces; a larger piece length is needed",
    );
    let name = PlanOptions { name: "..".into(), ..options(None) };
    assert!(Plan::new(one(), name).unwrap_err().to_string().contains("`..` cannot be shared"));
}

fn sources() -> impl Strategy<Value = Vec<SourceEntry>> {
    let name = prop::sample::select(vec!["a", "b", "A", "é", "日本", ".x", "z y", "a.b"]);
    let path = prop::collection::vec(name, 1..4);
    let length = prop_oneof![Just(0), 1..200u64, BLOCK - 2..BLOCK + 2, 1..6 * BLOCK];
    prop::collection::btree_map(path, length, 1..8).prop_map(|files| {
        let mut kept: Vec<SourceEntry> = Vec::new();
        for (path, length) in files {
            let path: PathBuf = path.iter().collect();
            if !kept.iter().any(|other| path.starts_with(&other.path)) {
                kept.push(SourceEntry { path, length, ..SourceEntry::default() });
            }
        }
        kept
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_made_is_read_back(entries in sources(), shift in 0..3u32, format in 0..4usize) {
        let piece_length = shift.checked_sub(1).map(|shift| BLOCK << shift);
        let format = FORMATS.get(format).copied();
        round_trip(entries, &PlanOptions { piece_length, ..options(format) });
    }
}
