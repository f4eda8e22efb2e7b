//! Continuous integration: the same stages here, on a laptop and on a server.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::{gates, tidy};

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
    match gates::missing(root)? {
        None => ci.stage("gates", || ci.gates(None))?,
        Some(missing) => println!("== gates: skipped ({missing})"),
    }
    ci.stage("interop", || ci.interop(None, None))?;
    let apart = ["fuzzed", "gates", "interop"].map(|package| ["--exclude", package]);
    let rest = [&["--workspace"][..], apart.as_flattened()].concat();
    ci.stage("tests", || ci.test(&rest))?;
    println!("== ci: every stage passed ({:.0} s)", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs the interop tests alone: those whose names contain `only`, with `mib` MiB in a content.
pub(crate) fn interop(root: &Path, only: Option<&str>, mib: Option<u64>) -> Result<()> {
    let ci = Ci { root };
    ci.stage("interop", || ci.interop(only, mib))
}

/// Counts what the cores cost, or that one alone.
pub(crate) fn gates(root: &Path, core: Option<&str>) -> Result<()> {
    if let Some(missing) = gates::missing(root)? {
        bail!("instructions cannot be counted: {missing}");
    }
    let ci = Ci { root };
    ci.stage("gates", || ci.gates(core))
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
        self.cargo(&[runner(), packages].concat(), &[])
    }

    /// The tests among other clients, with what they print: tables, and what was skipped.
    fn interop(&self, only: Option<&str>, mib: Option<u64>) -> Result<()> {
        // They would make it themselves, but count the time as theirs.
        self.cargo(&["build", "--locked", "--quiet", "--package", "fluvial"], &[])?;
        let shown: &[&str] = if installed("nextest") {
            &["--success-output", "immediate"]
        } else {
            &["--", "--show-output"]
        };
        let only: Vec<&str> = only.into_iter().collect();
        let args = [runner(), &["--package", "interop"], &only, shown].concat();
        let mib = mib.map(|mib| mib.to_string());
        let size: Vec<_> = mib.iter().map(|mib| ("FLUVIAL_INTEROP_MIB", mib.as_str())).collect();
        self.cargo(&args, &size)
    }

    fn gates(&self, core: Option<&str>) -> Result<()> {
        let only: Vec<&str> = core.iter().flat_map(|core| ["--bench", core]).collect();
        let bench = ["bench", "--locked", "--package", "gates", "--no-fail-fast"];
        let path = gates::search_path(self.root)?;
        let counted = self.cargo(&[&bench, &only[..]].concat(), &[("PATH", &path)]);
        counted.map_err(|error| anyhow!("{error:#}\n{}", gates::PASSED))
    }

    fn cargo(&self, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).envs(env.iter().copied()).current_dir(self.root);
        // What cargo tells us of our package, build scripts of others would take as news.
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&key);
            }
        }
        let status = command.status().context("cannot start cargo")?;
        if !status.success() {
            bail!("`cargo {}` failed ({status})", args.join(" "));
        }
        Ok(())
    }
}

/// What cargo runs tests with.
fn runner() -> &'static [&'static str] {
    if installed("nextest") {
        &["nextest", "run", "--locked", "--no-fail-fast"]
    } else {
        &["test", "--locked", "--no-fail-fast", "--all-targets"]
    }
}

/// True when cargo has the subcommand.
fn installed(subcommand: &str) -> bool {
    let mut command = Command::new(env!("CARGO"));
    command.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
