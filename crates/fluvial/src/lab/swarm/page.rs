//! The report of a simulated swarm.

use report::{Axis, Bars, Figure, Heat, Lines, Page, Series, Spans, Table, Unit};
use serde_json::json;
use sim::{Outcome, PeerOutcome, Sample, Scenario, Unchoke};
use stdx::Instant;

use crate::units::{show_duration, show_number, show_rate, show_size};

/// Peers that have a bar or a row of their own.
const ROWS_MAX: usize = 24;

/// With more peers than this, the data leaves out who fed whom.
const DETAIL_MAX: usize = 1_000;

/// Into how many parts the time is cut for who fed whom.
const PHASES: usize = 3;

/// The whole page; `command` does the same again.
pub(super) fn render(scenario: &Scenario, outcome: &Outcome, command: &str) -> String {
    let all = scenario.leechers();
    let efficiency = 100.0 / outcome.over_bound().max(1e-9);
    let whole = outcome.completed == all;
    let mut page = Page::new("A swarm in virtual time")
        .lead(&lead(scenario, outcome))
        .fact("Bound", &show_duration(outcome.bound))
        .fact("Last peer", &if whole { show_duration(outcome.last) } else { "never".to_owned() })
        .fact("Efficiency", &if whole { format!("{efficiency:.1} %") } else { "–".to_owned() })
        .fact("Completed", &format!("{} of {}", outcome.completed, all));
    page = flow(page, scenario, outcome);
    page = givers(page, scenario, outcome);
    page = unchokes(page, outcome, scenario.watch);
    page.heading("Peers")
        .table(&groups(scenario, outcome))
        .parameter("Command", command)
        .parameter("Seed", &scenario.seed.to_string())
        .parameter(
            "Trace",
            &format!("{:016x}, {} events", outcome.trace, show_number(outcome.events)),
        )
        .parameter("Content", &show_size(scenario.size))
        .parameter("Piece", &show_size(scenario.piece_length.into()))
        .parameter("Round trip", &show_duration(scenario.rtt))
        .parameter("Peer set", &scenario.peer_set.to_string())
        .parameter("Fidelity", &words(&scenario.fidelity))
        .parameter("Picker", &words(&scenario.tactics.order))
        .parameter("Choker", &words(&scenario.choker))
        .parameter("Send once", if scenario.tactics.send_once { "yes" } else { "no" })
        .data(&data(scenario, outcome, command))
        .html()
}

fn lead(scenario: &Scenario, outcome: &Outcome) -> String {
    let all = scenario.leechers();
    let about =
        if scenario.about.is_empty() { String::new() } else { format!("{} ", scenario.about) };
    let what = if outcome.completed == all {
        let over = outcome.over_bound();
        format!("The last of {all} peers was done after {over:.3} × the least possible time.")
    } else if outcome.dead {
        format!("Some piece got lost: {} of {all} peers got everything.", outcome.completed)
    } else {
        format!("{} of {all} peers got everything.", outcome.completed)
    };
    about + &what
}

/// What happened when.
fn flow(page: Page, scenario: &Scenario, outcome: &Outcome) -> Page {
    let bound = outcome.bound.as_secs_f64();
    let samples = &outcome.history.samples;
    let at = |sample: &Sample| sample.at.as_secs_f64();
    let time = || Axis::seconds("time").starting_at(0.0);
    let points = |value: &dyn Fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        samples.iter().map(|sample| (at(sample), value(sample))).collect()
    };
    let all = f64::from(scenario.leechers());
    let completion = Lines::new(time(), Axis::share("share").starting_at(0.0).ending_at(1.0))
        .with(Series::steps("peers done", points(&|it| f64::from(it.completed) / all)).filled())
        .with(Series::line("content there", points(&|it| it.done)))
        .moment("bound", bound);
    let rarest = Lines::new(time(), Axis::count("copies, peers").starting_at(0.0))
        .with(Series::steps("rarest piece", points(&|it| f64::from(it.rarest))))
        .with(Series::steps("peers there", points(&|it| f64::from(it.present))).dashed());
    page.heading("What happened when")
        .figure(&Figure::new("Completion against the bound", &completion).caption(
            "No protocol can have the last peer done before the bound: each uplink full from the \
             first moment to the last, and no byte sent in vain.",
        ))
        .figure(
            &Figure::new("Use of the uplinks", &uplinks(scenario, outcome))
                .caption("Payload sent, as a share of what all uplinks together could carry."),
        )
        .figure(&Figure::new("Copies of the rarest piece", &rarest).caption(
            "While one copy is left, it is the seed's; when there is none, the content is lost.",
        ))
}

