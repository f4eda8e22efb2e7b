//! `fluvial plan`.

mod chart;
mod words;

use std::time::Duration;

use anyhow::Context as _;

use plan::{Crowd, Limit, Plan};

use crate::args;
use crate::events::Event;
use crate::output::Output;
use crate::state::write_whole;
use crate::units::{show_duration, show_number};

/// The most rows of the table for a person.
const ROWS_MAX: usize = 12;

/// Says how long it takes at least.
///
/// # Errors
/// When the plan is impossible or the chart cannot be written.
pub(crate) fn run(args: &args::Plan, output: &Output) -> anyhow::Result<()> {
    let overhead = args.overhead.unwrap_or(0);
    let plans = args
        .crowds()
        .map(|classes| Plan::new(args.size, args.server_up.0, classes)?.with_overhead(overhead));
    let plans: Vec<Plan> = plans.collect::<Result<_, plan::Error>>()?;
    let last = *plans.last().context("a plan needs peers")?;
    if let Some(file) = &args.svg {
        write_whole(file, chart::svg(args, &plans).as_bytes())?;
    }
    for plan in &plans {
        tell(plan, output);
    }
    table(&plans, output);
    chart::print(args, &plans, output);
    words::explain(args, last, output);
    if let Some(deadline) = args.deadline {
        output.event(&deadline_event(last, deadline));
        words::explain_deadline(last, deadline, output);
    }
    if let Some(file) = &args.svg {
        output.good("Wrote", format!("{}", file.display()));
    }
    Ok(())
}

fn tell(plan: &Plan, output: &Output) {
    let (alone, swarm) = (plan.client_server(), plan.peer_to_peer());
    output.event(&Event::Plan {
        peers: plan.peers(),
        client_server_seconds: alone.seconds(),
        client_server_binding: alone.limit().map(Limit::name),
        p2p_seconds: swarm.seconds(),
        p2p_binding: swarm.limit().map(Limit::name),
    });
}

fn deadline_event(plan: Plan, deadline: Duration) -> Event<'static> {
    let most = |crowd| match crowd {
        Crowd::None => Some(0),
        Crowd::AtMost(peers) => Some(peers),
        Crowd::Any => None,
    };
    Event::Deadline {
        seconds: deadline.as_secs_f64(),
        peers: plan.peers(),
        met: plan.is_met(deadline),
        server_up: plan.server_for(deadline),
        seeds: plan.seeds_for(deadline),
        peer_up: plan.peer_up_for(deadline),
        peers_most: most(plan.peers_for(deadline)),
        client_server_up: plan.server_alone_for(deadline),
        client_server_peers_most: most(plan.peers_alone_for(deadline)),
    }
}

/// The table for a person: round numbers of peers when there are many.
fn table(plans: &[Plan], output: &Output) {
    output.heading(&format!(
        "{:>13}  {:>13}  {:>13}  swarm limited by",
        "peers", "client–server", "peer-to-peer"
    ));
    for plan in chosen(plans) {
        let (alone, swarm) = (plan.client_server(), plan.peer_to_peer());
        output.line(format!(
            "{:>13}  {:>13}  {:>13}  {}",
            show_number(plan.peers()),
            show_duration(alone.duration()),
            show_duration(swarm.duration()),
            swarm.limit().map_or("nothing", words::short),
        ));
    }
}

/// The first, the last, and between them those with a round number of peers.
fn chosen(plans: &[Plan]) -> Vec<&Plan> {
    let powers = || (0..10).map(|power| 10u64.pow(power));
    let steps = || powers().flat_map(|power| [1, 2, 5].map(|factor| factor * power));
    let last = plans.len().saturating_sub(1);
    let fit = |is_round: &dyn Fn(u64) -> bool| {
        let rows = plans.iter().enumerate();
        let rows = rows.filter(|(i, plan)| *i == 0 || *i == last || is_round(plan.peers()));
        let rows: Vec<&Plan> = rows.map(|(_, plan)| plan).collect();
        (rows.len() <= ROWS_MAX).then_some(rows)
    };
    if chart::is_wide(plans) {
        let fine = fit(&|peers| steps().any(|step| step == peers));
        return fine
            .or_else(|| fit(&|peers| powers().any(|power| power == peers)))
            .unwrap_or_default();
    }
    steps().find_map(|step| fit(&|peers| peers.is_multiple_of(step))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
