use std::io::Write as _;

use clap::{CommandFactory as _, Parser as _};

use super::super::{Cli, Command as Chosen, Experiment, Get};
use super::*;

/// A file of settings, variables and words, read together.
struct Case<'a> {
    file: &'a str,
    variables: &'a [(&'a str, &'a str)],
    words: &'a str,
}

impl Case<'_> {
    fn complete(&self) -> Result<Vec<OsString>, clap::Error> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(self.file.as_bytes()).expect("it takes text");
        let environment = |name: &str| {
            let of_file = ("FLUVIAL_CONFIG", file.path().to_str().expect("a readable path"));
            let home = ("HOME", "/home/someone");
            let mut all = self.variables.iter().copied().chain([of_file, home]);
            all.find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let words = self.words.split(' ').map(OsString::from).collect();
        complete(Cli::command(), words, &environment)
    }

    fn read(&self) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(self.complete()?)
    }

    fn get(&self) -> Get {
        match self.read().map(|cli| cli.command) {
            Ok(Chosen::Get(get)) => get,
            other => panic!("{}: {other:?}", self.words),
        }
    }
}

#[test]
fn typed_beats_environment_beats_table_beats_what_is_for_all() {
    let limit = |words, variables: &[_], file| {
        let get = Case { file, variables, words }.get();
        get.net.up_limit.and_then(|rate| rate.0)
    };
    let file = "up-limit = 1\n[get]\nup-limit = 2\n[seed]\nup-limit = 5\n";
    let variable = [("FLUVIAL_UP_LIMIT", "3")];
    assert_eq!(limit("fluvial get x --up-limit 4", &variable, file), Some(4));
    assert_eq!(limit("fluvial get x", &variable, file), Some(3));
    assert_eq!(limit("fluvial get x", &[], file), Some(2));
    assert_eq!(limit("fluvial get x", &[], "up-limit = '1KB/s'"), Some(1_000));
    assert_eq!(limit("fluvial get x", &[("FLUVIAL_UP_LIMIT", "")], file), Some(2));
    assert_eq!(limit("fluvial get x", &[], ""), None);
}

#[test]
fn lists_replace_each_other() {
    let peers = |words, variables: &[_]| {
        let file = "[get]\npeer = ['192.0.2.1:1', '192.0.2.1:2']";
        let get = Case { file, variables, words }.get();
        get.peer.iter().map(std::net::SocketAddr::port).collect::<Vec<_>>()
    };
    let variable = [("FLUVIAL_PEER", "192.0.2.1:3  192.0.2.1:4")];
    assert_eq!(peers("fluvial get x", &[]), [1, 2]);
    assert_eq!(peers("fluvial get x", &variable), [3, 4]);
    assert_eq!(peers("fluvial get x --peer 192.0.2.1:5", &variable), [5]);
}

