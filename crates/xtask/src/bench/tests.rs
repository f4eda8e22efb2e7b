use clap::Parser as _;

use super::{Args, Job, contenders, parse_size};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

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
    let Cli { args } = Cli::parse_from(["bench", "--leechers", "3"]);
    let pair = "libtorrent → libtorrent";
    let jobs = [
        (Job::Create, "libtorrent"),
        (Job::Verify, "libtorrent"),
        (Job::Pair, pair),
        (Job::Utp, pair),
        (Job::FanOut, "libtorrent → 3 × libtorrent"),
    ];
    for (job, last) in jobs {
        assert_eq!(contenders(job, &args).last().unwrap().0, last);
    }
}
