use super::Spread;

#[test]
fn the_middle_is_the_median() {
    let cases: [(&[f64], Option<[f64; 3]>); 4] = [
        (&[], None),
        (&[2.0], Some([2.0, 2.0, 2.0])),
        (&[9.0, 1.0, 5.0], Some([1.0, 5.0, 9.0])),
        (&[4.0, 1.0, 2.0, 9.0], Some([1.0, 3.0, 9.0])),
    ];
    for (values, expected) in cases {
        let spread = Spread::of(values.iter().copied());
        let found = spread.map(|spread| [spread.least, spread.median, spread.most]);
        assert_eq!(found, expected, "{values:?}");
    }
}

#[test]
fn ratios_are_of_partners() {
    let spread = Spread::of_ratios([1.0, 30.0, 4.0], [2.0, 10.0, 4.0]).unwrap();
    assert_eq!(spread.show(2), "1.00 (0.50–3.00)");
    assert_eq!(spread.json()["median"], 1.0);
}
