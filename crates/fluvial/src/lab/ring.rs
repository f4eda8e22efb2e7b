//! `fluvial lab ring`.

use anyhow::anyhow;
use serde::Serialize;

use ring::world::Still;
use ring::{Id, Route, Space};
use stdx::Rng;

use crate::args::{Query, RingLab};
use crate::events::Event;
use crate::output::Output;
use crate::units::{count, show_number};

/// Identifiers of up to this many bits are numbers in JSON, as every reader of JSON can hold them;
/// longer ones are texts.
const NUMBER_BITS: u8 = 53;

/// One identifier in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Point {
    Number(u64),
    Text(String),
}

impl Point {
    fn new(space: Space, id: Id) -> Self {
        match id.to_u64() {
            Some(number) if space.bits() <= NUMBER_BITS => Self::Number(number),
            _ => Self::Text(id.to_string()),
        }
    }
}

/// Routes one query, or many.
///
/// # Errors
/// When the flags contradict each other.
pub(crate) fn run(args: &RingLab, output: &Output) -> anyhow::Result<()> {
    match args.query().map_err(|why| anyhow!(why))? {
        Some(query) => one(args, query, output),
        None => many(args, output),
    }
    Ok(())
}

/// The route of one query in a ring that is spelled out.
fn one(args: &RingLab, query: Query, output: &Output) {
    let space = args.space();
    let ring = Still::new(space, query.ids, args.successors());
    let route = ring.route(query.from, query.key, !args.no_shortcuts);
    let point = |id: &Id| Point::new(space, *id);
    let path: Vec<Point> = route.path.iter().map(point).collect();
    let owner = route.owner.as_ref().map(point);
    output.event(&Event::Route { messages: route.messages(), path: &path, owner });
    let way: Vec<String> = route.path.iter().map(ToString::to_string).collect();
    let owner = route.owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string());
    output.row("Route", way.join(" → "));
    output.row("Owner", format!("{owner} answers for key {}", query.key));
    output.row("Messages", show_number(route.messages()));
}

/// The means of many look-ups in a random ring.
fn many(args: &RingLab, output: &Output) {
    let mut rng = Rng::new(args.seed.unwrap_or(1));
    let (space, nodes) = (args.space(), args.nodes.unwrap_or(1_000));
    let lookups = args.lookups.unwrap_or(10_000);
    let mut ring = Still::random(space, nodes as usize, args.successors(), &mut rng);
    ring.fail(args.fail.unwrap_or(0.0), &mut rng);
    let alive: Vec<Id> = ring.members().iter().copied().filter(|id| ring.is_alive(*id)).collect();
    let (mut messages, mut timeouts, mut failed) = (0, 0, 0);
    for _ in 0..lookups {
        let (from, key) = (alive[rng.index(alive.len())], space.random(&mut rng));
        let route: Route = ring.route(from, key, !args.no_shortcuts);
        messages += route.messages();
        timeouts += u64::from(route.timeouts);
        failed += u64::from(route.owner != ring.owner(key));
    }
    let mean = |sum: u64| sum as f64 / f64::from(lookups);
    let (mean_messages, mean_timeouts) = (mean(messages), mean(timeouts));
    output.event(&Event::RingResult { mean_messages, mean_timeouts, failed_lookups: failed });
    output.row("Ring", count(nodes.into(), "peer"));
    output.row("Messages", format!("{mean_messages:.2} a look-up"));
    output.row("Timeouts", format!("{mean_timeouts:.2} a look-up"));
    output.row("Failed", format!("{} of {}", show_number(failed), show_number(lookups.into())));
}
