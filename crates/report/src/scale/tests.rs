use proptest::prelude::*;

use super::*;

fn words(axis: &Axis, low: f64, high: f64, ticks: f64) -> Vec<String> {
    let scale = Scale::fit(axis, Some((low, high)), ticks, true);
    scale.ticks.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn ticks_are_round() {
    let check = |axis: &Axis, (low, high): (f64, f64), ticks: f64, says: &str| {
        assert_eq!(words(axis, low, high, ticks).join(" "), says, "{axis:?} {low}..{high}");
    };
    let (number, seconds) = (Axis::new("n"), Axis::seconds("time"));
    check(&number, (1.0, 35.0), 7.0, "0 5 10 15 20 25 30 35");
    check(&Axis::count("peers"), (1.0, 3.0), 6.0, "0 1 2 3");
    check(&number, (0.0, 3.0), 6.0, "0.0 0.5 1.0 1.5 2.0 2.5 3.0");
    check(&number, (0.0, 1.0), 5.0, "0.0 0.2 0.4 0.6 0.8 1.0");
    check(&number, (990.0, 1_010.0), 4.0, "990 995 1,000 1,005 1,010");
    check(&seconds, (0.0, 12_600.0), 7.0, "0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5");
    check(&seconds, (0.0, 3_600.0), 4.0, "0 15 30 45 60");
    check(&seconds, (0.0, 55.0), 4.0, "0 15 30 45 60");
    check(&seconds, (0.0, 0.02), 4.0, "0 5 10 15 20");
    check(&Axis::bytes("size"), (0.0, 268_435_456.0), 4.0, "0 64 128 192 256");
    check(&Axis::rate("rate"), (0.0, 12.0 * 1_048_576.0), 5.0, "0.0 2.5 5.0 7.5 10.0 12.5");
    check(&Axis::share("part"), (0.0, 1.0), 4.0, "0 25 50 75 100");
    check(&number.clone().log(), (1.0, 1_000.0), 8.0, "1 10 100 1,000");
    check(&number.log(), (2.0, 40.0), 8.0, "2 5 10 20");
    check(&seconds.log(), (50.0, 1e6), 8.0, "1 min 10 min 1 h 10 h 1 d 10 d");
    check(&Axis::bytes("b").log(), (1_024.0, 3e6), 8.0, "1 KiB 32 KiB 1 MiB");
}

#[test]
fn the_title_names_the_measure() {
    let title = |axis: &Axis, high| Scale::fit(axis, Some((0.0, high)), 5.0, true).title;
    assert_eq!(title(&Axis::seconds("time"), 12_600.0), "time (h)");
    assert_eq!(title(&Axis::bytes("held"), 3_000.0), "held (KiB)");
    assert_eq!(title(&Axis::new("peers"), 3_000.0), "peers");
}

proptest! {
    #[test]
    fn any_values_have_an_axis_within_bounds(
        low in -1e12..1e12f64,
        more in prop_oneof![Just(0.0), 1e-9..1e12f64, Just(1e29)],
        ticks in 0.0..50.0f64,
        is_log: bool,
        kind in 0..6usize,
    ) {
        const UNITS: [Unit; 6] =
            [Unit::Number, Unit::Count, Unit::Seconds, Unit::Bytes, Unit::Rate, Unit::Share];
        let axis = Axis::of("x", UNITS[kind]);
        let axis = if is_log { axis.log() } else { axis };
        let extent = extent(&axis, [low, low + more].into_iter());
        let scale = Scale::fit(&axis, extent, ticks, true).placed(100.0, 500.0);
        prop_assert!(scale.ticks.len() <= TICKS_MAX + 1);
        for (at, _) in &scale.ticks {
            prop_assert!((99.0..=501.0).contains(&scale.at(*at)), "{at} {scale:?}");
        }
        for value in extent.into_iter().flat_map(|(low, high)| [low, high]) {
            prop_assert!((99.0..=501.0).contains(&scale.at(value)), "{value} {scale:?}");
        }
    }
}
