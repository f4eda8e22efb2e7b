//! The pages for people: what they name is there.

use std::fs;
use std::path::Path;

use crate::rooms::ROOMS;

pub(super) fn check(root: &Path) -> Vec<String> {
    let page = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let mut problems = check_map(&page("ARCHITECTURE.md"));
    let exists = |word: &str| root.join(word).is_file();
    problems.extend(check_commands(&page("README.md"), &page(GRAMMAR), exists));
    let owed = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let owed = owed.into_iter().chain(["LICENSE-MIT", "LICENSE-APACHE"]);
    problems.extend(owed.filter(|name| !exists(name)).map(|name| format!("{name}: is missing")));
    problems
}

/// Where the commands of `fluvial` and of `cargo xtask` are declared.
const GRAMMAR: &str = "crates/fluvial/src/args.rs";
const TASKS: [&str; 4] = ["ci", "tidy", "gates", "bench"];

pub(super) fn check_map(architecture: &str) -> Vec<String> {
    let named = |name: &str| architecture.contains(&format!("`{name}`"));
    let missing = ROOMS.iter().map(|(name, _)| name).filter(|name| !named(name));
    missing.map(|name| format!("ARCHITECTURE.md: does not name the crate `{name}`")).collect()
}

/// Checks each command line in the fenced blocks of a page.
pub(super) fn check_commands(
    readme: &str,
    grammar: &str,
    exists: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut in_fence = false;
    for (number, line) in (1..).zip(readme.lines()) {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if in_fence {
            let line = line.trim_start().trim_start_matches("$ ");
            let words: Vec<&str> = line.split_whitespace().take_while(|w| *w != "#").collect();
            problems.extend(
                unknown_command(&words, grammar, &exists)
                    .map(|what| format!("README.md:{number}: there is no {what}")),
            );
        }
    }
    problems
}

fn unknown_command(words: &[&str], grammar: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    let known = match words {
        [script, ..] if script.starts_with("./") => exists(script),
        ["cargo", "xtask", task, ..] => TASKS.contains(task),
        ["cargo", "run", rest @ ..] => {
            let verb = rest.iter().skip_while(|word| **word != "--").nth(1);
            verb.is_none_or(|verb| declares(grammar, verb))
        }
        [binary, verb, ..] if *binary == "fluvial" || binary.ends_with("/fluvial") => {
            declares(grammar, verb)
        }
        _ => true,
    };
    (!known).then(|| words.join(" "))
}

/// True when the grammar has a variant of the verb's name.
fn declares(grammar: &str, verb: &str) -> bool {
    let mut letters = verb.chars();
    let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
    let variant: String = initial.into_iter().chain(letters).collect();
    verb.starts_with('-')
        || grammar.lines().any(|line| {
            let rest = line.trim_start().strip_prefix(&variant);
            rest.is_some_and(|rest| rest.starts_with(['(', ',', ' ']))
        })
}
