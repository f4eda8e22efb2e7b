use crate::tests::corpus;

#[test]
fn the_corpus_reaches_what_it_is_about() {
    let all: Vec<_> = corpus("session").iter().map(|(_, input)| super::live(input)).collect();
    let sum = |of: fn(&super::Tally) -> u32| all.iter().map(of).sum::<u32>();
    assert!(sum(|it| it.pieces) >= 100, "{all:?}");
    assert!(sum(|it| it.failures) >= 5, "{all:?}");
    assert!(sum(|it| it.faults) >= 5, "{all:?}");
    assert!(sum(|it| it.bans) >= 5, "{all:?}");
    assert!(sum(|it| it.stops) >= 5, "{all:?}");
    assert!(sum(|it| it.magnets) >= 5, "{all:?}");
}
