use serde_json::json;

use super::layers::Graph;
use super::text::{Function, blank, functions};
use super::{check, manifests, pages, source};

#[test]
fn the_house_is_tidy() {
    let problems = check(&crate::root().unwrap()).unwrap();
    assert!(problems.is_empty(), "cargo xtask tidy:\n{}", problems.join("\n"));
}

#[test]
fn comments_and_literals_are_blanked() {
    let cases = [
        ("a // {\nb", "a     \nb"),
        ("a /* { /* } */ { */ b", "a                   b"),
        (r#"f("}\"{") + g"#, r"f(      ) + g"),
        ("f('{', '\\'', '\"', b'}')", "f(   ,     ,    , b   )"),
        ("x: &'a str = r#\"{\"}\"#;", "x: &'a str =         ;"),
        ("r#type br\"{\" var\"{\"", "r#type       var   "),
        ("\"open {", "       "),
    ];
    for (text, expected) in cases {
        assert_eq!(blank(text), expected, "{text}");
    }
}

#[test]
fn functions_are_found_and_measured() {
    let code = "
fn one() -> [u8; 2] { [0; 2] }
trait T { fn none(&self, x: [u8; 3]); }
pub(crate) fn two<F: Fn(u8) -> u8>(
    f: F,
) {
    fn three() {
        if true { let g: fn (u8); }
    }
}
";
    let found = functions(code);
    let expected = [("one", 2, 1), ("two", 4, 7), ("three", 7, 3)];
    let expected = expected.map(|(name, line, lines)| Function { name: name.into(), line, lines });
    assert_eq!(found, expected);
}

fn check_source(files: &[(&str, &str)], allowed: &[&str]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|&(path, text)| (path.into(), text.into())).collect();
    source::check(&files, allowed)
}

#[test]
fn source_rules_bite() {
    let long_line = "x".repeat(101);
    let long_address = format!("// https://{long_line}");
    let long_file = "\n".repeat(701);
    let long_function = format!("fn f() {{{}}}", "\n".repeat(70));
    let cases: [(&str, &[&str]); 10] = [
        ("fn f() {}", &[]),
        (&long_line, &["1: has 101 columns, over 100"]),
        (&long_address, &[]),
        (&long_file, &[" has 701 lines, over 700"]),
        (&long_function, &["1: f has 71 lines, over 70"]),
        ("\ntodo!()", &["2: todo!"]),
        ("\"todo!\" // dbg!", &[]),
        (concat!("// FIX", "ME"), &[concat!("1: FIX", "ME")]),
        ("#[ignore = \"slow\"]", &["1: #[ignore"]),
        ("mod a;", &[]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|what| format!("crates/a/src/lib.rs:{what}")).collect();
        assert_eq!(check_source(&[("crates/a/src/lib.rs", text)], &[]), expected);
    }
}

#[test]
fn literals_may_be_wide_in_tests_only() {
    let wide = format!("check(\"{}\");", "x".repeat(101));
    let wide_comment = format!("// {}", "x".repeat(101));
    let cases = [
        ("crates/a/src/lib.rs", &wide, 1),
        ("crates/a/tests/it/main.rs", &wide, 0),
        ("crates/a/tests/it/main.rs", &wide_comment, 1),
    ];
    for (path, text, problems) in cases {
        assert_eq!(check_source(&[(path, text)], &[]).len(), problems, "{path}: {text}");
    }
}

#[test]
fn ratchet_lets_pass_only_what_is_still_long() {
    let long = format!("fn f() {{{}}}", "\n".repeat(70));
    let path = "crates/a/src/lib.rs";
    assert!(check_source(&[(path, &long)], &["crates/a/src/lib.rs f"]).is_empty());
    assert_eq!(
        check_source(&[(path, "fn f() {}")], &["crates/a/src/lib.rs f"]),
        ["long-functions.txt: crates/a/src/lib.rs f is no longer long"]
    );
}

#[test]
fn every_file_has_a_module_that_names_it() {
    let files = [
        ("crates/a/src/lib.rs", "pub mod b;\n#[cfg(test)]\nmod tests;"),
        ("crates/a/src/b.rs", "pub(crate) mod c;"),
        ("crates/a/src/b/c.rs", "// mod d;"),
        ("crates/a/src/b/d.rs", ""),
        ("crates/a/src/tests.rs", ""),
        ("crates/a/src/e/mod.rs", ""),
        ("crates/a/tests/it/main.rs", "mod f;"),
        ("crates/a/tests/it/f.rs", ""),
    ];
    assert_eq!(
        check_source(&files, &[]),
        [
            "crates/a/src/b/d.rs: no module names this file",
            "crates/a/src/e/mod.rs: is foo.rs beside foo/ in this house",
        ]
    );
}

#[test]
fn layers_and_trees_of_cores_are_watched() {
    let dep = |pkg: &str, kind: Option<&str>| json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]});
    let package = |name: &str, uses: &[&str]| {
        let uses: Vec<_> = uses.iter().map(|used| json!({"name": used})).collect();
        json!({"id": name, "name": name, "dependencies": uses})
    };
    let metadata = json!({
        "workspace_members": ["stdx", "wire", "attic"],
        "packages": [
            package("stdx", &["wire", "tokio"]),
            package("wire", &["stdx"]),
            package("attic", &[]),
            package("between", &["tokio"]),
            package("tokio", &[]),
        ],
        "resolve": { "nodes": [
            {"id": "stdx", "deps": [dep("tokio", Some("dev"))]},
            {"id": "wire", "deps": [dep("stdx", None), dep("between", None)]},
            {"id": "between", "deps": [dep("tokio", None)]},
            {"id": "attic", "deps": []},
            {"id": "tokio", "deps": []},
        ]},
    });
    let problems = Graph::read(&metadata).unwrap().problems();
    let problems: Vec<_> = problems.iter().filter(|line| !line.contains("no crate")).collect();
    assert_eq!(
        problems,
        [
            "crates/attic: has no place in xtask's rooms.rs",
            "crates/stdx: uses wire, which is not below it (rooms.rs)",
            "crates/wire: a core must not depend on tokio",
        ]
    );
}

#[test]
fn manifest_rules_bite() {
    let whole = "[package]\nname = \"a\"\ndescription = \"d\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n[lints]\nworkspace = true\n";
    let docs = ["//! Docs.".to_owned()];
    assert!(manifests::check_crate("a", whole, &docs).is_empty());
    assert_eq!(manifests::check_crate("b", whole, &docs).len(), 1);
    assert_eq!(manifests::check_crate("a", whole, &["fn f() {}".to_owned()]).len(), 1);
    assert_eq!(manifests::check_crate("a", &whole.replace("[lints]", "[x]"), &docs).len(), 1);
    assert_eq!(manifests::check_crate("a", "[", &docs).len(), 1);
}

#[test]
fn pages_name_what_is_there() {
    let readme = "./gone\n```sh\n$ ./test\n./gone now\ncargo run --release -- share x\n\
        cargo run -- fly\nfluvial get y # fly\ntarget/release/fluvial fly\ncargo xtask ci\n\
        cargo xtask fly\nls\n```\n";
    let problems =
        pages::check_commands(readme, "  Share(Share),\n  Get(Get),", |word| word == "./test");
    assert_eq!(
        problems,
        [
            "README.md:4: there is no ./gone now",
            "README.md:6: there is no cargo run -- fly",
            "README.md:8: there is no target/release/fluvial fly",
            "README.md:10: there is no cargo xtask fly",
        ]
    );
    assert!(pages::check_map("the `stdx` crate").iter().all(|line| !line.contains("`stdx`")));
}
