use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
const VERSION: Version<'_> = Version { tag: "\"v\"", modified: 784_111_777, length: 1_000 };
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

fn check(conditions: &Conditions<'_>, expected: &Selection) {
    assert_eq!(&select(&VERSION, conditions), expected, "{conditions:?}");
}

fn ranged(range: &str) -> Conditions<'_> {
    Conditions { range: Some(range), ..Conditions::default() }
}

#[test]
fn ranges_are_read_as_the_rfc_says() {
    use Selection::{Part, Unsatisfiable, Whole};
    let cases = [
        ("bytes=0-0", Part(0..1)),
        ("bytes=0-499", Part(0..500)),
        ("bytes=500-", Part(500..1_000)),
        ("bytes=-1", Part(999..1_000)),
        ("bytes=-5000", Part(0..1_000)),
        ("bytes=999-99999999999999999999999", Part(999..1_000)),
        ("Bytes = 1 - 2 ", Part(1..3)),
        ("bytes=1-2,", Part(1..3)),
        ("bytes=1000-", Unsatisfiable),
        ("bytes=1000-1001, 2000-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=0-1,1000-", Part(0..2)),
        ("bytes=0-1,5-6", Whole),
        ("bytes=5-4", Whole),
        ("bytes=", Whole),
        ("bytes=-", Whole),
        ("bytes=a-b", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=1-2-3", Whole),
        ("bytes 0-1", Whole),
        ("pieces=0-1", Whole),
        ("", Whole),
    ];
    for (range, expected) in cases {
        check(&ranged(range), &expected);
    }
    let many = format!("bytes={}0-1", "2000-,".repeat(RANGES_MAX));
    check(&ranged(&many), &Whole);
}

#[test]
fn an_empty_file_has_no_range() {
    let empty = Version { length: 0, ..VERSION };
    for (range, expected) in [
        ("bytes=0-", Selection::Unsatisfiable),
        ("bytes=-5", Selection::Unsatisfiable),
        ("bytes=x", Selection::Whole),
    ] {
        assert_eq!(select(&empty, &ranged(range)), expected, "{range}");
    }
}

#[test]
fn a_range_of_another_version_is_no_range() {
    let cases = [
        ("\"v\"", Selection::Part(0..1)),
        (THEN, Selection::Part(0..1)),
        ("\"w\"", Selection::Whole),
        ("W/\"v\"", Selection::Whole),
        (BEFORE, Selection::Whole),
        ("nonsense", Selection::Whole),
    ];
    for (if_range, expected) in cases {
        check(&Conditions { if_range: Some(if_range), ..ranged("bytes=0-0") }, &expected);
    }
}

#[test]
fn conditions_come_before_ranges() {
    let none = ranged("bytes=0-0");
    let cases = [
        (Conditions { if_none_match: Some("\"v\""), ..none }, Selection::Unmodified),
        (Conditions { if_none_match: Some("\"a\", W/\"v\""), ..none }, Selection::Unmodified),
        (Conditions { if_none_match: Some("*"), ..none }, Selection::Unmodified),
        (Conditions { if_none_match: Some("\"a\""), ..none }, Selection::Part(0..1)),
        (Conditions { if_modified_since: Some(THEN), ..none }, Selection::Unmodified),
        (Conditions { if_modified_since: Some(BEFORE), ..none }, Selection::Part(0..1)),
        (Conditions { if_modified_since: Some("soon"), ..none }, Selection::Part(0..1)),
        (
            Conditions { if_none_match: Some("\"a\""), if_modified_since: Some(THEN), ..none },
            Selection::Part(0..1),
        ),
        (Conditions { if_match: Some("\"v\""), ..none }, Selection::Part(0..1)),
        (Conditions { if_match: Some("W/\"v\""), ..none }, Selection::Refused),
        (Conditions { if_match: Some("\"a\""), ..none }, Selection::Refused),
        (Conditions { if_unmodified_since: Some(THEN), ..none }, Selection::Part(0..1)),
        (Conditions { if_unmodified_since: Some(BEFORE), ..none }, Selection::Refused),
    ];
    for (conditions, expected) in cases {
        check(&conditions, &expected);
    }
}

#[test]
fn dates_are_written_as_http_has_them() {
    assert_eq!(VERSION.last_modified(), THEN);
    let far = Version { modified: u64::MAX, ..VERSION };
    assert_eq!(far.last_modified(), "Fri, 31 Dec 9999 23:59:59 GMT");
}
