//! Names that are unsafe, or that some system cannot hold or tell apart.

use super::ben::{List, dict, file, leaf, multi, named, s, single, torrent, v2_info, with_layers};
use super::rows::{Accepted, ManyNoted, Noted, Torrent};

fn called(name: &[u8]) -> Vec<u8> {
    torrent(single().with("name", s(name)))
}

fn bytes(name: &[u8]) -> Vec<u8> {
    torrent(multi(vec![file(&[name], 1)]))
}

fn deep() -> Vec<u8> {
    torrent(multi(vec![file(&[&b"folder of thirty-two characters."[..]; 60], 1)]))
}

fn said_again() -> Vec<u8> {
    let utf8 = List(vec![s("café")]);
    torrent(multi(vec![file(&[b"caf\xe9"], 1).with("path.utf-8", utf8)]))
}

fn many() -> Vec<u8> {
    let many: Vec<String> = (0..150).map(|at| format!("{at}?")).collect();
    named(&many.iter().map(String::as_str).collect::<Vec<_>>())
}

fn v2_names() -> Vec<u8> {
    let tree = dict([("..", dict([("x", leaf(1))])), ("A", leaf(1)), ("a", leaf(1))]);
    with_layers(v2_info(tree))
}

pub(super) static ROWS: &[Torrent] = &[
    (
        "name leads out",
        || called(b"../../etc/passwd"),
        Noted(&[
            "`../../etc/passwd` has a path separator in a name; it becomes `.._.._etc_passwd`",
        ]),
    ),
    ("name is ..", || called(b".."), Noted(&["`..` leads out of the folder; it becomes `_`"])),
    (
        "name is empty",
        || called(b""),
        Noted(&["`` is no name; it becomes `01ed6f87f5ce09ae6ceba8f9aea073f679f0888b`"]),
    ),
    (
        "name is a dot",
        || called(b"."),
        Noted(&["`.` is no name; it becomes `1dce8253204f060f8239727d5ed157d62c51cf48`"]),
    ),
    (
        "name with NUL",
        || called(b"a\0b"),
        Noted(&["`a�b` has control characters; it becomes `a_b`"]),
    ),
    (
        "name of spaces",
        || called(b"   "),
        Noted(&["`   ` ends in dots or spaces, which Windows drops; it becomes `_`"]),
    ),
    (
        "path leads out",
        || named(&["../../x"]),
        Noted(&["`n/../../x` leads out of the folder; it becomes `n/_/_/x`"]),
    ),
    (
        "path is absolute",
        || bytes(b"/etc/passwd"),
        Noted(&["`n//etc/passwd` has a path separator in a name; it becomes `n/_etc_passwd`"]),
    ),
    (
        "path with backslashes",
        || named(&["..\\..\\x"]),
        Noted(&["`n/..\\..\\x` has a path separator in a name; it becomes `n/.._.._x`"]),
    ),
    (
        "path with a drive",
        || named(&["C:\\x"]),
        Noted(&["`n/C:\\x` has characters that Windows forbids; it becomes `n/C__x`"]),
    ),
    (
        "path with empty parts",
        || named(&["a//./b"]),
        Noted(&["`n/a//./b` has an empty or `.` part; it becomes `n/a/b`"]),
    ),
    (
        "control characters",
        || bytes(b"a\x1b[2J\x7f\nb"),
        Noted(&["`n/a�[2J��b` has control characters; it becomes `n/a_[2J__b`"]),
    ),
    (
        "C1 control character",
        || named(&["a\u{9b}31m"]),
        Noted(&["`n/a�31m` has control characters; it becomes `n/a_31m`"]),
    ),
    (
        "devices",
        || named(&["con", "Aux.txt", "nul.tar.gz", "COM¹", "lpt9 .x", "conin$"]),
        Noted(&[
            "`n/con` is a device on Windows; it becomes `n/_con`",
            "`n/Aux.txt` is a device on Windows; it becomes `n/_Aux.txt`",
            "`n/nul.tar.gz` is a device on Windows; it becomes `n/_nul.tar.gz`",
            "`n/COM¹` is a device on Windows; it becomes `n/_COM¹`",
            "`n/lpt9 .x` is a device on Windows; it becomes `n/_lpt9 .x`",
            "`n/conin$` is a device on Windows; it becomes `n/_conin$`",
        ]),
    ),
    ("no devices", || named(&["com10", "console", "lpt0", "icon"]), Accepted),
    (
        "forbidden on Windows",
        || named(&["a:b", "what?.mp3", "<x>|\"*"]),
        Noted(&[
            "`n/a:b` has characters that Windows forbids; it becomes `n/a_b`",
            "`n/what?.mp3` has characters that Windows forbids; it becomes `n/what_.mp3`",
            "`n/<x>|\"*` has characters that Windows forbids; it becomes `n/_x____`",
        ]),
    ),
    (
        "another data stream",
        || named(&["a.txt:evil.exe"]),
        Noted(&[
            "`n/a.txt:evil.exe` has characters that Windows forbids; it becomes `n/a.txt_evil.exe`",
        ]),
    ),
    (
        "dots and spaces at the end",
        || named(&["a.", "b ", "c. .", "...", "d./e"]),
        Noted(&[
            "`n/a.` ends in dots or spaces, which Windows drops; it becomes `n/a`",
            "`n/b ` ends in dots or spaces, which Windows drops; it becomes `n/b`",
            "`n/c. .` ends in dots or spaces, which Windows drops; it becomes `n/c`",
            "`n/...` ends in dots or spaces, which Windows drops; it becomes `n/_`",
            "`n/d./e` ends in dots or spaces, which Windows drops; it becomes `n/d/e`",
        ]),
    ),
    (
        "name of 304 bytes",
        || named(&[&("x".repeat(300) + ".iso")]),
        Noted(&["`n/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"]),
    ),
    (
        "name of 400 bytes in 200 letters",
        || named(&[&"é".repeat(200)]),
        Noted(&["`n/ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…"]),
    ),
    (
        "path of 2 KiB",
        || deep(),
        Noted(&["`n/folder of thirty-two characters./folder of thirty-two characters./f…"]),
    ),
    (
        "extension turned round",
        || named(&["photo\u{202e}gpj.exe"]),
        Noted(&["`n/photo�gpj.exe` has characters that disguise it; it becomes `n/photo_gpj.exe`"]),
    ),
    (
        "extension hidden",
        || named(&["a.txt\u{200b}", "b\u{2066}.exe", "c\u{feff}"]),
        Noted(&[
            "`n/a.txt�` has characters that disguise it; it becomes `n/a.txt_`",
            "`n/b�.exe` has characters that disguise it; it becomes `n/b_.exe`",
            "`n/c�` has characters that disguise it; it becomes `n/c_`",
        ]),
    ),
    ("joiners stay", || named(&["👩\u{200d}🚀", "می\u{200c}خواهم"]), Accepted),
    (
        "not UTF-8",
        || bytes(b"caf\xe9"),
        Noted(&["`n/caf�` is not valid UTF-8; it becomes `n/caf_`"]),
    ),
    ("not UTF-8, but said again", || said_again(), Accepted),
    (
        "overlong UTF-8 slash",
        || bytes(b"\xc0\xaf"),
        Noted(&["`n/��` is not valid UTF-8; it becomes `n/__`"]),
    ),
    (
        "composed and decomposed",
        || named(&["caf\u{e9}", "cafe\u{301}"]),
        Noted(&[
            "`n/cafe\u{301}` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/cafe\u{301} (2)`",
        ]),
    ),
    (
        "case alone",
        || named(&["R.txt", "r.txt", "STRASSE", "straße"]),
        Noted(&[
            "`n/r.txt` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/r (2).txt`",
            "`n/straße` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/straße (2)`",
        ]),
    ),
    (
        "case of folders",
        || named(&["Dir/a", "dir/a", "dir/b"]),
        Noted(&[
            "`n/dir/a` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/Dir/a (2)`",
            "`n/dir/b` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/Dir/b`",
        ]),
    ),
    (
        "same path twice",
        || named(&["a", "a", "a (2)"]),
        Noted(&[
            "`n/a` is an earlier file's name too; it becomes `n/a (2)`",
            "`n/a (2)` is an earlier file's name too; it becomes `n/a (2) (2)`",
        ]),
    ),
    (
        "file, then folder",
        || named(&["a", "a/b"]),
        Noted(&["`n/a/b` is a file and a folder at once; it becomes `n/a (2)/b`"]),
    ),
    (
        "folder, then file",
        || named(&["a/b", "a"]),
        Noted(&["`n/a` is a file and a folder at once; it becomes `n/a (2)`"]),
    ),
    (
        "same after cleaning",
        || named(&["a?", "a*", "a_"]),
        Noted(&[
            "`n/a?` has characters that Windows forbids; it becomes `n/a_`",
            "`n/a*` has characters that Windows forbids; it becomes `n/a_ (2)`",
            "`n/a_` is an earlier file's name too; it becomes `n/a_ (3)`",
        ]),
    ),
    (
        "v2 names",
        || v2_names(),
        Noted(&[
            "`n/../x` leads out of the folder; it becomes `n/_/x`",
            "`n/a` differs from an earlier name in case, accents or invisible marks alone; it becomes `n/a (2)`",
        ]),
    ),
    ("150 odd names", || many(), ManyNoted(101, "… and 50 more names changed or left out")),
    ("dot files", || named(&[".bashrc", ".ssh/authorized_keys", "-rf", "~", "$HOME"]), Accepted),
];
