use super::*;

#[test]
fn numbers_of_peers() {
    let peers = |first, last| Ok(Peers { first, last });
    assert_eq!(parse_peers("30"), peers(30, 30));
    assert_eq!(parse_peers("1..35"), peers(1, 35));
    assert_eq!(parse_peers("7..7"), peers(7, 7));
    let check = |text: &str, says: &str| {
        let error = parse_peers(text).expect_err(text);
        assert!(error.contains(says), "{text}: {error}");
    };
    for text in ["0", "0..3", "1..0"] {
        check(text, "at least one");
    }
    for text in ["", "-1", "x", "1..", "..4", "1...4", "1..=4", "1.5"] {
        check(text, "1..35");
    }
    check("9..3", "3..9");
    check("1..100001", "100,000");
    check("5000000000", "4,294,967,295");
}

#[test]
fn classes() {
    let class = parse_class("20:10Mbit/s:none").expect("a class");
    assert_eq!(class, Class { count: 20, up: Some(1_250_000), down: None });
    for text in ["", "20", "20:1MB/s", "1:2:3:4", "0:1:1", "1:0:1", "1:1:0", "1..2:1:1", "x:1:1"] {
        assert!(parse_class(text).is_err(), "{text}");
    }
}

#[test]
fn overheads() {
    assert_eq!(parse_overhead("6%"), Ok(60_000));
    assert_eq!(parse_overhead("5.25 %"), Ok(52_500));
    assert_eq!(parse_overhead("0"), Ok(0));
    for text in ["", "-1%", "1001%", "NaN", "six"] {
        assert!(parse_overhead(text).is_err(), "{text}");
    }
}
