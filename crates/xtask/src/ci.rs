//! Continuous integration: the same stages here, on a laptop and on a server.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::tidy;

/// Runs every stage; stops at the first that fails. The tests come last, so that the run ends
/// with their summary.
pub(crate) fn run(root: &Path) -> Result<()> {
    let started = Instant::now();
    let ci = Ci { root };
    ci.stage("fmt", || ci.cargo(&["fmt", "--all", "--", "--check"], &[]))?;
    ci.stage("clippy", || {
        let lint = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        ci.cargo(&lint, &[])
    })?;
    ci.stage("doc", || {
        let doc = ["doc", "--locked", "--workspace", "--no-deps", "--quiet"];
        ci.cargo(&doc, &[("RUSTDOCFLAGS", "-D warnings")])
    })?;
    ci.stage("tidy", || crate::report(&tidy::check(root)?))?;
    if installed("deny") {
        ci.stage("deny", || ci.cargo(&["deny", "check", "bans", "licenses", "sources"], &[]))?;
    } else {
        println!("== deny: skipped (cargo-deny is not installed; cargo install cargo-deny)");
    }
    ci.stage("fuzz corpora", || ci.test(&["--package", "fuzzed"]))?;
    ci.stage("tests", || ci.test(&["--workspace", "--exclude", "fuzzed"]))?;
    println!("== ci: every stage passed ({:.0} s)", started.elapsed().as_secs_f64());
    Ok(())
}

struct Ci<'a> {
    root: &'a Path,
}

impl Ci<'_> {
    fn stage(&self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("== {name}: begins");
        let started = Instant::now();
        let done = work();
        let seconds = started.elapsed().as_secs_f64();
        let verdict = if done.is_ok() { "ok" } else { "FAILED" };
        println!("== {name}: {verdict} ({seconds:.1} s)");
        done.with_context(|| format!("stage {name} failed in {}", self.root.display()))
    }

    fn test(&self, packages: &[&str]) -> Result<()> {
        let runner: &[&str] = if installed("nextest") {
            &["nextest", "run", "--locked", "--no-fail-fast"]
        } else {
            &["test", "--locked", "--no-fail-fast", "--all-targets"]
        };
        self.cargo(&[runner, packages].concat(), &[])
    }

    fn cargo(&self, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).envs(env.iter().copied()).current_dir(self.root);
        let status = command.status().context("cannot start cargo")?;
        if !status.success() {
            bail!("`cargo {}` failed ({status})", args.join(" "));
        }
        Ok(())
    }
}

/// True when cargo has the subcommand.
fn installed(subcommand: &str) -> bool {
    let mut command = Command::new(env!("CARGO"));
    command.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
