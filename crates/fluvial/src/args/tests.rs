use clap::CommandFactory;

use super::*;

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn goals() {
    assert_eq!(parse_goal("none"), Ok(SeedGoal::None));
    assert_eq!(parse_goal("ratio:1.5"), Ok(SeedGoal::Ratio(1.5)));
    assert_eq!(parse_goal("time:2h"), Ok(SeedGoal::Time(Duration::from_hours(2))));
    for wrong in ["", "ratio", "ratio:-1", "ratio:x", "time:0", "ever"] {
        assert!(parse_goal(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_command_has_examples() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example"), "{}", command.get_name());
    }
}

#[test]
fn design_flags_are_taken() {
    let check = |line: &str| {
        let parsed = Cli::try_parse_from(line.split(' '));
        assert!(
            parsed.is_ok(),
            "{line}: {}",
            parsed.err().map(|e| e.to_string()).unwrap_or_default()
        );
    };
    check(
        "fluvial share a b --name n --torrent t --format v2 --piece-length 1MiB --tracker u --http 127.0.0.1:0",
    );
    check(
        "fluvial share a --no-tracker --listen 127.0.0.1:0 --listen [::1]:0 --no-discovery --json",
    );
    check(
        "fluvial get - -o d --list --files *.x --sequential --preallocate --peer 1.2.3.4:5 --overwrite",
    );
    check(
        "fluvial get m --tracker u --give-up 30s --seed ratio:1 --up-limit none --down-limit 1MB/s",
    );
    check("fluvial seed t p t2 p2 --max-peers 10 --state-dir s");
    check("fluvial seed --dir t --data d -vv --log f --quiet");
    check("fluvial create p -o o --announce a --announce b --web-seed w --private --comment c");
    check("fluvial --json show s");
    check("fluvial verify t p");
    check("fluvial tracker --udp 127.0.0.1:0 --http [::1]:0 --memory 1GiB");
    assert!(Cli::try_parse_from(["fluvial", "share", "a", "--up-limit", "0"]).is_err());
    assert!(Cli::try_parse_from(["fluvial", "seed"]).is_err());
}
