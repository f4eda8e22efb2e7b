//! Project automation: `cargo xtask ci` is the whole of continuous integration, `cargo xtask tidy`
//! checks the rules of the house that no compiler checks, `cargo xtask gates` counts what the cores
//! cost, and `cargo xtask bench` measures us against libtorrent and against other trackers.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

mod bans;
mod bench;
mod ci;
mod gates;
mod rooms;
mod tidy;

/// Project automation.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check: format, lints, docs, tidy, fuzz corpora, gates, tests
    Ci,
    /// Check the rules of the house: layers, sizes, docs, generated files
    Tidy {
        /// Write the generated files (crates/*/clippy.toml) instead of comparing them
        #[arg(long)]
        fix: bool,
    },
    /// Run the tests among other clients only
    Interop {
        /// Only tests whose names contain this
        only: Option<String>,
        /// Move 256 MiB in every format, not 16
        #[arg(long)]
        full: bool,
    },
    /// Count the instructions that the cores take, and fail where they are more than they may be
    Gates {
        /// Only those of this core
        core: Option<String>,
    },
    /// Measure our binary side by side with libtorrent (torrents made, content moved) or trackers
    Bench(Box<bench::Args>),
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let root = root()?;
    match task {
        Task::Ci => ci::run(&root),
        Task::Tidy { fix } => {
            if *fix {
                bans::write(&root)?;
            }
            report(&tidy::check(&root)?)
        }
        Task::Interop { only, full } => ci::interop(&root, only.as_deref(), full.then_some(256)),
        Task::Gates { core } => ci::gates(&root, core.as_deref()),
        Task::Bench(args) => bench::run(&root, args),
    }
}

fn report(problems: &[String]) -> Result<()> {
    for problem in problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("tidy: {} to put right", problems.len());
    }
    println!("tidy: all in order");
    Ok(())
}

/// The build folder.
fn target(root: &Path) -> PathBuf {
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()))
}

/// The folder of the workspace, two above this crate's.
fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.map(Path::to_path_buf).context("the crate lies in crates/xtask")
}
