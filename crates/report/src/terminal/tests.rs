use super::*;
use crate::{Axis, Series};

fn chart() -> Lines {
    let line = |pace: f64| (1..=35).map(|n| (f64::from(n), f64::from(n) * pace)).collect();
    Lines::new(Axis::count("peers"), Axis::seconds("time"))
        .with(Series::line("client–server", line(360.0)))
        .with(Series::steps("peer-to-peer", line(80.0)))
        .level("F/u", 3_600.0)
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('\u{1b}');
    out.push_str(parts.next().unwrap_or_default());
    parts.for_each(|part| out.push_str(part.split_once('m').map_or("", |(_, rest)| rest)));
    out
}

#[test]
fn names_stand_at_the_ends_and_numbers_at_the_ticks() {
    let text = plain(&chart().text(80, 16));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 16 + 3, "{text}");
    assert_eq!(lines[0], "time (h)");
    assert!(lines[1].starts_with("4 ┤"), "{text}");
    assert!(lines.iter().any(|line| line.ends_with(" client–server")), "{text}");
    assert!(lines.iter().any(|line| line.contains("╌╌ F/u ╌")), "{text}");
    assert!(lines[17].starts_with("  └┬"), "{text}");
    for number in ["0", "5", "35"] {
        assert!(lines[18].split_whitespace().any(|word| word == number), "{number}: {text}");
    }
    assert_eq!(lines[19].trim(), "peers");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn it_keeps_to_the_width_and_leaves_out_what_has_no_room() {
    assert_eq!(chart().text(20, 10), "");
    for columns in [40, 60, 1_000] {
        let text = plain(&chart().text(columns, 10_000));
        assert!(text.lines().count() <= ROWS_MAX + 4 && !text.is_empty());
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}: {text}");
    }
    let empty = Lines::new(Axis::new("x"), Axis::new("y").log()).text(80, 10);
    assert!(!empty.contains("NaN"), "{empty}");
}
