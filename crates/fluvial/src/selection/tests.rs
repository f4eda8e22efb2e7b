use super::*;

/// A v1 torrent with these files; a name that begins with a dot is padding.
fn info(names: &[&str]) -> Info {
    let file = |name: &&str| {
        let padding = if name.starts_with('.') { "4:attr1:p" } else { "" };
        format!("d{padding}6:lengthi100e4:pathl{}:{name}ee", name.len())
    };
    let files: String = names.iter().map(file).collect();
    let hash = "x".repeat(20);
    let raw = format!("d5:filesl{files}e4:name1:t12:piece lengthi16384e6:pieces20:{hash}e");
    Info::parse(raw.as_bytes()).unwrap()
}

#[test]
fn a_magnet_counts_padding_among_the_files() {
    let info = info(&["a", ".1", "b", ".2", "c"]);
    let link = format!("magnet:?xt=urn:btih:{}&so=", "ab".repeat(20));
    for (so, expected) in [
        ("0", Some([true, false, false])),
        ("2", Some([false, true, false])),
        ("2-4", Some([false, true, true])),
        ("0,4", Some([true, false, true])),
        // Padding alone.
        ("1", None),
        ("5", None),
    ] {
        let magnet = format!("{link}{so}").parse().unwrap();
        let wanted = wanted(&info, &[], Some(&magnet)).ok().flatten();
        assert_eq!(wanted, expected.map(Vec::from), "{so}");
    }
    // What was typed counts what --list shows.
    let typed = wanted(&info, &["1".to_owned()], None).unwrap();
    assert_eq!(typed, Some(vec![false, true, false]));
}
