use super::*;

fn chart() -> Lines {
    let linear = (1..=35).map(|n| (f64::from(n), f64::from(n) * 360.0)).collect();
    Lines::new(Axis::new("peers"), Axis::seconds("time"))
        .with(Series::line("client–server", linear))
        .with(Series::steps("swarm", vec![(1.0, 300.0), (35.0, 2_800.0)]).dashed())
        .level("F/u", 3_600.0)
}

#[test]
fn names_stand_at_the_lines_where_there_is_room_and_above_them_otherwise() {
    let wide = chart().draw(720.0).body.into_string();
    assert!(wide.contains(">client–server</text>") && wide.contains(">F/u</text>"), "{wide}");
    assert_eq!(wide.matches("class=\"strong").count(), 2, "{wide}");
    let narrow = chart().draw(340.0).body.into_string();
    assert!(narrow.contains(">swarm</text>") && !narrow.contains("class=\"strong"), "{narrow}");
}

#[test]
fn steps_hold_their_value() {
    assert_eq!(outline(&[(1.0, 9.0), (4.0, 3.0)], Path::Steps), "M1 9H4V3");
    assert_eq!(outline(&[(1.0, 9.0), (4.0, 3.0)], Path::Line), "M1 9L4 3");
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let odd = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 1.0), (0.0, 0.0)];
    let axes = || Lines::new(Axis::new("x").log(), Axis::new("y").log());
    for series in
        [Series::line("a", odd.clone()), Series::dots("b", odd), Series::line("c", vec![])]
    {
        let text = axes().with(series).level("none", f64::NAN).draw(720.0).body.into_string();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn the_size_of_a_drawing_does_not_grow_with_the_points() {
    let many = |n: u32| (0..n).map(|i| (f64::from(i), f64::from(i % 97))).collect::<Vec<_>>();
    let length = |series: Series| {
        let chart = Lines::new(Axis::new("x"), Axis::new("y")).with(series);
        chart.draw(720.0).body.into_string().len()
    };
    assert!(length(Series::line("a", many(300_000))) < 150_000);
    assert!(length(Series::dots("a", many(300_000))) < 150_000);
}

#[test]
fn words_of_strangers_are_escaped() {
    let bad = "<script>&\"";
    let chart = Lines::new(Axis::new(bad), Axis::new(bad)).level(bad, 1.0).moment(bad, 1.0);
    let text = chart.with(Series::line(bad, vec![(0.0, 1.0), (2.0, 3.0)])).draw(720.0).body;
    assert!(!text.into_string().contains("<script"));
}
