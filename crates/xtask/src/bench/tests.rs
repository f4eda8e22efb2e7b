use super::{Job, contenders, parse_size};

#[test]
fn sizes_are_read() {
    let cases = [
        ("2GiB", Some(2 << 30)),
        ("64MiB", Some(64 << 20)),
        ("16KiB", Some(16 << 10)),
        ("12345", Some(12345)),
        ("0", None),
        ("0GiB", None),
        ("MiB", None),
        ("2GB", None),
        ("99999999999GiB", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_size(text).ok(), expected, "{text}");
    }
}

#[test]
fn the_rival_on_its_own_comes_last() {
    let pair = "libtorrent → libtorrent";
    for (job, last) in [(Job::Create, "libtorrent"), (Job::Pair, pair), (Job::Utp, pair)] {
        assert_eq!(contenders(job).last().unwrap().0, last);
    }
}
