//! What every crate's manifest and root module have.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("no crates folder")? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else {
            problems.push(format!("crates/{name}: a folder without a Cargo.toml"));
            continue;
        };
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| fs::read_to_string(folder.join(file)));
        let roots: Vec<String> = roots.into_iter().flatten().collect();
        problems.extend(check_crate(&name, &manifest, &roots));
    }
    Ok(problems)
}

pub(super) fn check_crate(name: &str, manifest: &str, roots: &[String]) -> Vec<String> {
    let Ok(table) = manifest.parse::<Table>() else {
        return vec![format!("crates/{name}/Cargo.toml: is not TOML")];
    };
    let at = |section: &str, key: &str| table.get(section).and_then(|section| section.get(key));
    let inherits =
        |key: &str| at("package", key).and_then(|value| value.get("workspace")).is_some();
    let rules = [
        (at("package", "name").is_some_and(|is| is.as_str() == Some(name)), "name = the folder's"),
        (at("package", "description").is_some(), "a description"),
        (inherits("version") && inherits("edition"), "version and edition of the workspace"),
        (inherits("rust-version") && inherits("license"), "rust-version and license likewise"),
        (inherits("publish"), "publish.workspace = true"),
        (at("lints", "workspace").is_some(), "[lints] workspace = true"),
    ];
    let broken = rules.iter().filter(|(holds, _)| !holds);
    let mut problems: Vec<String> = broken
        .map(|(_, rule)| format!("crates/{name}/Cargo.toml: a crate's manifest has {rule}"))
        .collect();
    if !roots.iter().any(|text| text.starts_with("//!")) {
        problems.push(format!("crates/{name}: its root module begins with //! docs"));
    }
    problems
}
