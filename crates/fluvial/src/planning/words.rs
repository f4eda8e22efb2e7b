//! What binds, what would help, and what a deadline asks for, in sentences.

use std::time::Duration;

use plan::{Class, Crowd, Limit, Plan};

use crate::args;
use crate::output::Output;
use crate::units::{count, show_duration, show_line_rate, show_number, show_size};

/// What binds a swarm, in a few words.
pub(crate) fn short(limit: Limit) -> &'static str {
    match limit {
        Limit::Server => "the server's upload",
        Limit::Download => "the slowest download",
        Limit::Aggregate => "all uplinks together",
    }
}

/// Says what binds at the last number of peers, and what would help.
pub(crate) fn explain(args: &args::Plan, plan: Plan, output: &Output) {
    let (alone, swarm) = (plan.client_server(), plan.peer_to_peer());
    let peers = count(plan.peers(), "peer");
    let size = show_size(args.size);
    let verb = if plan.peers() == 1 { "gets" } else { "get" };
    let time = show_duration(swarm.duration());
    let alone_time = show_duration(alone.duration());
    output.line("");
    output.line(if swarm.duration() == alone.duration() {
        format!(
            "{peers} {verb} {size} in {time} at the least, as a swarm or from the server alone."
        )
    } else {
        format!(
            "{peers} {verb} {size} in {time} at the least; from the server alone in {alone_time}."
        )
    });
    if let Some(limit) = swarm.limit() {
        output.line(binding(args, &plan, limit));
    }
    output.line(help(args, plan));
    let endless = plan.endless();
    if args.peer_up.is_some_and(|up| up.0.is_some()) && endless.limit() == Some(Limit::Aggregate) {
        let most = show_duration(endless.duration());
        output.line(format!("However many peers come, it never takes longer than F/u = {most}."));
    }
}

fn binding(args: &args::Plan, plan: &Plan, limit: Limit) -> String {
    let server = args.server_up.0.map_or_else(unlimited, |up| show_line_rate(up.into()));
    match limit {
        Limit::Server => {
            format!("The server's upload binds: every byte leaves it once, at {server}.")
        }
        Limit::Download => {
            let down = plan.least_down().map_or_else(unlimited, |down| show_line_rate(down.into()));
            format!("The slowest download binds: {down} into a peer, whoever sends.")
        }
        Limit::Aggregate => {
            let peers = plan.peers_up().map_or_else(unlimited, show_line_rate);
            let copies = count(plan.peers(), "cop").replace("cops", "copies");
            format!(
                "All uplinks together bind: {server} of the server and {peers} of the peers \
                 carry {copies}."
            )
        }
    }
}

fn unlimited() -> String {
    "an unlimited line".to_owned()
}

/// What twice of each rate would change.
fn help(args: &args::Plan, plan: Plan) -> String {
    let twice = |rate: Option<u64>| rate.map(|rate| rate.saturating_mul(2));
    let classes = || args.crowds().last().unwrap_or_default().into_iter();
    let with = |server, classes: Vec<Class>| {
        let plan = Plan::new(args.size, server, classes).ok()?;
        let plan = plan.with_overhead(args.overhead.unwrap_or(0)).ok()?;
        Some(show_duration(plan.peer_to_peer().duration()))
    };
    let up = |class: Class| Class { up: twice(class.up), ..class };
    let down = |class: Class| Class { down: twice(class.down), ..class };
    let server = args.server_up.0;
    let now = show_duration(plan.peer_to_peer().duration());
    let all = [
        ("the server's upload", with(twice(server), classes().collect())),
        ("the peers' upload", with(server, classes().map(up).collect())),
        ("the peers' download", with(server, classes().map(down).collect())),
    ];
    let better = all.into_iter().filter_map(|(what, time)| Some((what, time?)));
    let better = better.filter(|(_, time)| *time != now);
    let better: Vec<String> = better.map(|(what, time)| format!("{what}: {time}")).collect();
    match &better[..] {
        [] => "Twice of one rate alone would not help.".to_owned(),
        better => format!("With twice {}.", better.join("; with twice ")),
    }
}

/// Says what it takes to be done in time.
pub(crate) fn explain_deadline(plan: Plan, deadline: Duration, output: &Output) {
    let time = show_duration(deadline);
    let peers = count(plan.peers(), "peer");
    let [_, (_, download), _] = plan.limits();
    output.line("");
    if download.duration() > deadline {
        let least = show_duration(download.duration());
        let why = format!("the slowest download alone takes {least}, whoever sends");
        return output.bad("Too late:", format!("{time} is never enough; {why}."));
    }
    if plan.is_met(deadline) {
        output.good("In time:", format!("{time} is enough for {peers}. So it would be with"));
    } else {
        output.bad("Too late:", format!("{time} is not enough for {peers}. It would be with"));
    }
    let rate = |up: u64| format!("at least {}", show_line_rate(up.into()));
    output.row(
        "  the server",
        match (plan.server_for(deadline), plan.seeds_for(deadline)) {
            (Some(up), Some(seeds @ 2..)) => {
                format!("{}, or {} seeds with its upload", rate(up), show_number(seeds))
            }
            (Some(up), _) => rate(up),
            (None, _) => "a faster one than there is".to_owned(),
        },
    );
    output.row(
        "  or a peer",
        match plan.peer_up_for(deadline) {
            Some(0) => "no upload at all".to_owned(),
            Some(up) => format!("{} of upload, on average", rate(up)),
            None => "none is enough: the server cannot send one copy in time".to_owned(),
        },
    );
    output.row(
        "  or",
        match plan.peers_for(deadline) {
            Crowd::None => "not even one peer".to_owned(),
            Crowd::AtMost(peers) => format!("at most {}", count(peers, "peer")),
            Crowd::Any => "any number of peers".to_owned(),
        },
    );
    if let Some(up) = plan.server_alone_for(deadline) {
        output.row("  no swarm", format!("but {} of the server alone", rate(up)));
    }
}
