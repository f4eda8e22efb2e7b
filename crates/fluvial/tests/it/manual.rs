use std::process::{Command, Stdio};

use crate::support::Place;

#[test]
fn bash_completes_commands_and_flags() {
    let place = Place::new();
    let script = place.run(&["completions", "bash"]);
    assert!(script.status.success(), "{script:?}");
    std::fs::write(place.path("fluvial.bash"), script.stdout).unwrap();
    let completed = |words: &str| {
        let ask = format!(
            "source fluvial.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _fluvial fluvial \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &ask]).current_dir(place.path("")).stdin(Stdio::null());
        let output = bash.output().expect("bash runs");
        assert!(output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(completed("fluvial sha"), ["share"]);
    assert_eq!(completed("fluvial get --up"), ["--up-limit"]);
    assert_eq!(completed("fluvial share x --format h"), ["hybrid"]);
}

#[test]
fn every_shell_has_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.run(&["completions", shell]);
        assert!(script.status.success() && !script.stdout.is_empty(), "{shell}");
    }
}

#[test]
fn the_manual_is_one_page_or_one_for_each_command() {
    let place = Place::new();
    let main = place.run(&["man"]);
    assert!(main.stdout.starts_with(b".ie") || main.stdout.starts_with(b".TH"), "{main:?}");
    assert!(place.run(&["man", "--dir", "new/man1"]).status.success());
    for page in [
        "fluvial.1",
        "fluvial-get.1",
        "fluvial-man.1",
        "fluvial-lab-lookups.1",
        "fluvial-lab-ring.1",
        "fluvial-lab-overlay.1",
    ] {
        assert!(place.path("new/man1").join(page).is_file(), "{page}");
    }
}
