//! The command that does the same again.

use anyhow::Context as _;

use crate::args::SwarmLab;
use crate::units::Rate;

/// What to type into a shell, in the same folder, to see a run again: each flag as it was given,
/// and the seed even where it was not.
///
/// # Errors
/// When no shell can be told the name of the scenario.
pub(super) fn command(args: &SwarmLab, seed: u64) -> anyhow::Result<String> {
    let mut words: Vec<String> = ["fluvial", "lab", "swarm"].map(str::to_owned).into();
    words.extend(args.scenario.as_deref().map(as_no_flag));
    let mut flag = |name: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [format!("--{name}"), value]));
    };
    let rate = |rate: Option<Rate>| {
        rate.map(|it| it.0.map_or("none".to_owned(), |bytes| format!("{bytes}B/s")))
    };
    flag("peers", args.peers.map(|it| it.to_string()));
    flag("seeds", args.seeds.map(|it| it.to_string()));
    flag("seed-up", rate(args.seed_up));
    flag("peer-up", rate(args.peer_up));
    flag("peer-down", rate(args.peer_down));
    flag("size", args.size.map(|it| it.to_string()));
    flag("rtt", args.rtt.map(|it| format!("{}s", it.as_secs_f64())));
    flag("picker", args.picker.and_then(|it| value_name(&it)));
    flag("choker", args.choker.and_then(|it| value_name(&it)));
    flag("fidelity", args.fidelity.and_then(|it| value_name(&it)));
    flag("free-riders", args.free_riders.map(|it| it.to_string()));
    flag("churn", args.churn.map(|it| it.to_string()));
    flag("seed", Some(seed.to_string()));
    flag("compare", args.compare.and_then(|it| value_name(&it)));
    flag("runs", args.compare.map(|_| args.runs.to_string()));
    let words = words.iter().map(String::as_str);
    shlex::try_join(words).context("the scenario's name has a NUL in it")
}

/// A file whose name begins with a dash is no flag.
fn as_no_flag(name: &str) -> String {
    if name.starts_with('-') { format!("./{name}") } else { name.to_owned() }
}

fn value_name(value: &impl clap::ValueEnum) -> Option<String> {
    Some(value.to_possible_value()?.get_name().to_owned())
}

#[cfg(test)]
mod tests;