fn uplinks(scenario: &Scenario, outcome: &Outcome) -> Lines {
    let sum = |seed: bool| -> Option<f64> {
        let peers = outcome.peers.iter().filter(|peer| peer.seed == seed);
        peers.map(|peer| peer.up.map(|up| up as f64)).sum()
    };
    let rates = |sent: &dyn Fn(&Sample) -> u64| -> Vec<(f64, f64)> {
        let pairs = outcome.history.samples.windows(2);
        pairs
            .map(|pair| {
                let time = pair[1].at.since(pair[0].at).as_secs_f64().max(1e-9);
                let rate = sent(&pair[1]).saturating_sub(sent(&pair[0])) as f64 / time;
                (pair[1].at.as_secs_f64(), rate)
            })
            .collect()
    };
    let time = Axis::seconds("time").starting_at(0.0);
    let (seeds, leechers) = (rates(&|it| it.from_seeds), rates(&|it| it.from_leechers));
    let name = if scenario.seeds.iter().all(|it| it.count == 1) { "the seed" } else { "seeds" };
    match (sum(true), sum(false)) {
        (Some(of_seeds), Some(of_leechers)) => {
            let part = |points: Vec<(f64, f64)>, of: f64| {
                points.into_iter().map(|(at, rate)| (at, rate / of)).collect()
            };
            Lines::new(time, Axis::share("of the uplinks").starting_at(0.0))
                .with(Series::line(name, part(seeds, of_seeds)))
                .with(Series::line("the peers", part(leechers, of_leechers)))
        }
        _ => Lines::new(time, Axis::rate("sent").starting_at(0.0))
            .with(Series::line(name, seeds))
            .with(Series::line("the peers", leechers)),
    }
}

/// Who gave what to whom.
fn givers(page: Page, scenario: &Scenario, outcome: &Outcome) -> Page {
    let mut page = page.heading("Who gave what to whom").figure(
        &Figure::new("Bytes by source", &sources(scenario, outcome))
            .caption("What the peers of each group received, by who sent it."),
    );
    if scenario.peers.len() > 1 {
        page = page
            .figure(&Figure::new("Uplink against speed", &partners(scenario, outcome)).caption(
            "Each peer once: what it could send, and the mean rate at which it got the content.",
        ));
    }
    let samples = &outcome.history.samples;
    let Some(last) = samples.last().filter(|sample| !sample.fed.is_empty()) else {
        return page;
    };
    for phase in 0..PHASES {
        let part = |phase: usize| (samples.len() - 1) * phase / PHASES;
        let (from, to) = (&samples[part(phase)], &samples[part(phase + 1)]);
        let to = if phase + 1 == PHASES { last } else { to };
        let title = format!(
            "Who fed whom, {} to {}",
            show_duration(from.at.since(Instant::ZERO)),
            show_duration(to.at.since(Instant::ZERO))
        );
        page = page.figure(&Figure::new(&title, &fed(outcome, from, to)).caption(
            "Rows gave, columns took; seeds are left out. Where those who give to \
             each other stand out, tit for tat is at work.",
        ));
    }
    page
}

fn fed(outcome: &Outcome, from: &Sample, to: &Sample) -> Heat {
    let peers: Vec<usize> = (0..to.fed.len()).filter(|&peer| !outcome.peers[peer].seed).collect();
    let cell = |giver: usize, taker: usize| {
        let bytes = |sample: &Sample| sample.fed.get(taker).map_or(0, |row| row[giver]);
        if giver == taker { f64::NAN } else { bytes(to).saturating_sub(bytes(from)) as f64 }
    };
    let row = |&giver: &usize| peers.iter().map(|&taker| cell(giver, taker)).collect();
    let names: Vec<String> = peers.iter().map(ToString::to_string).collect();
    Heat::new(Unit::Bytes, "from peer", "to peer", peers.iter().map(row).collect())
        .named(names.clone(), names)
}

