//! The swarm job: a program of `interop`, which has the namespaces and drives the rivals.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Args;
use super::lab::Lab;

/// Has the swarms measured with the binary and the libtorrent of the lab. The rest of the rivals is
/// what `./test` installs.
pub(super) fn measure(root: &Path, lab: &Lab, args: &Args) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "run",
            "--locked",
            "--release",
            "--quiet",
            "--package",
            "interop",
            "--bin",
            "bench-swarm",
        ])
        .args(["--", "--peers", &args.peers, "--runs", &args.runs.to_string()])
        .args(["--rtt", &args.rtt.to_string()])
        .env("FLUVIAL_TEST_BINARY", &lab.fluvial)
        .env("FLUVIAL_TEST_PYTHON", &lab.python)
        .current_dir(root);
    if let Some(path) = &args.json {
        command.arg("--json").arg(path.with_extension("swarm.json"));
    }
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "the swarms were not measured ({status})");
    Ok(())
}
