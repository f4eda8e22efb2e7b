//! The rules of the house that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bans;

mod layers;
mod manifests;
mod pages;
mod source;
#[cfg(test)]
mod tests;
mod text;

/// Everything that breaks a rule, one line each, in a fixed order.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut problems = bans::check(root);
    problems.extend(layers::check(root)?);
    problems.extend(manifests::check(root)?);
    problems.extend(pages::check(root));
    problems.extend(check_sources(root)?);
    problems.sort();
    problems.dedup();
    Ok(problems)
}

fn check_sources(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["crates", "fuzz/fuzz_targets"] {
        rust_files(&root.join(folder), &mut files)?;
    }
    let mut sources = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
        sources.push((name, text));
    }
    let ratchet_path = root.join("crates/xtask/long-functions.txt");
    let ratchet = fs::read_to_string(ratchet_path).context("cannot read the ratchet list")?;
    let allowed: Vec<&str> =
        ratchet.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    Ok(source::check(&sources, &allowed))
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
    Ok(())
}
