use super::{Stat, bytes_of};

#[test]
fn stat_is_read_past_any_name() {
    let numbers = "1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 1";
    let cases = [
        (format!("77 (fluvial) S {numbers}"), Some((false, 1.75))),
        (format!("77 (a) Z (b) R {numbers}"), Some((false, 1.75))),
        (format!("77 (python3) Z {numbers}"), Some((true, 1.75))),
        ("77 (short) S 1 2 3".to_owned(), None),
        (String::new(), None),
    ];
    for (text, expected) in cases {
        let expected = expected.map(|(ended, cpu)| Stat { ended, cpu });
        assert_eq!(Stat::parse(&text), expected, "{text}");
    }
}

#[test]
fn memory_is_read_in_bytes() {
    let status = "Name:\tx\nVmHWM:\t    2048 kB\nRssAnon:\t  12 kB\n";
    assert_eq!(bytes_of(status, "VmHWM"), Some(2 << 20));
    assert_eq!(bytes_of(status, "RssAnon"), Some(12 << 10));
    assert_eq!(bytes_of(status, "VmSwap"), None);
}
