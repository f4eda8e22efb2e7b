//! A test's way into namespaces of its own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::lab::Lab;
use crate::programs::{self, Program};

/// Set for the test's second life, inside: the folder that is its to use.
const INSIDE: &str = "FLUVIAL_INTEROP_INSIDE";
/// Set by hand, to look at the folder afterwards.
const KEEP: &str = "FLUVIAL_INTEROP_KEEP";
/// Written by a test that came to its end, so that a run of no test is no success.
const DONE: &str = "done";
/// Lines shown of each program's log when a test fails.
const LOG_LINES: usize = 25;

/// Runs the test `name` (as the harness calls it) in new network, mount and process namespaces,
/// where all that it starts ends with it. Without root in user namespaces; where neither is
/// allowed, or one of `programs` is not installed, it says so on standard error and does nothing.
///
/// # Panics
/// When the test fails.
pub fn run(name: &str, programs: &[Program], test: impl FnOnce(&mut Lab) -> Result<()>) {
    let done = match env::var_os(INSIDE) {
        Some(folder) => inside(Path::new(&folder), test),
        None => outside(name, programs, &["--exact", name, "--nocapture", "--test-threads=1"]),
    };
    if let Err(error) = done {
        panic!("{name}: {error:#}");
    }
}

/// The same for a program, which is run again with its own arguments.
///
/// # Errors
/// What `work` fails with.
pub fn run_program(programs: &[Program], work: impl FnOnce(&mut Lab) -> Result<()>) -> Result<()> {
    if let Some(folder) = env::var_os(INSIDE) {
        return inside(Path::new(&folder), work);
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    outside(env!("CARGO_PKG_NAME"), programs, &arguments)
}

fn inside(folder: &Path, test: impl FnOnce(&mut Lab) -> Result<()>) -> Result<()> {
    let done = Lab::new(folder).and_then(|mut lab| test(&mut lab));
    match &done {
        Ok(()) => fs::write(folder.join(DONE), b"")?,
        Err(_) => show_logs(folder),
    }
    done
}

fn outside(name: &str, wanted: &[Program], arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    let mut missing: Vec<String> = wanted.iter().filter_map(|program| program.missing()).collect();
    let unshare = match way_in() {
        Ok(unshare) => Some(unshare),
        Err(reason) => {
            missing.push(format!("namespaces ({reason})"));
            None
        }
    };
    let Some((unshare, ())) = unshare.zip(missing.is_empty().then_some(())) else {
        let what = missing.join(", ");
        // Past the harness's capture: nobody shall take this for a test that passed.
        writeln!(std::io::stderr(), "SKIPPED {name}: not here: {what}")?;
        return Ok(());
    };
    programs::build()?;
    let mut folder = tempfile::Builder::new().prefix("interop-").tempdir_in(programs::scratch()?)?;
    folder.disable_cleanup(env::var_os(KEEP).is_some());
    // A killed test takes its namespaces with it, and they all that runs in them.
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(unshare)
        .arg("--")
        .arg(env::current_exe()?)
        .args(arguments)
        .env(INSIDE, folder.path())
        .stdin(Stdio::null())
        .status()
        .context("cannot start `setpriv`")?;
    ensure!(status.success(), "failed inside its namespaces ({status}); see above");
    ensure!(folder.path().join(DONE).exists(), "there is no test of this name");
    Ok(())
}

/// The arguments of `unshare` that are allowed here.
fn way_in() -> Result<Vec<&'static str>, String> {
    let always = ["--net", "--mount", "--pid", "--fork", "--kill-child"];
    let mut reason = String::new();
    for user in [&[][..], &["--map-root-user"][..]] {
        let arguments = [user, &always].concat();
        let mut command = Command::new("unshare");
        command.args(&arguments).args(["--", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
        match command.output() {
            Ok(output) if output.status.success() => return Ok(arguments),
            Ok(output) => reason = String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => reason = format!("unshare: {error}"),
        }
    }
    Err(reason.trim().to_owned())
}

/// The last lines of every log, for whoever reads why a test failed.
fn show_logs(folder: &Path) {
    for path in logs_below(folder) {
        let Ok(bytes) = fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.iter().skip(lines.len().saturating_sub(LOG_LINES));
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        let mut out = std::io::stderr().lock();
        let _best_effort = writeln!(out, "--- {name}");
        for line in shown {
            let _best_effort = writeln!(out, "    {line}");
        }
    }
}

fn logs_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let nodes = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = nodes.flat_map(|node| fs::read_dir(node.path()).into_iter().flatten().flatten());
    let is_log = |path: &std::path::PathBuf| path.extension() == Some(OsStr::new("log"));
    let mut logs: Vec<_> = files.map(|file| file.path()).filter(is_log).collect();
    logs.sort();
    logs
}
