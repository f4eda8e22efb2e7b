use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use crate::support::{Place, assert_same, noise};

const SIZE: usize = 100_000;
const NAMES: [&str; 7] =
    ["appended", "cut", "overwritten", "deleted", "replaced", "touched", "untouched"];
/// What is still whole where it was shared.
const WHOLE: [&str; 3] = ["appended", "touched", "untouched"];

fn open(path: &Path) -> File {
    File::options().write(true).open(path).unwrap()
}

#[test]
fn what_changes_under_a_share_is_named_and_the_rest_is_served() {
    let place = Place::new();
    for (at, name) in NAMES.iter().enumerate() {
        for root in ["tree", "copy/tree"] {
            let path = place.path(root).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, noise(at as u64, SIZE)).unwrap();
        }
    }
    let more = ["--torrent", "t", "--piece-length", "16KiB", "--format", "hybrid", "--no-tracker"];
    let (mut share, _) = place.share(&place.path("tree"), &more);
    let address = |ready: &serde_json::Value| ready["listen"].as_str().unwrap().to_owned();
    let from = address(&share.events()[0]);

    let mut check = |name: &str, change: &dyn Fn(&Path), says: &str, then: &str| {
        let path = place.path("tree").join(name);
        change(&path);
        let line = share.wait_for_line("warning: ");
        assert!(line.contains(&format!("/{name}` {says}")), "{line}");
        let line = share.wait_for_line("note: ");
        assert!(line.contains(&format!("/{name}`")) && line.contains(then), "{line}");
    };
    let whole = "all of it is given again";
    check("cut", &|path| open(path).set_len(40_000).unwrap(), "has become shorter", "2 of 7");
    let write = |path: &Path| open(path).write_all(&[0; 1_000]).unwrap();
    check("overwritten", &write, "was written to", "6 of 7");
    check("deleted", &|path| fs::remove_file(path).unwrap(), "is gone", "nothing of");
    let replace = |path: &Path| {
        fs::write(path.with_extension("new"), noise(99, SIZE)).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    check("replaced", &replace, "was replaced", "nothing of");
    check(
        "appended",
        &|path| open(path).set_len(SIZE as u64 + 1).unwrap(),
        "has become longer",
        whole,
    );
    let touch = |path: &Path| open(path).set_modified(SystemTime::now()).unwrap();
    check("touched", &touch, "was written to", whole);

    let mut get = place.get("t", "alone", &["--peer", &from, "--give-up", "3s"]);
    let message = get.wait_for("error")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the one peer that is connected does not give"), "{message}");
    assert_eq!(get.exit_code(), Some(1));
    for name in WHOLE {
        assert_same(&place.path("copy/tree").join(name), &place.path("alone/tree").join(name));
    }

    // With a second source that has it all, everything comes, and nobody is turned away.
    let seed = ["seed", "t", "copy/tree", "--listen", "127.0.0.1:0", "--no-discovery"];
    let mut seed = place.start(&[&seed[..], &["--state-dir", "other"]].concat());
    let other = address(&seed.wait_for("ready"));
    let peers = ["--peer", &from, "--peer", &other, "--give-up", "30s"];
    let mut get = place.get("t", "both", &peers);
    get.wait_for("complete");
    assert_eq!(get.exit_code(), Some(0));
    assert_same(&place.path("copy/tree"), &place.path("both/tree"));

    share.interrupt();
    assert_eq!(share.exit_code(), Some(0));
}

#[test]
fn a_download_that_seeds_watches_its_files_too() {
    let place = Place::new();
    let source = place.file("a.bin", SIZE);
    let (_share, magnet) = place.share(&source, &["--piece-length", "16KiB"]);
    let mut get = place.get(&magnet, "out", &["--seed", "forever"]);
    get.wait_for("complete");
    open(&place.path("out/a.bin")).write_all(&[0; 10]).unwrap();
    let line = get.wait_for_line("warning: ");
    assert!(line.contains("out/a.bin` was written to"), "{line}");
    let line = get.wait_for_line("note: ");
    assert!(line.contains("6 of 7 pieces"), "{line}");
    get.interrupt();
    assert_eq!(get.exit_code(), Some(0));

    // What changed is not believed at the next start.
    let mut again = place.get(&magnet, "out", &[]);
    again.wait_for("complete");
    assert_same(&source, &place.path("out/a.bin"));
}