#[test]
fn a_flag_rules_out_what_it_conflicts_with_below() {
    let case = |file, words| Case { file, variables: &[], words }.read().map(|cli| cli.command);
    let file = "[share]\nno-tracker = true\n[seed]\ndir = 'a'\ndata = 'b'";
    match case(file, "fluvial share x --http 127.0.0.1:0") {
        Ok(Chosen::Share(share)) => assert!(!share.no_tracker && share.http.is_some()),
        other => panic!("{other:?}"),
    }
    match case(file, "fluvial seed a.torrent a") {
        Ok(Chosen::Seed(seed)) => assert!(seed.dir.is_none() && seed.data.is_none()),
        other => panic!("{other:?}"),
    }
    match case(file, "fluvial seed") {
        Ok(Chosen::Seed(seed)) => assert_eq!(seed.dir.as_deref(), Some("a".as_ref())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_of_every_kind() {
    let file = "json = true\nquiet = false\nverbose = 2\nmax-peers = 1_000\n[get]\noutput = '~/in'";
    let cli =
        Case { file, variables: &[("FLUVIAL_LIST", "1")], words: "fluvial -q --log get get -" };
    let cli = cli.read().expect("it is right");
    assert!(cli.common.json && cli.common.quiet);
    assert_eq!((cli.common.verbose, cli.common.log.as_deref()), (2, Some("get".as_ref())));
    let Chosen::Get(get) = cli.command else { panic!("{:?}", cli.command) };
    assert_eq!((get.net.max_peers, get.output.as_path()), (1_000, "/home/someone/in".as_ref()));
    assert!(get.list && get.source == "-");
}

#[test]
fn an_experiment_has_its_own_table_and_variables() {
    let seed = |words, variables: &[_], file| match (Case { file, variables, words }).read() {
        Ok(Cli { command: Chosen::Lab(lab), common, .. }) => match lab.experiment {
            Experiment::Ring(ring) => (ring.seed, common.json),
            Experiment::Swarm(swarm) => (swarm.seed, common.json),
            other => panic!("{words}: {other:?}"),
        },
        other => panic!("{words}: {other:?}"),
    };
    let file = "json = true\nup-limit = 1\n[lab.ring]\nseed = 2\n[seed]\nup-limit = 5\n";
    let goal = ("FLUVIAL_SEED", "ratio:1");
    let variable = ("FLUVIAL_LAB_RING_SEED", "3");
    assert_eq!(seed("fluvial lab ring --seed 4", &[goal, variable], file), (Some(4), true));
    assert_eq!(seed("fluvial lab ring", &[goal, variable], file), (Some(3), true));
    assert_eq!(seed("fluvial lab ring", &[goal], file), (Some(2), true));
    assert_eq!(seed("fluvial lab ring", &[goal], ""), (None, false));
    let file = "[lab.swarm]\nseed = 5\n";
    assert_eq!(seed("fluvial lab swarm", &[goal, variable], file), (Some(5), false));
}

#[test]
fn faults_name_the_line_the_key_and_what_is_allowed() {
    let check = |file, says: &[&str]| {
        let error = Case { file, variables: &[], words: "fluvial show x" }.complete();
        let error = error.expect_err(file).to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        for says in says {
            assert!(error.contains(says), "{file}: {error}");
        }
    };
    check("\nup-limt = 3", &["line 2", "`up-limt`", "did you mean `up-limit`?"]);
    check("[lab]\nseed = 3", &["line 2", "[lab.ring]"]);
    check("[lab.ring]\nnode = 3", &["line 2", "[lab.ring]", "did you mean `nodes`?"]);
    check("[lab.ring]\nnodes = 0", &["line 2", "`nodes`"]);
    check("[get]\nudp = 'x'", &["line 2", "`udp` [get]", "--help"]);
    check("[gett]", &["line 1", "`[gett]`", "seed"]);
    check("seed = 'ratio:1'", &["line 1", "`[seed]`"]);
    check("\n\nup-limit = 0", &["line 3", "`up-limit`", "positive"]);
    check("up-limit = true", &["line 1", "`up-limit`", "number"]);
    check("json = 'yes'", &["line 1", "`json`", "true or false"]);
    check("verbose = 300", &["line 1", "`verbose`", "255"]);
    check("verbose = 'much'", &["line 1", "`verbose`", "a number"]);
    check("listen = [1, [2]]", &["line 1", "`listen`", "list of texts"]);
    check("listen = 2000-01-01", &["line 1", "`listen`", "list of texts"]);
    check("format = 'v3'", &["line 1", "`format`", "hybrid"]);
    check("help = true", &["line 1", "`help`"]);
    check("config = 'x'", &["line 1", "`config`"]);
    check("\nx = 'open", &["line 2"]);
    check("json = true\njson = true", &["line 2", "duplicate"]);
}

#[test]
fn faults_of_variables_name_them() {
    let check = |variables: &[_], says: &str| {
        let error = Case { file: "", variables, words: "fluvial get x" }.complete();
        let error = error.expect_err(says).to_string();
        assert!(error.contains(says) && error.contains(variables[0].0), "{error}");
    };
    check(&[("FLUVIAL_UP_LIMIT", "0")], "positive");
    check(&[("FLUVIAL_JSON", "maybe")], "true nor false");
    check(&[("FLUVIAL_VERBOSE", "x")], "255");
    check(&[("FLUVIAL_PEER", "192.0.2.1:1 b")], "invalid value 'b'");
}

#[test]
fn help_is_given_whatever_the_file_says() {
    let words = "fluvial get --help";
    let error = Case { file: "?", variables: &[], words }.complete().expect_err("it is help");
    assert_eq!(error.kind(), ErrorKind::DisplayHelp);
}

#[test]
fn a_file_that_is_named_must_be_there_and_the_usual_one_need_not() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let environment =
        |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.path().as_os_str().to_owned());
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    let read = |text: &str| complete(Cli::command(), words(text), &environment);
    assert_eq!(read("fluvial show x").expect("no file is fine"), words("fluvial show x"));
    assert!(read("fluvial show x --config /none").is_err());
    std::fs::create_dir(home.path().join("fluvial")).expect("it is new");
    std::fs::write(home.path().join("fluvial/config.toml"), "json = true").expect("it is new");
    let with_json = words("fluvial show --json x");
    assert_eq!(read("fluvial show x").expect("the file is right"), with_json);
    assert_eq!(read("fluvial show x --config /dev/null").expect("an empty file").len(), 5);
}

#[test]
fn no_flag_takes_the_variable_that_commands_are_given() {
    let mut command = Cli::command();
    command.build();
    let all = command.get_subcommands().flat_map(flags).filter_map(Arg::get_long);
    assert!(all.map(variable_name).all(|name| name != "FLUVIAL_PATH"));
}
