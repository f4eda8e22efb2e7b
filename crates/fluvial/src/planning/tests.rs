use plan::Class;

use super::*;

fn plans(first: u64, last: u64) -> Vec<Plan> {
    let plan = |count| Plan::new(9, Some(1), [Class { count, up: Some(1), down: None }]);
    (first..=last).map(|count| plan(count).expect("a possible plan")).collect()
}

#[test]
fn the_table_shows_round_numbers_and_both_ends() {
    let check = |first, last, shown: &[u64]| {
        let plans = plans(first, last);
        let rows: Vec<u64> = chosen(&plans).iter().map(|plan| plan.peers()).collect();
        assert_eq!(rows, shown, "{first}..{last}");
    };
    check(30, 30, &[30]);
    check(1, 9, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    check(1, 35, &[1, 5, 10, 15, 20, 25, 30, 35]);
    check(97, 203, &[97, 100, 120, 140, 160, 180, 200, 203]);
    check(1, 300, &[1, 2, 5, 10, 20, 50, 100, 200, 300]);
    check(1, 100_000, &[1, 10, 100, 1_000, 10_000, 100_000]);
    check(1_000, 100_000, &[1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]);
    assert!(chosen(&plans(4_321, 99_999)).len() <= ROWS_MAX);
}
