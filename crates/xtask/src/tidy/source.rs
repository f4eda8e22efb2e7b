//! What every source file keeps to.

use std::collections::BTreeSet;

use super::text::{blank, functions};

/// Lines in a file.
pub(super) const FILE_LINES_MAX: usize = 700;
/// Lines in a function, signature and closing brace included.
pub(super) const FUNCTION_LINES_MAX: usize = 70;
/// Characters in a line, unless it holds an address that cannot be broken. In tests the insides of
/// literals do not count: a table's row of bytes reads best unbroken.
pub(super) const COLUMNS_MAX: usize = 100;

/// Code that is not finished, or not run.
const NOT_IN_CODE: [&str; 5] = ["todo!", "unimplemented!", "dbg!", "#[ignore", "#[should_panic"];
/// Words that promise work; put together here so that this file does not say them.
const NOT_IN_TEXT: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

/// Checks sources, given as (path, text); `allowed` are the functions that may be long.
pub(super) fn check(sources: &[(String, String)], allowed: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut long = BTreeSet::new();
    for (path, text) in sources {
        let code = blank(text);
        problems.extend(check_lines(path, text, &code));
        for function in functions(&code) {
            let (name, line, lines) = (&function.name, function.line, function.lines);
            if lines > FUNCTION_LINES_MAX && long.insert(format!("{path} {name}")) {
                problems.extend((!allowed.contains(&&*format!("{path} {name}"))).then(|| {
                    format!("{path}:{line}: {name} has {lines} lines, over {FUNCTION_LINES_MAX}")
                }));
            }
        }
    }
    let outgrown = allowed.iter().filter(|entry| !long.contains(**entry));
    problems.extend(outgrown.map(|entry| format!("long-functions.txt: {entry} is no longer long")));
    problems.extend(check_modules(sources));
    problems
}

fn check_lines(path: &str, text: &str, code: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        problems.push(format!("{path}: has {lines} lines, over {FILE_LINES_MAX}"));
    }
    for (number, (line, code)) in (1..).zip(text.lines().zip(code.lines())) {
        let columns = columns(path, line, code);
        if columns > COLUMNS_MAX && !line.contains("://") {
            problems.push(format!("{path}:{number}: has {columns} columns, over {COLUMNS_MAX}"));
        }
        let unfinished = NOT_IN_CODE.iter().filter(|word| code.contains(**word));
        let promised = NOT_IN_TEXT.iter().filter(|word| line.contains(**word));
        problems.extend(unfinished.chain(promised).map(|word| format!("{path}:{number}: {word}")));
    }
    problems
}

fn columns(path: &str, line: &str, code: &str) -> usize {
    let all = line.chars().count();
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    if !is_test || line.trim_start().starts_with("//") {
        return all;
    }
    let blanked = line.chars().zip(code.chars()).filter(|(is, left)| is != left);
    all - blanked.count()
}

/// No `mod.rs`, and no file that no module names.
fn check_modules(sources: &[(String, String)]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut declared = BTreeSet::new();
    for (path, text) in sources {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let stem = path[folder.len()..].trim_start_matches('/').trim_end_matches(".rs");
        let home = match stem {
            "lib" | "main" => folder.to_owned(),
            _ => format!("{folder}/{stem}"),
        };
        for line in blank(text).lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [.., "mod", name] = words[..] {
                declared.insert(format!("{home}/{}.rs", name.trim_end_matches(';')));
            }
        }
    }
    for (path, _) in sources {
        if path.ends_with("/mod.rs") {
            problems.push(format!("{path}: is foo.rs beside foo/ in this house"));
        } else if !is_root(path) && !declared.contains(path) {
            problems.push(format!("{path}: no module names this file"));
        }
    }
    problems
}

/// A file that cargo finds by itself.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts[..],
        ["crates", _, "build.rs"]
            | ["crates", _, "src", "lib.rs" | "main.rs"]
            | ["crates", _, "src", "bin", _]
            | ["crates", _, "tests" | "examples" | "benches", _]
            | ["crates", _, "tests" | "examples" | "benches", _, "main.rs"]
            | ["fuzz", "fuzz_targets", _]
    )
}
