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
    fn check(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example"), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
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
        "fluvial share a b --name n --torrent t --format v2 --piece-length 1MiB --tracker udp://u:1 --http 127.0.0.1:0",
    );
    check(
        "fluvial share a --no-tracker --listen 127.0.0.1:0 --listen [::1]:0 --no-discovery --json",
    );
    check(
        "fluvial get - -o d --list --files *.x --sequential --preallocate --peer 1.2.3.4:5 --overwrite",
    );
    check(
        "fluvial get m --tracker http://u/announce --give-up 30s --seed ratio:1 --up-limit none --down-limit 1MB/s",
    );
    check("fluvial seed t p t2 p2 --max-peers 10 --state-dir s");
    check("fluvial seed --dir t --data d -vv --log f --quiet");
    check(
        "fluvial create p -o o --announce udp://a:1 --announce http://b/announce --web-seed w --private --comment c",
    );
    check("fluvial --json show s");
    check("fluvial verify t p");
    check("fluvial get x --config f --output d");
    check("fluvial completions zsh");
    check("fluvial man --dir d");
    check("fluvial tracker --udp 127.0.0.1:0 --http [::1]:0 --memory 1GiB --interval 10m");
    check("fluvial lab load udp://127.0.0.1:6969 --rate 100 --time 3s --pid 1 --silent 0.5");
    check("fluvial plan --size 1GB --server-up 1MB/s --peers 1..35 --peer-up 1MB/s --svg f");
    check(
        "fluvial plan --size 1GB --server-up none --class 2:1:none --class 3:none:1 --deadline 1h",
    );
    check("fluvial lab ring --bits 4 --ids 1,3,4 --from 1 --key 14 --no-shortcuts");
    check("fluvial lab overlay --nodes 9 --kill 0.2 --kill-anchor --seed 3 --html o.html");
    check("fluvial lab overlay --loss 0.1 --slow 0.2 --slow-by 3s --copies 1,5 --ttl 3 --json");
    check("fluvial lab ring --nodes 9 --lookups 9 --fail 0.5 --successors 2 --seed 1 --json");
}

#[test]
fn wrong_values_are_refused_with_an_example() {
    let check = |line: &str, says: &str| {
        let error = Cli::try_parse_from(line.split(' ')).err().map(|e| e.to_string());
        assert!(error.as_deref().unwrap_or_default().contains(says), "{line}: {error:?}");
    };
    check("fluvial share a --up-limit 0", "positive");
    check("fluvial share a --listen 127.0.0.1", "127");
    check("fluvial share a --listen 127.0.0.1", "192.0.2.7:6881");
    check("fluvial share a --tracker foo", "udp://tracker.example:6969");
    check("fluvial share a --piece-length 3000", "power of two from 16KiB");
    check("fluvial share a --piece-length 1GiB", "power of two from 16KiB");
    check("fluvial get a --peer b", "IP address and a port");
    check("fluvial get a --seed ratio:0", "ratio:1.5");
    check("fluvial get a --give-up never", "30s");
    check("fluvial get a --max-peers 0", "1..=60000");
    check("fluvial create a -o b --announce ws://c", "http://tracker.example/announce");
    check("fluvial tracker --memory 3", "at least 1MiB");
    check("fluvial tracker --interval 1s", "from 10s to 8h");
    check("fluvial seed", "TORRENT PATH");
    check("fluvial plan --size 0 --server-up 1 --peers 1 --peer-up 1", "positive");
    check("fluvial plan --size 1 --server-up 1 --peers 1", "--peer-up");
    check("fluvial plan --size 1 --server-up 1 --peers x --peer-up 1", "1..35");
    check("fluvial lab ring --bits 0", "1..=160");
    check("fluvial lab ring --fail 1", "below 1");
    check("fluvial lab overlay --nodes 1", "2..=100000");
    check("fluvial lab overlay --kill 1", "below 1");
    check("fluvial lab overlay --slow-by 2s", "--slow");
    check("fluvial lab overlay --copies 0", "0 is not");
    check("fluvial lab ring --successors 0", "from 1 to 64");
    check("fluvial lab ring --ids 1,2", "--from");
    check("fluvial lab ring --from 1", "--ids");
    check("fluvial lab ring --ids 1 --from 1 --key 1 --nodes 5", "--nodes");
    check("fluvial seed --dir a", "--data");
}

#[test]
fn help_fits_a_screen_and_keeps_its_order() {
    let mut cli = Cli::command();
    cli.build();
    for name in [
        "share",
        "get",
        "seed",
        "create",
        "show",
        "verify",
        "tracker",
        "plan",
        "lab ring",
        "lab overlay",
        "lab link",
        "lab load",
    ] {
        let command = name.split(' ').fold(&mut cli, |command, name| {
            command.find_subcommand_mut(name).expect("it is a command")
        });
        assert!(!command.get_arguments().any(|arg| arg.get_long_help().is_some()), "{name}");
        let long = command.render_help().to_string();
        let everywhere = long.find("Everywhere:").expect("flags of every command");
        assert!(long.find("--json ").is_some_and(|json| json > everywhere), "{name}: {long}");
        assert!(long.lines().all(|line| line.chars().count() <= 100), "{name}: {long}");
    }
}
