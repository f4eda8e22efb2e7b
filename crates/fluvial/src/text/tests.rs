use anyhow::Context as _;

use super::*;

#[test]
fn causes_are_told_once() {
    let busy = || std::io::Error::from_raw_os_error(2);
    let lone = anyhow::Error::new(busy());
    assert_eq!(causes(&lone), "no such file or directory");
    let told: anyhow::Result<()> = Err(busy()).context("cannot open `x`");
    assert_eq!(causes(&told.unwrap_err()), "cannot open `x`: no such file or directory");
    let twice: anyhow::Result<()> =
        Err(busy()).context(format!("cannot open `x`: {}; look again", busy()));
    assert_eq!(
        causes(&twice.unwrap_err()),
        "cannot open `x`: no such file or directory; look again"
    );
}

#[test]
fn the_system_speaks_plainly() {
    let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
    check("Permission denied (os error 13)", "permission denied");
    check("a: b: Is busy (os error 98); try c", "a: b: is busy; try c");
    check("One (os error 1), Two (os error 2)", "one, Two");
    check("nothing to change", "nothing to change");
    check("cut (os error", "cut (os error");
    check("", "");
}

#[test]
fn strangers_cannot_command_the_terminal() {
    assert_eq!(printable("pl\u{e4}in \u{65e5}\n"), "pl\u{e4}in \u{65e5}\n");
    assert_eq!(printable("\u{1b}[2Jx\r"), "\u{fffd}[2Jx\u{fffd}");
    assert_eq!(printable("a\u{202e}gpj.exe"), "a\u{fffd}gpj.exe");
}
