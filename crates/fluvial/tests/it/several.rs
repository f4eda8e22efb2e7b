//! Several paths, shared as the entries of one folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::support::{Place, assert_same, noise, tree};

const LOCAL: [&str; 4] = ["--listen", "127.0.0.1:0", "--no-discovery", "--no-tracker"];

/// Shares; returns what `ready` says, and ends it.
fn ready(place: &Place, args: &[&str]) -> Value {
    let mut share = place.start(&[&["share"], args, &LOCAL].concat());
    let ready = share.wait_for("ready");
    share.interrupt();
    assert_eq!(share.exit_code(), Some(0));
    ready
}

fn hash(place: &Place, args: &[&str]) -> String {
    ready(place, args)["info_hash"].as_str().expect("a hybrid has a v1 hash").to_owned()
}

#[test]
fn files_and_folders_from_several_places_arrive_as_one_folder() {
    for format in ["v1", "v2", "hybrid"] {
        let place = Place::new();
        place.file("one/a.bin", 300_000);
        tree(&place.folder("two/deep/tree"), 20);
        let args = ["share", "one/a.bin", "two/deep/tree", "--name", "set", "--format", format];
        let mut share = place.start(&[&args[..], &LOCAL].concat());
        let magnet = share.wait_for("ready")["magnet"].as_str().unwrap().to_owned();
        let mut get = place.get(&magnet, "there", &[]);
        get.wait_for("complete");
        assert_eq!(get.exit_code(), Some(0));
        assert_same(&place.path("one/a.bin"), &place.path("there/set/a.bin"));
        assert_same(&place.path("two/deep/tree"), &place.path("there/set/tree"));
        assert_eq!(fs::read_dir(place.path("there/set")).unwrap().count(), 2);
        assert_eq!(fs::read_dir(place.path("one")).unwrap().count(), 1, "nothing is copied");
    }
}

#[test]
fn neither_the_order_nor_the_way_of_writing_a_path_matters() {
    let place = Place::new();
    place.file("x/a", 100_000);
    place.file("y/b", 100_000);
    place.file("y/c", 50_000);
    symlink(place.path("y/c"), place.path("link")).unwrap();
    let first = hash(&place, &["x/a", "y/b", "y/c"]);
    let absolute = place.path("y/b");
    let cases: [&[&str]; 3] = [
        &["y/c", "y/b", "x/a"],
        &["./y/../x/a", absolute.to_str().unwrap(), "link"],
        &["x/a", "y/b", "y/c", "x/./a"],
    ];
    for args in cases {
        assert_eq!(hash(&place, args), first, "{args:?}");
    }
    // Somewhere else, in a folder of their own.
    place.folder("z/a and 2 more");
    for name in ["x/a", "y/b", "y/c"] {
        let to = place.path("z/a and 2 more").join(Path::new(name).file_name().unwrap());
        fs::copy(place.path(name), to).unwrap();
    }
    assert_eq!(hash(&place, &["z/a and 2 more"]), first, "the same content under the same name");
    assert_ne!(hash(&place, &["x/a", "y/b"]), first);
}

#[test]
fn the_name_is_told_when_nobody_gave_one() {
    let place = Place::new();
    for name in ["a", "b", "c", "d"] {
        place.file(name, 1_000);
    }
    let check = |args: &[&str], name: &str| {
        let magnet = ready(&place, args)["magnet"].as_str().unwrap().to_owned();
        assert!(magnet.contains(&format!("dn={name}")), "{args:?}: {magnet}");
    };
    check(&["b", "a"], "a%20and%20b");
    check(&["d", "c", "b", "a"], "a%20and%203%20more");
    check(&["a", "a"], "a");
    check(&["a", "b", "--name", "both"], "both");
}

#[test]
fn paths_that_do_not_fit_together_are_named() {
    let place = Place::new();
    place.file("x/same", 1_000);
    place.file("y/same", 1_000);
    place.file("y/deep/er", 1_000);
    place.file("other", 1_000);
    let check = |args: &[&str], says: &[&str]| {
        let output = place.run(&[&["share"], args, &LOCAL].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(says.iter().all(|it| stderr.contains(it)), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().filter(|line| line.starts_with("error")).count(), 1);
    };
    check(&["x/same", "y/same"], &["`x/same`", "`y/same`", "both called `same`"]);
    check(&["y", "other", "y/deep/er"], &["`y/deep/er` is inside `y`"]);
    check(&["y/deep", "."], &["`y/deep` is inside `.`"]);
    check(&["x/..", "other"], &["`other` is inside `x/..`"]);
    check(&["other", "missing"], &["missing"]);
    check(&["other", "/dev/null"], &["/dev/null"]);
    check(&["/", "other"], &["`other` is inside `/`"]);
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let place = Place::new();
    place.file("x/a", 200_000);
    let b = place.file("y/b", 200_000);
    let first = hash(&place, &["x/a", "y/b"]);
    let changed = fs::metadata(&b).unwrap().modified().unwrap();
    fs::write(&b, noise(77, 200_000)).unwrap();
    let file = fs::File::options().write(true).open(&b).unwrap();
    file.set_modified(changed).unwrap();
    assert_eq!(hash(&place, &["y/b", "x/a"]), first, "by its looks nothing changed");
    file.set_modified(changed + std::time::Duration::from_secs(1)).unwrap();
    assert_ne!(hash(&place, &["x/a", "y/b"]), first);
}