fn sources(scenario: &Scenario, outcome: &Outcome) -> Bars {
    let names = names(scenario);
    let parts: Vec<String> = names.iter().map(|name| format!("from {name}")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut bars = Bars::stacked(Unit::Bytes, &parts);
    let by_source = |peers: &[&PeerOutcome]| -> Vec<f64> {
        let mut bytes = vec![0.0; names.len()];
        for &(from, count) in peers.iter().flat_map(|peer| &peer.from) {
            bytes[outcome.peers[from as usize].group] += count as f64;
        }
        bytes
    };
    let leechers = || outcome.peers.iter().enumerate().filter(|(_, peer)| !peer.seed);
    if scenario.peers.len() == 1 && leechers().count() <= ROWS_MAX {
        for (at, peer) in leechers() {
            bars = bars.row(&format!("peer {at}"), &by_source(&[peer]));
        }
        return bars;
    }
    for (group, name) in names.iter().enumerate().skip(scenario.seeds.len()) {
        let peers: Vec<_> =
            leechers().map(|(_, peer)| peer).filter(|peer| peer.group == group).collect();
        bars = bars.row(name, &by_source(&peers));
    }
    bars
}

fn partners(scenario: &Scenario, outcome: &Outcome) -> Lines {
    let names = names(scenario);
    let x = Axis::rate("uplink").starting_at(0.0);
    let mut lines = Lines::new(x, Axis::rate("speed of the download").starting_at(0.0));
    for (group, name) in names.iter().enumerate().skip(scenario.seeds.len()) {
        let peers = outcome.done().filter(|peer| peer.group == group);
        let dots = peers.filter_map(|peer| {
            let speed = scenario.size as f64 / peer.time?.as_secs_f64();
            Some((peer.up? as f64, speed))
        });
        lines = lines.with(Series::dots(name, dots.collect()));
    }
    lines
}

fn unchokes(page: Page, outcome: &Outcome, watched: u32) -> Page {
    let end = outcome.ended.as_secs_f64();
    let mut peers: Vec<u32> = outcome.history.unchokes.iter().map(|it| it.peer.0).collect();
    peers.sort_unstable();
    peers.dedup();
    if peers.is_empty() {
        return page;
    }
    let time = Axis::seconds("time").starting_at(0.0);
    let mut spans = Spans::new(time, &["for what it gave, or in turn", "by lot"]);
    let of = |peer: u32| outcome.history.unchokes.iter().filter(move |it| it.peer.0 == peer);
    let span = |it: &Unchoke| {
        let to = it.to.map_or(end, Instant::as_secs_f64);
        (it.from.as_secs_f64(), to, usize::from(it.optimistic))
    };
    for &peer in peers.iter().take(ROWS_MAX) {
        let row: Vec<_> = of(peer).map(span).collect();
        spans = spans.row(&format!("peer {peer}"), &row);
    }
    page.figure(
        &Figure::new(&format!("Who was served by peer {watched}"), &spans)
            .caption("A slot by lot that is answered in kind becomes one for what it gave."),
    )
}

fn groups(scenario: &Scenario, outcome: &Outcome) -> Table {
    let mut table = Table::new(&["group", "peers", "uplink", "completed", "mean time", "sent"]);
    let all = scenario.seeds.iter().chain(&scenario.peers);
    for (at, (group, name)) in all.zip(names(scenario)).enumerate() {
        let (mean, done) = outcome.mean_of(at);
        let sent: u64 = outcome.peers.iter().filter(|it| it.group == at).map(|it| it.sent).sum();
        let seed = at < scenario.seeds.len();
        table = table.row([
            name,
            group.count.to_string(),
            group.up.map_or("unlimited".to_owned(), show_rate),
            if seed { "–".to_owned() } else { done.to_string() },
            if seed || done == 0 { "–".to_owned() } else { show_duration(mean) },
            show_size(sent),
        ]);
    }
    table
}

/// `rarest first` for `RarestFirst`.
fn words(name: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn names(scenario: &Scenario) -> Vec<String> {
    let name = |given: &str, usual: &str| {
        if given.is_empty() { usual.to_owned() } else { given.to_owned() }
    };
    let seeds = scenario.seeds.iter().map(|group| name(&group.name, "seed"));
    seeds.chain(scenario.peers.iter().map(|group| name(&group.name, "peers"))).collect()
}

/// All the numbers, in JSON; `command` does the same again.
pub(super) fn data(scenario: &Scenario, outcome: &Outcome, command: &str) -> String {
    let small = outcome.peers.len() <= DETAIL_MAX;
    let sample = |it: &Sample| {
        json!({
            "at": it.at.as_secs_f64(), "completed": it.completed, "done": it.done,
            "rarest": it.rarest, "present": it.present,
            "from_seeds": it.from_seeds, "from_leechers": it.from_leechers,
        })
    };
    let peer = |it: &PeerOutcome| {
        json!({
            "group": it.group, "seed": it.seed, "liar": it.liar, "up": it.up,
            "seconds": it.time.map(|time| time.as_secs_f64()),
            "sent": it.sent, "received": it.received,
            "from": if small { &it.from[..] } else { &[] },
            "lied": it.lied, "bans": it.bans, "pieces_failed": it.pieces_failed,
            "power_cuts": it.power_cuts, "present": it.present, "whole": it.whole,
        })
    };
    let unchoke = |it: &Unchoke| {
        json!({
            "peer": it.peer.0, "from": it.from.as_secs_f64(),
            "to": it.to.map(Instant::as_secs_f64), "optimistic": it.optimistic,
        })
    };
    let history = &outcome.history;
    json!({
        "replay": command,
        "seed": scenario.seed,
        "size": scenario.size,
        "bound_seconds": outcome.bound.as_secs_f64(),
        "last_seconds": outcome.last.as_secs_f64(),
        "mean_seconds": outcome.mean.as_secs_f64(),
        "ended_seconds": outcome.ended.as_secs_f64(),
        "wanted": scenario.leechers(),
        "completed": outcome.completed,
        "dead": outcome.dead,
        "trace": format!("{:016x}", outcome.trace),
        "groups": names(scenario),
        "peers": outcome.peers.iter().map(peer).collect::<Vec<_>>(),
        "samples": history.samples.iter().map(sample).collect::<Vec<_>>(),
        "watched": scenario.watch,
        "unchokes": history.unchokes.iter().map(unchoke).collect::<Vec<_>>(),
    })
    .to_string()
}
