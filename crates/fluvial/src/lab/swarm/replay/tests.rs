use clap::Parser;

use super::command;
use crate::args::SwarmLab;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: SwarmLab,
}

/// The flags in a line as a shell understands it.
fn read(line: &str) -> SwarmLab {
    let words = shlex::split(line).expect("a line for the shell");
    assert_eq!(words[..3], ["fluvial", "lab", "swarm"]);
    Line::try_parse_from(&words[2..]).unwrap_or_else(|error| panic!("{line}: {error}")).flags
}

#[test]
fn the_line_means_what_was_typed() {
    let check = |typed: &str, seed: u64| {
        let args = read(typed);
        let again = read(&command(&args, seed).expect("it can be written"));
        assert_eq!(format!("{again:?}"), format!("{:?}", SwarmLab { seed: Some(seed), ..args }));
    };
    check("fluvial lab swarm", 1);
    check("fluvial lab swarm churn --seed 7", 7);
    check("fluvial lab swarm 'my scenarios/it'\\''s $(bad).toml' --size 1MiB", 2);
    check("fluvial lab swarm ./-x.toml --rtt 70.1ms --free-riders 0.3 --churn 0.1", 3);
    check("fluvial lab swarm --peer-up none --peer-down 10Mbit/s --seed-up 3MB/s", u64::MAX);
    check(
        "fluvial lab swarm --peers 3 --seeds 2 --picker random --choker seed-style --fidelity blocks",
        4,
    );
}
