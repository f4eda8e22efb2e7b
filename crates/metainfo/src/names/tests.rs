use super::*;

/// The names as they are on Linux when asked for.
const LINUX: Rules = Rules { portable: false };

#[test]
fn components_become_safe() {
    let check = |raw: &[u8], linux: &str, portable: &str| {
        for (rules, expected) in [(LINUX, linux), (Rules::PORTABLE, portable)] {
            let safe = component(raw, rules);
            assert_eq!(safe.name, expected, "{}", raw.escape_ascii());
            let changed = raw != expected.as_bytes() || raw.is_empty();
            assert_eq!(safe.why.is_some(), changed, "{}: {safe:?}", raw.escape_ascii());
        }
    };
    let same = |raw: &[u8], expected: &str| check(raw, expected, expected);
    same(b"plain.txt", "plain.txt");
    same("日本語".as_bytes(), "日本語");
    same("👩\u{200d}🚀".as_bytes(), "👩\u{200d}🚀");
    same(b"", "");
    same(b".", "");
    same(b"..", "_");
    same(b"/etc/passwd", "_etc_passwd");
    same(b"a\\..\\b", "a_.._b");
    same(b"nul\0\x1b[2J\x7f", "nul__[2J_");
    same("\u{85}\u{202e}gpj.exe".as_bytes(), "__gpj.exe");
    same("a\u{200b}\u{200f}\u{2066}\u{feff}b".as_bytes(), "a____b");
    same(b"caf\xe9", "caf_");
    same(b"\xc0\xae\xc0\xae", "____");
    same(("x".repeat(300) + ".iso").as_bytes(), &("x".repeat(251) + ".iso"));
    same("é".repeat(200).as_bytes(), &"é".repeat(127));
    check(b"...", "...", "_");
    check(b" ", " ", "_");
    check(b"C:\\x?", "C:_x?", "C__x_");
    check(b"file.txt:stream", "file.txt:stream", "file.txt_stream");
    check(b"<>\"|*", "<>\"|*", "_____");
    check(b"trailing. .", "trailing. .", "trailing");
    for device in ["con", "PRN", "Aux", "nul", "COM1", "lpt9", "COM¹", "LPT³", "CONIN$", "conout$"]
    {
        check(device.as_bytes(), device, &format!("_{device}"));
        let with = format!("{device}.tar.gz");
        check(with.as_bytes(), &with, &format!("_{with}"));
        let with = format!("{device} .txt");
        check(with.as_bytes(), &with, &format!("_{with}"));
    }
    check(b"con. ", "con. ", "_con");
    for fine in ["COM10", "COM", "console", "LPT0", "icon", "nul_"] {
        same(fine.as_bytes(), fine);
    }
}

#[test]
fn a_long_path_is_cut_in_every_folder_but_the_first() {
    let cut = |name: &str, part: &str, depth: usize| {
        let mut parts = vec![Cow::Owned(part.to_owned()); depth];
        parts[0] = Cow::Owned(name.to_owned());
        let changed = fit(&mut parts);
        assert_eq!(parts[0], name);
        (changed, parts)
    };
    let folder = "f".repeat(100);
    assert_eq!(cut("n", &folder, 8), (false, cut("n", &folder, 8).1));
    let (changed, parts) = cut("n", &folder, 10);
    assert!(changed && parts[9].len() == 63, "{parts:?}");
    let name = "n".repeat(MAX_NAME_LENGTH);
    for part in ["com1.and more of it", "ééééééé", "a.longextension", &folder] {
        let (_, parts) = cut(&name, part, crate::limits::MAX_PATH_DEPTH + 1);
        assert!(parts.join("/").len() <= MAX_PATH_LENGTH, "{part}: {}", parts[1]);
        assert_eq!(component(parts[1].as_bytes(), Rules::PORTABLE).why, None, "{}", parts[1]);
    }
}

#[test]
fn no_two_files_share_a_path() {
    let check = |rules, paths: &[&str], expected: &[&str]| {
        let mut taken = Paths::new(rules);
        for (path, expected) in paths.iter().zip(expected) {
            let parts: Vec<Cow<'_, str>> = path.split('/').map(Cow::Borrowed).collect();
            let given = taken.take(&parts);
            assert_eq!(given.path.to_str().unwrap(), *expected, "{paths:?}");
            assert_eq!(given.why.is_some(), path != expected, "{given:?}");
        }
    };
    let both = |paths: &[&str], expected: &[&str]| {
        check(LINUX, paths, expected);
        check(Rules::PORTABLE, paths, expected);
    };
    both(&["a", "a", "a (2)", "a"], &["a", "a (2)", "a (2) (2)", "a (3)"]);
    both(&["d/a.iso", "d/a.iso", "e/a.iso"], &["d/a.iso", "d/a (2).iso", "e/a.iso"]);
    both(&["a", "a/x", "a/y", "a"], &["a", "a (2)/x", "a (2)/y", "a (3)"]);
    both(&["a/x", "a", "a/y"], &["a/x", "a (2)", "a/y"]);
    both(&[".bashrc", ".bashrc"], &[".bashrc", ".bashrc (2)"]);
    let differ = |paths: &[&str], expected: &[&str]| {
        check(LINUX, paths, paths);
        check(Rules::PORTABLE, paths, expected);
    };
    differ(&["R.txt", "r.txt"], &["R.txt", "r (2).txt"]);
    differ(&["Dir/a", "dir/a", "DIR/b"], &["Dir/a", "Dir/a (2)", "Dir/b"]);
    differ(&["caf\u{e9}", "cafe\u{301}"], &["caf\u{e9}", "cafe\u{301} (2)"]);
    differ(&["CAFE\u{301}", "caf\u{e9}"], &["CAFE\u{301}", "caf\u{e9} (2)"]);
    differ(&["straße", "STRASSE"], &["straße", "STRASSE (2)"]);
    differ(&["ΣΑΣ", "σας"], &["ΣΑΣ", "σας (2)"]);
    differ(&["K", "\u{212a}"], &["K", "\u{212a} (2)"]);
    differ(&["a\u{200d}", "a"], &["a\u{200d}", "a (2)"]);
    differ(&["A", "a/x"], &["A", "a (2)/x"]);
    differ(&["Dir", "dir"], &["Dir", "dir (2)"]);
}

#[test]
fn many_duplicates_cost_no_square() {
    let mut taken = Paths::new(Rules::PORTABLE);
    let file = [Cow::Borrowed("a")];
    let under = [Cow::Borrowed("a"), Cow::Borrowed("b")];
    for _ in 0..50_000 {
        taken.take(&file);
        taken.take(&under);
    }
    assert_eq!(taken.take(&file).path.to_str().unwrap(), "a (50002)");
}

#[test]
fn a_suffix_keeps_long_names_within_the_limit() {
    let name = Cow::Owned("y".repeat(MAX_NAME_LENGTH));
    let mut taken = Paths::new(Rules::PORTABLE);
    for _ in 0..12 {
        let path = taken.take(std::slice::from_ref(&name)).path;
        assert!(path.as_os_str().len() <= MAX_NAME_LENGTH);
    }
}
