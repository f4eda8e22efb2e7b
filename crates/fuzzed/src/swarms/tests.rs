use crate::tests::corpus;

#[test]
fn the_corpus_has_liars_among_honest_peers() {
    let guilty: usize = corpus("swarm").iter().map(|(_, input)| super::live(input)).sum();
    assert!(guilty >= 4, "{guilty}");
}
