//! What the gates (`crates/gates`) need to count instructions: valgrind, and a runner of the very
//! version that the benches are linked with.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result};
use toml::{Table, Value};

const RUNNER: &str = "gungraun-runner";

/// What to do when a limit is passed.
pub(crate) const PASSED: &str = "Where a limit is passed, find out why: callgrind_annotate reads \
    the callgrind.*.out of the bench in target/gungraun/gates. If what makes the core dearer is \
    worth it, raise the limit beside the bench in the same commit, and say there why \
    (docs/performance.md, Gates).";

/// What is missing here and how to get it, if anything.
pub(crate) fn missing(root: &Path) -> Result<Option<String>> {
    let path = search_path(root)?;
    if version("valgrind", &path).is_none() {
        return Ok(Some(
            "valgrind is not installed; ./test does it, or apt-get install valgrind".to_owned(),
        ));
    }
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let needed = needed(&lock).with_context(|| format!("Cargo.lock names no {RUNNER}"))?;
    let found = version(RUNNER, &path);
    let missing = format!(
        "{RUNNER} {needed} is not installed; ./test does it, as does \
        cargo install --locked {RUNNER}@{needed}"
    );
    Ok((found.as_ref() != Some(&needed)).then_some(missing))
}

/// `PATH`, with the folder in front into which `./test` installs the runner.
pub(crate) fn search_path(root: &Path) -> Result<String> {
    let installed = crate::target(root).join("gates-tools/bin");
    let usual = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([installed].into_iter().chain(env::split_paths(&usual)));
    path.context("PATH cannot be added to")?.into_string().ok().context("PATH is not text")
}

/// The runner's version according to `Cargo.lock`.
fn needed(lock: &str) -> Option<String> {
    let lock: Table = lock.parse().ok()?;
    let mut packages = lock.get("package")?.as_array()?.iter();
    let runner = packages.find(|it| it.get("name").and_then(Value::as_str) == Some(RUNNER))?;
    runner.get("version")?.as_str().map(str::to_owned)
}

/// The version that a program says it has, if it is there.
fn version(program: &str, path: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").env("PATH", path).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.split_whitespace().last().map(str::to_owned)
}

#[cfg(test)]
mod tests;
