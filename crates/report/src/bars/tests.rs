use super::*;

#[test]
fn every_row_has_its_name_and_value() {
    let bars = Bars::new(Unit::Seconds).row("tit-for-tat", &[90.0]).row("always open", &[120.0]);
    let text = bars.level("bound", 80.0).draw(340.0).body.into_string();
    for word in ["tit-for-tat", ">90 s<", ">2 min<", ">bound<"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn stacked_rows_say_their_sum() {
    let bars = Bars::stacked(Unit::Bytes, &["seed", "peers"]).row("a", &[1_024.0, 3_072.0]);
    let text = bars.draw(720.0).body.into_string();
    assert!(text.contains(">4 KiB<") && text.contains("peers: 3 KiB"), "{text}");
}

#[test]
fn odd_values_and_many_rows_are_bounded() {
    let mut bars = Bars::grouped(Unit::Number, &["a", "b"]);
    for row in 0..1_000 {
        bars = bars.row(&row.to_string(), &[f64::NAN, -1.0, 5.0]);
    }
    let text = bars.draw(720.0).body.into_string();
    assert!(text.contains("and 880 more") && !text.contains("NaN"), "{text}");
}
