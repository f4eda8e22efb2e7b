use super::*;
use crate::Report;

const HALF: Duration = Duration::from_millis(500);

fn batch(reports: usize, want: u32, bytes: u64) -> Batch {
    let reports = (0..reports).map(|_| Report::Unchoked).collect();
    Batch { reports, want, taken: 0, totals: Totals { down_protocol: bytes, ..Totals::default() } }
}

#[test]
fn what_happened_is_told_at_once_and_totals_once_a_second() {
    let start = Instant::ZERO;
    let mut telling = Telling::new(start);
    let rows = [
        (1, batch(0, 0, 0), false, "nothing"),
        (1, batch(1, 0, 5), true, "a report"),
        (2, batch(0, 0, 9), false, "totals too soon"),
        (2, batch(0, 3, 9), true, "room for more"),
        (2, batch(0, 3, 9), false, "no more room than was told"),
        (3, batch(0, 1, 9), false, "less room"),
        (3, batch(0, 2, 9), true, "more than last"),
        (4, batch(0, 2, 11), false, "totals too soon again"),
        (5, batch(0, 2, 11), true, "totals in time"),
        (9, batch(0, 2, 11), false, "totals that were told"),
    ];
    for (halves, batch, news, what) in rows {
        assert_eq!(telling.is_news(start + HALF * halves, &batch), news, "{what}");
    }
    assert_eq!(telling.due(batch(0, 0, 11).totals), None);
    assert_eq!(telling.due(batch(0, 0, 12).totals), Some(start + HALF * 7));
}
