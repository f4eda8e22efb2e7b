use crate::{SCENARIOS, Scenario};

#[test]
fn the_projects_scenarios_can_be_run() {
    for (name, text) in SCENARIOS {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.about.is_empty(), "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let check = |text: &str, says: &str| {
        let error = Scenario::parse(text).expect_err(text).to_string();
        assert!(error.contains(says) && !error.contains('\n'), "{text}: {error}");
    };
    check("size = ", "line 1");
    check("\nsiez = '1MiB'", "line 2: unknown field `siez`");
    check("[[peers]]\nup = '1MB/s'\nfree-rider = true", "unknown field `free-rider`");
    check("size = '0'", "positive");
    check("size = '1x'", "unknown unit `x`");
    check("size = '1TiB'", "`size` is 1099511627776");
    check("piece-length = '100kB'", "`piece-length`");
    check("piece-length = '8GiB'", "`piece-length`");
    check("peer-set = 0", "`peer-set`");
    check("rtt = '1h'", "`rtt`");
    check("limit = '99999h'", "`limit`");
    check("fidelity = 'high'", "unknown variant `high`");
    check("picker = 'best'", "unknown variant `best`");
    check("peers = []", "at least one seed and one peer");
    check("[[peers]]\ncount = 0", "at least one seed and one peer");
    check("[[peers]]\ncount = 4000000000", "`count`");
    check("[[peers]]\ncount = -1", "invalid value");
    check("[[peers]]\nup = '1B/s'", "at least 1kB/s");
    check("[[peers]]\nquit = 1.5", "`quit`");
    check("[[peers]]\nper-second = 0.0", "`per-second`");
    check("loss = 0.9", "`loss`");
    check("loss = nan", "`loss`");
    check("loss-burst = 0.5", "`loss-burst`");
    check("duplicates = 0.1", "`duplicates` needs `transport");
    check("transport = 'utp'\nreordering = 0.6", "`reordering` is a share");
    check("transport = 'quic'", "unknown variant `quic`");
    check("queue = '11s'", "`queue`");
    check("[[peers]]\nnat = 'conical'", "unknown variant `conical`");
    check("fidelity = 'blocks'\ntransport = 'utp'", "need `fidelity");
    check("fidelity = 'blocks'\n[[peers]]\nnat = 'symmetric'", "need `fidelity");
    check("[[peers]]\nlies = -0.1", "`lies`");
    check("[[peers]]\ndisk = 'wet'", "unknown variant `wet`");
    check("[[peers]]\npower-cuts = 9999", "`power-cuts` is 9999");
    check("[[peers]]\ntrouble-within = '99999h'", "10000h");
    check("fidelity = 'blocks'\nloss = 0.1", "need `fidelity");
    check("[[seeds]]\nmagnet = true", "`magnet` is for peers");
    check("[[seeds]]\nleave-after-copies = nan", "`leave-after-copies`");
    check("watch = 11", "`watch`");
    check("size = '4GiB'\n[[peers]]\ncount = 10000", "more than the");
    check(&"[[peers]]\n".repeat(200), "at most 100 groups");
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let mut scenario = Scenario::named("churn").unwrap();
    scenario.size = 4 << 20;
    let run = |scenario: &Scenario| scenario.run(|_| ()).unwrap();
    let (first, second) = (run(&scenario), run(&scenario));
    assert_eq!(first, second);
    assert_ne!(first.trace, run(&Scenario { seed: 2, ..scenario }).trace);
}
