//! Who may depend on whom, asked of cargo itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::rooms::{NOT_IN_CORES, ROOMS, cores, floor};

/// What `cargo metadata` tells, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The workspace's packages, by name: the names of all they depend on, tests included.
    pub(super) members: BTreeMap<String, BTreeSet<String>>,
    /// Every package, by id: its name and the ids that a plain build of it needs.
    pub(super) packages: BTreeMap<String, (String, Vec<String>)>,
}

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root);
    let output = command.output().context("cannot start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata: not JSON")?;
    let graph = Graph::read(&metadata).context("cargo metadata: not in the form we know")?;
    Ok(graph.problems())
}

impl Graph {
    pub(super) fn read(metadata: &Value) -> Option<Self> {
        let mut graph = Self::default();
        let in_workspace: BTreeSet<&str> =
            metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut names = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            let (id, name) = (package["id"].as_str()?, package["name"].as_str()?);
            names.insert(id, name);
            if in_workspace.contains(id) {
                let uses = package["dependencies"].as_array()?.iter();
                let uses = uses.filter_map(|used| Some(used["name"].as_str()?.to_owned()));
                graph.members.insert(name.to_owned(), uses.collect());
            }
        }
        for node in metadata["resolve"]["nodes"].as_array()? {
            let id = node["id"].as_str()?;
            let needed = node["deps"].as_array()?.iter().filter(|dep| is_needed_to_build(dep));
            let needed = needed.filter_map(|dep| Some(dep["pkg"].as_str()?.to_owned())).collect();
            let name = (*names.get(id)?).to_owned();
            graph.packages.insert(id.to_owned(), (name, needed));
        }
        Some(graph)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, uses) in &self.members {
            let Some(own) = floor(name) else {
                problems.push(format!("crates/{name}: has no place in xtask's rooms.rs"));
                continue;
            };
            let above = uses.iter().filter(|used| floor(used).is_some_and(|floor| floor >= own));
            problems.extend(above.map(|used| {
                format!("crates/{name}: uses {used}, which is not below it (rooms.rs)")
            }));
        }
        let missing = ROOMS.iter().filter(|(name, _)| !self.members.contains_key(*name));
        problems.extend(missing.map(|(name, _)| format!("rooms.rs: there is no crate {name}")));
        for core in cores() {
            let tree = self.tree(core);
            let banned = NOT_IN_CORES.iter().filter(|banned| tree.contains(**banned));
            problems.extend(
                banned.map(|banned| format!("crates/{core}: a core must not depend on {banned}")),
            );
        }
        problems
    }

    /// The names of everything that goes into a plain build of a package.
    fn tree(&self, name: &str) -> BTreeSet<&str> {
        let root = self.packages.iter().find(|(_, (is, _))| is == name).map(|(id, _)| id.as_str());
        let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut left: Vec<&str> = root.into_iter().collect();
        while let Some(id) = left.pop() {
            if let Some((name, needed)) = self.packages.get(id).filter(|_| seen.insert(id)) {
                names.insert(name.as_str());
                left.extend(needed.iter().map(String::as_str));
            }
        }
        names
    }
}

/// Neither a test's nor a build script's dependency.
fn is_needed_to_build(dep: &Value) -> bool {
    let kinds = dep["dep_kinds"].as_array();
    kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}
