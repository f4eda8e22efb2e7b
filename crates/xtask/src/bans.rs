//! The `clippy.toml` of every core, from one list.
//!
//! Clippy reads a crate's own file instead of the workspace's, so each core's file is whole.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::rooms;

const CLOCK: &str = "time is an input: take a stdx::Instant from the caller";
const THREAD: &str = "a core runs on its caller's thread";
const SOCKET: &str = "a core does no I/O: hand the bytes to the driver";
const FILE: &str = "a core does no I/O: hand the operation to the driver";
const ENVIRONMENT: &str = "a core is configured by its caller";
const ORDER: &str = "iteration order must replay: use BTreeMap, Vec or slab";
const RANDOM: &str = "randomness is an input: take a seeded stdx::Rng from the caller";

/// Calls that no core makes.
const METHODS: [(&str, &[&str], &str); 5] = [
    ("std::time", &["Instant::now", "SystemTime::now"], CLOCK),
    ("std::thread", &["spawn", "sleep", "scope"], THREAD),
    (
        "std::fs",
        &[
            "canonicalize",
            "copy",
            "create_dir",
            "create_dir_all",
            "exists",
            "hard_link",
            "metadata",
            "read",
            "read_dir",
            "read_link",
            "read_to_string",
            "remove_dir",
            "remove_dir_all",
            "remove_file",
            "rename",
            "set_permissions",
            "symlink_metadata",
            "write",
        ],
        FILE,
    ),
    ("std::env", &["args", "current_dir", "temp_dir", "var", "var_os", "vars"], ENVIRONMENT),
    ("std::process", &["abort", "exit"], ENVIRONMENT),
];

/// Types that no core names.
const TYPES: [(&str, &[&str], &str); 6] = [
    ("std::net", &["TcpListener", "TcpStream", "UdpSocket"], SOCKET),
    ("std::fs", &["DirBuilder", "File", "OpenOptions"], FILE),
    ("std::process", &["Command"], ENVIRONMENT),
    ("std::time", &["Instant", "SystemTime"], CLOCK),
    ("std::collections", &["HashMap", "HashSet"], ORDER),
    ("std::hash", &["RandomState"], RANDOM),
];

/// What the file of every core says.
pub(crate) fn text() -> String {
    let mut out = String::from(
        "# Generated from crates/xtask/src/bans.rs by `cargo xtask tidy --fix`: edit it there.\n\
         allow-unwrap-in-tests = true\n",
    );
    for (key, groups) in [("methods", &METHODS[..]), ("types", &TYPES[..])] {
        let _ = write!(out, "\ndisallowed-{key} = [\n");
        for (module, names, reason) in groups {
            for name in *names {
                let _ =
                    writeln!(out, "  {{ path = \"{module}::{name}\", reason = \"{reason}\" }},");
            }
        }
        out.push_str("]\n");
    }
    out
}

/// Writes the file of every core.
pub(crate) fn write(root: &Path) -> Result<()> {
    for core in rooms::cores() {
        let path = path(root, core);
        fs::write(&path, text()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The cores whose file is missing or differs.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let fresh = |core: &&str| fs::read_to_string(path(root, core)).is_ok_and(|is| is == text());
    rooms::cores()
        .filter(|core| !fresh(core))
        .map(|core| {
            format!("crates/{core}/clippy.toml: differs from the list; run cargo xtask tidy --fix")
        })
        .collect()
}

fn path(root: &Path, core: &str) -> PathBuf {
    root.join("crates").join(core).join("clippy.toml")
}
