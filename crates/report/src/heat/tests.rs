use super::*;

#[test]
fn a_small_matrix_names_every_row() {
    let cells = vec![vec![0.0, 3.0], vec![1.0, f64::NAN]];
    let heat = Heat::new(Unit::Bytes, "from", "to", cells);
    let heat = heat.named(vec!["a".into(), "b".into()], vec!["c".into(), "d".into()]);
    let text = heat.draw(340.0).body.into_string();
    for word in ["from ↓", "to →", ">a<", ">b<", ">c<", ">d<", ">3 B<"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let cells: usize = text.split("d=\"").skip(1).map(|path| path.matches('z').count()).sum();
    assert_eq!(cells, 3, "{text}");
}

#[test]
fn a_large_matrix_is_pooled() {
    let cells = (0..1_000).map(|row| (0..2_000).map(|c| f64::from(row * c)).collect()).collect();
    let heat = Heat::new(Unit::Number, "r", "c", cells);
    let (pooled, down, across) = heat.pooled();
    assert_eq!((down, across, pooled.len(), pooled[0].len()), (7, 13, 143, 154));
    assert!(heat.draw(720.0).body.into_string().len() < 700_000);
}

#[test]
fn ragged_and_empty_matrices_are_drawn() {
    for cells in [vec![], vec![vec![]], vec![vec![1.0], vec![], vec![1.0, 2.0]]] {
        let text = Heat::new(Unit::Number, "r", "c", cells).draw(340.0).body.into_string();
        assert!(!text.contains("NaN"), "{text}");
    }
}
