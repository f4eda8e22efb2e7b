use super::*;

#[test]
fn sizes() {
    let check = |text, bytes| assert_eq!(parse_size(text), Ok(bytes), "{text}");
    check("4194304", 4_194_304);
    check("4MB", 4_000_000);
    check("4mb", 4_000_000);
    check("4MiB", 4 << 20);
    check("4 MiB", 4 << 20);
    check("1.5G", 1_500_000_000);
    check("16Ki", 16_384);
    for wrong in ["", "MB", "4XB", "0", "-4", "1e3", "99999999T", "4 M iB"] {
        assert!(parse_size(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn rates() {
    let check = |text, rate| assert_eq!(parse_rate(text), Ok(Rate(rate)), "{text}");
    check("4MB/s", Some(4_000_000));
    check("4000000", Some(4_000_000));
    check("10Mbit/s", Some(1_250_000));
    check("500KB/s", Some(500_000));
    check("2MiB/s", Some(2 << 20));
    check("none", None);
    for wrong in ["0", "0MB/s", "fast", "4MB/h", "10Mbps", ""] {
        assert!(parse_rate(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn durations() {
    let check = |text, millis| {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
    };
    check("30s", 30_000);
    check("90", 90_000);
    check("1h30m", 5_400_000);
    check("250ms", 250);
    check("1.5m", 90_000);
    for wrong in ["", "0", "s", "5 parsecs", "-1s", "1..5s"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn people_read_three_digits() {
    assert_eq!(show_size(512), "512 B");
    assert_eq!(show_size(1_536), "1.50 KiB");
    assert_eq!(show_size(256 << 20), "256 MiB");
    assert_eq!(show_rate(4_000_000), "3.81 MiB/s");
    assert_eq!(show_size(0), "0 B");
    assert_eq!(show_size(1_023), "1023 B");
    assert_eq!(show_size((1 << 20) - 1), "1.00 MiB");
    assert_eq!(show_size(10_480_000), "9.99 MiB");
    assert_eq!(show_size(10_485_000), "10.0 MiB");
    assert_eq!(show_round(16 << 10), "16 KiB");
    assert_eq!(show_round(1 << 20), "1 MiB");
    assert_eq!(show_round(48 << 10), "48 KiB");
    assert_eq!(show_round(20_000), "19.5 KiB");
    assert_eq!(show_round(0), "0 B");
    assert_eq!(show_number(0), "0");
    assert_eq!(show_number(999), "999");
    assert_eq!(show_number(3_000_000), "3,000,000");
    assert_eq!(count(1, "peer"), "1 peer");
    assert_eq!(count(5_000, "file"), "5,000 files");
    assert_eq!(show_duration(Duration::from_millis(4_200)), "4.2s");
    assert_eq!(show_duration(Duration::from_millis(15)), "15 ms");
    assert_eq!(show_duration(Duration::from_micros(15)), "0s");
    assert_eq!(show_duration(Duration::from_secs(2)), "2s");
    assert_eq!(show_duration(Duration::from_secs(185)), "3m 05s");
    assert_eq!(show_duration(Duration::from_mins(62)), "1h 02m");
}
