use super::*;

#[test]
fn rows_and_kinds_are_named() {
    let spans = Spans::new(Axis::seconds("time"), &["tit-for-tat", "optimistic"])
        .row("peer 3", &[(0.0, 30.0, 0), (40.0, 70.0, 1)])
        .row("peer 4", &[(5.0, 1.0, 0), (f64::NAN, 3.0, 0), (2.0, f64::INFINITY, 1)]);
    let text = spans.draw(720.0).body.into_string();
    for word in [">peer 3<", ">peer 4<", ">optimistic<", "time (s)"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    assert_eq!(text.matches("rx=\"1.5\"").count(), 2, "{text}");
}
