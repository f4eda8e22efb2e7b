//! What was seen, as a page.

use std::path::Path;

use report::{Axis, Bars, Figure, Lines, Page, Series, Table, Unit};
use ring::world::Stats;
use ring::{Config, Repair};

use super::many::Size;
use super::picture::Circle;
use super::query::{Seen, cells};
use super::rings::{Fate, Rings};
use crate::args::{Query, RingLab};
use crate::output::Output;
use crate::state;
use crate::units::{count, show_number};

/// Look-ups for each point of the churn chart.
const LOOKUPS_OF_POINT: u32 = 2_000;

pub(super) fn write(page: &Page, path: &Path, output: &Output) -> anyhow::Result<()> {
    state::write_whole(path, page.html().as_bytes())?;
    output.good("Wrote", path.display().to_string());
    Ok(())
}

/// The ring, and the query's two ways round it.
pub(super) fn of_query(
    args: &RingLab,
    query: &Query,
    seen: &Seen,
    path: &Path,
    output: &Output,
) -> anyhow::Result<()> {
    let (short, long) = (&seen.with_shortcuts, &seen.by_successors);
    let owner = short.owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string());
    let circle = |route, kind| Circle {
        space: args.space(),
        members: seen.ring.members(),
        route,
        key: query.key,
        kind,
    };
    let messages = |route: &ring::Route| count(route.messages(), "message");
    let mut table = Table::new(&["Peer", "Before", "Behind", "Shortcuts"]);
    for tables in &seen.tables {
        table = table.row(cells(tables));
    }
    let by_shortcuts = circle(short, 1);
    let by_successors = circle(long, 3);
    let page = Page::new("A query round the ring")
        .lead(&format!(
            "Peer {} looks for key {}: {} by shortcuts, {} from successor to successor.",
            query.from,
            query.key,
            messages(short),
            messages(long),
        ))
        .fact("By shortcuts", &messages(short))
        .fact("By successors", &messages(long))
        .fact("Owner of the key", &owner)
        .fact("Peers", &show_number(seen.tables.len() as u64))
        .figure(&Figure::new("By shortcuts", &by_shortcuts).caption(
            "Each arrow is one message; each goes to the peer nearest before the key that the \
                 sender knows. The dotted one delivers, and is not counted.",
        ))
        .figure(
            &Figure::new("From successor to successor", &by_successors)
                .caption("The same query when every peer knows only whom it has behind it."),
        )
        .heading("What each peer knows")
        .text(
            "Its predecessor, its successors, and the shortcuts that lead beyond the first \
             successor: +2^i names the first peer at or behind that many identifiers further on.",
        )
        .table(&table)
        .parameter("Identifiers", &format!("2^{}", args.space().bits()))
        .parameter("Successors kept", &args.successors().to_string());
    write(&page, path, output)
}

/// Messages against the number of peers.
pub(super) fn of_sizes(all: &Rings, sizes: &[Size]) -> Page {
    let mut lead = String::new();
    if let Some(Size { peers, mean, half_log2 }) = sizes.last() {
        lead = format!(
            "Among {} peers a look-up takes {mean:.2} messages; half the logarithm is \
             {half_log2:.2}.",
            show_number(*peers)
        );
    }
    let mut table = Table::new(&["Peers", "Messages", "½·log2 N"]);
    for Size { peers, mean, half_log2 } in sizes {
        table = table.row([show_number(*peers), format!("{mean:.2}"), format!("{half_log2:.2}")]);
    }
    let of = |value: fn(&Size) -> f64| sizes.iter().map(|s| (s.peers as f64, value(s))).collect();
    let chart = Lines::new(Axis::count("peers").log(), Axis::new("messages").starting_at(0.0))
        .with(Series::line("½·log2 N", of(|size| size.half_log2)).dashed().colour(2))
        .with(Series::line("measured", of(|size| size.mean)).colour(1));
    let caption = match all.config.successors {
        1 => "Each peer keeps one successor: all else is left to the shortcuts.".to_owned(),
        kept => format!(
            "Each peer keeps {kept} successors, which saves the last steps: about ½·log2 N − \
             {:.1} are left.",
            (kept as f64).log2() / 2.0 - 1.0
        ),
    };
    Page::new("How a ring grows")
        .lead(&lead)
        .figure(&Figure::new("Messages of a look-up", &chart).caption(&caption))
        .table(&table)
        .parameter("Successors kept", &all.config.successors.to_string())
        .parameter("Rings of each size", &show_number(all.count.into()))
        .parameter("Look-ups in each", &show_number(all.lookups.into()))
        .parameter("Seed", &all.seed.to_string())
}

