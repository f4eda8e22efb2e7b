//! The chart of a plan, in a file and in the terminal.

use plan::Plan;
use report::{Axis, Bars, Lines, Series, Unit};

use super::words::short;
use crate::args;
use crate::output::{self, Output};
use crate::units::{count, show_line_rate, show_size};

/// From this ratio of the most to the fewest peers, both axes are logarithmic.
const LOG_FROM: u64 = 100;
/// The chart in a terminal: rows, and the most columns.
const ROWS: usize = 13;
const COLUMNS_MAX: usize = 96;

/// An SVG file: curves over the number of peers, or what each limit asks of the only one.
pub(crate) fn svg(args: &args::Plan, plans: &[Plan]) -> String {
    let size = show_size(args.size);
    match plans {
        [plan] => {
            let peers = count(plan.peers(), "peer");
            report::svg(&format!("Least time to give {size} to {peers}"), &bars(plan))
        }
        _ => report::svg(&format!("Least time until every peer has {size}"), &curves(args, plans)),
    }
}

/// Prints the curves for a person.
pub(crate) fn print(args: &args::Plan, plans: &[Plan], output: &Output) {
    if plans.len() < 3 {
        return;
    }
    let chart = curves(args, plans).text(output::page_width().min(COLUMNS_MAX), ROWS);
    if !chart.is_empty() {
        output.styled(&format!("\n{}", chart.trim_end()));
    }
}

fn curves(args: &args::Plan, plans: &[Plan]) -> Lines {
    let of = |seconds: fn(&Plan) -> f64| -> Vec<(f64, f64)> {
        plans.iter().map(|plan| (plan.peers() as f64, seconds(plan))).collect()
    };
    let alone = of(|plan| plan.client_server().seconds());
    let swarm = of(|plan| plan.peer_to_peer().seconds());
    let (x, y) = (Axis::count(&peers_label(args)), Axis::seconds("time"));
    let (x, y) = if is_wide(plans) { (x.log(), y.log()) } else { (x, y.starting_at(0.0)) };
    let highest = alone.iter().map(|point| point.1).fold(0.0, f64::max);
    let mut lines = Lines::new(x, y)
        .with(Series::line("client–server", alone))
        .with(Series::line("peer-to-peer", swarm));
    if let Some(plan) = plans.first() {
        let endless = plan.endless().seconds();
        if endless <= highest {
            lines = lines.level("limit of any swarm", endless);
        }
    }
    match args.deadline.map(|deadline| deadline.as_secs_f64()) {
        Some(deadline) if deadline <= highest => lines.level("deadline", deadline),
        _ => lines,
    }
}

/// True when ratios of peers tell more than differences.
pub(super) fn is_wide(plans: &[Plan]) -> bool {
    let ends = plans.first().zip(plans.last());
    ends.is_some_and(|(first, last)| last.peers() / first.peers() >= LOG_FROM)
}

fn peers_label(args: &args::Plan) -> String {
    let rate = |rate: Option<u64>| match rate {
        Some(rate) => show_line_rate(rate.into()),
        None => "unlimited".to_owned(),
    };
    match args.peer_up {
        Some(up) => format!(
            "peers, of {} upload each; the server's is {}",
            rate(up.0),
            rate(args.server_up.0)
        ),
        None => "peers".to_owned(),
    }
}

fn bars(plan: &Plan) -> Bars {
    let bars = Bars::new(Unit::Seconds)
        .row("from the server alone", &[plan.client_server().seconds()])
        .row("as a swarm", &[plan.peer_to_peer().seconds()]);
    let limits = plan.limits().into_iter().filter(|(_, bound)| bound.limit().is_some());
    limits.fold(bars, |bars, (limit, bound)| {
        bars.row(&format!("limit: {}", short(limit)), &[bound.seconds()])
    })
}
