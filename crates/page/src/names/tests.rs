use proptest::prelude::*;

use super::*;

#[test]
fn names_are_saved_under_what_they_are_called() {
    let cases = [
        ("release.iso", r#"attachment; filename="release.iso""#),
        ("two words.txt", r#"attachment; filename="two words.txt""#),
        ("ä.txt", r#"attachment; filename="_.txt"; filename*=UTF-8''%C3%A4.txt"#),
        ("a\"b\\c", r#"attachment; filename="a_b_c"; filename*=UTF-8''a%22b%5Cc"#),
        ("100%.txt", r#"attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt"#),
        ("a\r\nX: y", r#"attachment; filename="a__X_ y"; filename*=UTF-8''a%0D%0AX%3A%20y"#),
    ];
    for (name, value) in cases {
        assert_eq!(attachment(name), value, "{name:?}");
    }
}

#[test]
fn what_turns_the_reading_direction_is_not_shown() {
    assert_eq!(shown("invoice\u{202e}fdp.exe"), "invoice\u{fffd}fdp.exe");
    assert_eq!(shown("a\nb\u{7f}"), "a\u{fffd}b\u{fffd}");
    assert_eq!(shown("日本語 🦀"), "日本語 🦀");
}

#[test]
fn what_is_no_text_is_no_segment() {
    assert_eq!(unescaped("%ff"), None);
    assert_eq!(unescaped("%2e%2E").as_deref(), Some(".."));
    assert_eq!(unescaped("100%").as_deref(), Some("100%"));
}

proptest! {
    #[test]
    fn segments_survive_escaping(name in any::<String>()) {
        let text = escaped(&name).to_string();
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let again = unescaped(&text);
        prop_assert_eq!(again.as_deref(), Some(&*name));
    }

    #[test]
    fn headers_are_printable(name in any::<String>()) {
        prop_assert!(attachment(&name).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