/// What many look-ups took.
pub(super) fn of_many(args: &RingLab, rings: &Rings, stats: &Stats, output: &Output) -> Page {
    let (mean, timeouts) = (stats.mean_path(), stats.mean_timeouts());
    let messages = histogram(stats.paths.iter(), stats.lookups);
    let met = histogram(stats.timeouts.iter(), stats.lookups);
    let peers = show_number(rings.nodes.into());
    let failed = format!("{} of {}", show_number(stats.failed), show_number(stats.lookups));
    let found = if stats.failed == 0 {
        "each found the owner of its key".to_owned()
    } else {
        format!("{failed} did not find the owner of their key")
    };
    let mut page = Page::new("Look-ups in a ring")
        .lead(&format!(
            "Among {peers} peers a look-up takes {mean:.2} messages and meets {timeouts:.2} \
             timeouts on average; {found}."
        ))
        .fact("Messages", &format!("{mean:.2}"))
        .fact("Timeouts", &format!("{timeouts:.2}"))
        .fact("Failed", &failed)
        .figure(
            &Figure::new("Messages of a look-up", &messages)
                .caption("How many messages which share of the look-ups took."),
        )
        .figure(
            &Figure::new("Timeouts of a look-up", &met)
                .caption("How many peers that were gone which share of the look-ups tried."),
        )
        .parameter("Peers", &peers)
        .parameter("Successors kept", &rings.config.successors.to_string())
        .parameter("Rings", &show_number(rings.count.into()))
        .parameter("Look-ups in each", &show_number(rings.lookups.into()))
        .parameter("Seed", &rings.seed.to_string());
    if let Some(share) = args.fail {
        page = page.parameter("Peers that have just gone", &format!("{:.0} %", share * 100.0));
    }
    if let Some(churn) = args.churn {
        let [met, lost] = churn_charts(rings, churn, output);
        page = page
            .parameter("Joins and leaves", &format!("{churn} each a second"))
            .parameter(
                "Repair",
                if rings.config.repair == Repair::Prompt { "prompt" } else { "in rounds" },
            )
            .heading("As peers come and go faster")
            .figure(&Figure::new("Timeouts of a look-up", &met))
            .figure(&Figure::new("Look-ups that do not find the owner", &lost).caption(
                "In rounds: as Chord was published. Prompt: newcomers are told of at once, \
                 pointers are pinged, and the owner is asked whether somebody nearer has come.",
            ));
    }
    page
}

/// How many of a hundred look-ups took how many.
fn histogram<'a>(counts: impl Iterator<Item = (&'a u64, &'a u64)>, all: u64) -> Bars {
    counts.fold(Bars::new(Unit::Share), |bars, (value, count)| {
        bars.row(&value.to_string(), &[*count as f64 / all.max(1) as f64])
    })
}

/// Timeouts and failures against the rate of coming and going, both kinds of repair.
fn churn_charts(rings: &Rings, most: f64, output: &Output) -> [Lines; 2] {
    let lookups = rings.lookups.min(LOOKUPS_OF_POINT);
    let axis = || Axis::new("joins, and as many leaves, a second").starting_at(0.0);
    let mut met = Lines::new(axis(), Axis::new("timeouts").starting_at(0.0));
    let mut lost = Lines::new(axis(), Axis::share("failed").starting_at(0.0));
    for (name, repair) in [("in rounds", Repair::Rounds), ("prompt", Repair::Prompt)] {
        let config = Config { repair, ..rings.config };
        let at = |rate: f64| {
            let fate = Fate::Churn { rate, farewell: false };
            (rate, Rings { config, fate, lookups, ..*rings }.measure(output))
        };
        let points = [0.25, 0.5, 0.75, 1.0].map(|part| at(most * part));
        let of = |value: fn(&Stats) -> f64| points.iter().map(|(x, s)| (*x, value(s))).collect();
        met = met.with(Series::line(name, of(Stats::mean_timeouts)));
        let share = |stats: &Stats| stats.failed as f64 / stats.lookups.max(1) as f64;
        lost = lost.with(Series::line(name, of(share)));
    }
    [met, lost]
}
