use super::*;

const LINUX: Rules = Rules { fold: false, windows: false };
const MAC: Rules = Rules { fold: true, windows: false };
const WINDOWS: Rules = Rules { fold: true, windows: true };

#[test]
fn components_become_safe() {
    let long = "x".repeat(300) + ".iso";
    let cut = "x".repeat(251) + ".iso";
    let wide = "é".repeat(200);
    let wide_cut = "é".repeat(127);
    for (raw, linux, windows) in [
        (&b"plain.txt"[..], "plain.txt", "plain.txt"),
        (b"", "", ""),
        (b".", "", ""),
        (b"..", "__", "_"),
        (b"...", "...", "_"),
        (b"/etc/passwd", "_etc_passwd", "_etc_passwd"),
        (b"a\\..\\b", "a_.._b", "a_.._b"),
        (b"nul\0\x1b[2J\x7f", "nul__[2J_", "nul__[2J_"),
        ("\u{85}\u{202e}gpj.exe".as_bytes(), "__gpj.exe", "__gpj.exe"),
        (b"C:\\x?", "C:_x?", "C__x_"),
        (b"caf\xe9", "caf\u{fffd}", "caf\u{fffd}"),
        (
            b"\xc0\xae\xc0\xae",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        ),
        (b"trailing. .", "trailing. .", "trailing"),
        (b"con", "con", "_con"),
        (b"LPT1.txt", "LPT1.txt", "_LPT1.txt"),
        (b"COM10", "COM10", "COM10"),
        (b"console", "console", "console"),
        (long.as_bytes(), &cut, &cut),
        (wide.as_bytes(), &wide_cut, &wide_cut),
        ("日本語".as_bytes(), "日本語", "日本語"),
    ] {
        assert_eq!(component(raw, LINUX), linux, "{}", raw.escape_ascii());
        assert_eq!(component(raw, WINDOWS), windows, "{}", raw.escape_ascii());
    }
}

#[test]
fn no_two_files_share_a_path() {
    let check = |rules, paths: &[&str], expected: &[&str]| {
        let mut taken = Paths::new(rules);
        for (path, expected) in paths.iter().zip(expected) {
            let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
            assert_eq!(taken.take(&parts).to_str().unwrap(), *expected, "{paths:?}");
        }
    };
    check(LINUX, &["a", "a", "a (2)", "a"], &["a", "a (2)", "a (2) (2)", "a (3)"]);
    check(LINUX, &["d/a.iso", "d/a.iso", "e/a.iso"], &["d/a.iso", "d/a (2).iso", "e/a.iso"]);
    check(LINUX, &["a", "a/x", "a/y", "a"], &["a", "a (2)/x", "a (2)/y", "a (3)"]);
    check(LINUX, &["a/x", "a", "a/y"], &["a/x", "a (2)", "a/y"]);
    check(LINUX, &["R.txt", "r.txt"], &["R.txt", "r.txt"]);
    check(MAC, &["R.txt", "r.txt"], &["R.txt", "r (2).txt"]);
    check(MAC, &["Dir/a", "dir/a", "DIR/b"], &["Dir/a", "Dir/a (2)", "Dir/b"]);
    check(MAC, &["caf\u{e9}", "cafe\u{301}"], &["caf\u{e9}", "cafe\u{301} (2)"]);
    check(LINUX, &[".bashrc", ".bashrc"], &[".bashrc", ".bashrc (2)"]);
}

#[test]
fn many_duplicates_cost_no_square() {
    let mut taken = Paths::new(LINUX);
    let file = [String::from("a")];
    let under = [String::from("a"), String::from("b")];
    for _ in 0..50_000 {
        taken.take(&file);
        taken.take(&under);
    }
    assert_eq!(taken.take(&file).to_str().unwrap(), "a (50002)");
}

#[test]
fn a_suffix_keeps_long_names_within_the_limit() {
    let name = "y".repeat(MAX_NAME_LENGTH);
    let mut taken = Paths::new(LINUX);
    for _ in 0..12 {
        let path = taken.take(std::slice::from_ref(&name));
        assert!(path.as_os_str().len() <= MAX_NAME_LENGTH);
    }
}
