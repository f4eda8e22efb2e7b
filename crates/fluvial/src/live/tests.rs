use super::*;

fn downloading() -> Status {
    Status {
        state: State::Downloading,
        done: 150 << 20,
        total: Some(1 << 30),
        down_rate: 3 << 20,
        up_rate: 1 << 20,
        downloaded: 0,
        uploaded: 0,
        wasted: 0,
        peers: 1,
        seeds: 0,
        hashes: 0,
        mirrors: 0,
        known: 0,
        seeding: Duration::ZERO,
    }
}

#[test]
fn a_line_never_wraps() {
    for width in 0..200 {
        let columns = bar_columns(width);
        let taken = 12 + columns + usize::from(columns > 0) + 1;
        let line = fit(&parts(&downloading()), width.saturating_sub(taken));
        assert!(line.is_empty() || taken + line.chars().count() <= width, "{width}: {line}");
    }
}

#[test]
fn what_matters_most_stays() {
    let parts = parts(&downloading());
    let check = |width, expected: &str| assert_eq!(fit(&parts, width), expected, "{width}");
    check(120, " 14%  150 MiB/1.00 GiB  ↓ 3.00 MiB/s  ↑ 1.00 MiB/s  4m 51s left  1 peer");
    check(60, " 14%  150 MiB/1.00 GiB  ↓ 3.00 MiB/s  4m 51s left  1 peer");
    check(37, " 14%  ↓ 3.00 MiB/s  4m 51s left");
    check(20, " 14%  4m 51s left");
    check(6, " 14%");
    check(0, "");
}

#[test]
fn a_stalled_download_says_so() {
    let status = Status { down_rate: 0, peers: 2, ..downloading() };
    let line = fit(&parts(&status), 200);
    assert!(line.contains("waiting") && line.ends_with("2 peers"), "{line}");
}
