//! One query in a ring that is spelled out.

use anyhow::{anyhow, ensure};

use ring::world::{Perfect, Still};
use ring::{Id, Node, Route, Tables};

use super::{Point, arrows, page};
use crate::args::{Query, RingLab};
use crate::events::Event;
use crate::output::Output;
use crate::units::count;

/// Rounds of stabilisation of everybody, after which a ring that was left alone is whole: no more
/// than that are tried.
const ROUNDS: usize = 64;

/// The most peers whose tables are printed.
const PEERS_SHOWN: usize = 32;

/// What became of the ring, and the two ways of the query.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) ring: Still,
    pub(super) tables: Vec<Tables>,
    pub(super) with_shortcuts: Route,
    pub(super) by_successors: Route,
}

pub(super) fn run(args: &RingLab, query: &Query, output: &Output) -> anyhow::Result<()> {
    let space = args.space();
    let ring = ring(args, query)?;
    let route = |shortcuts| ring.route(query.from, query.key, shortcuts);
    let tables = ring.members().iter().map(|id| ring.tables(*id)).collect();
    let (with_shortcuts, by_successors) = (route(true), route(false));
    let seen = Seen { ring, tables, with_shortcuts, by_successors };
    let asked = if args.no_shortcuts { &seen.by_successors } else { &seen.with_shortcuts };
    let point = |id: &Id| Point::new(space, *id);
    let path: Vec<Point> = asked.path.iter().map(point).collect();
    let owner = asked.owner.as_ref().map(point);
    output.event(&Event::Route { messages: asked.messages(), path: &path, owner });
    tell(args, query, &seen, asked, output);
    match &args.html {
        Some(path) => page::of_query(args, query, &seen, path, output),
        None => Ok(()),
    }
}

/// The ring after those who leave have left and those who join have joined, by the protocol: the
/// members do it themselves, and what they then know is compared with what they should.
fn ring(args: &RingLab, query: &Query) -> anyhow::Result<Still> {
    let (config, mut ids) = (args.config(), query.ids.clone());
    if query.leave.is_empty() && query.join.is_empty() {
        return Ok(Still::new(config.space, ids, config.successors));
    }
    let most = ids.len() + query.join.len();
    let mut world = Perfect::<Node>::founded(config, &ids, most, 1)?;
    let holds = |broken| anyhow!("the ring does not hold: {broken}");
    for id in &query.leave {
        ensure!(world.leave(*id), "the ring cannot do without {id} before it has repaired itself");
        ids.retain(|known| known != id);
        world.calm(ROUNDS).map_err(holds)?;
    }
    for id in &query.join {
        world.enter(*id);
        ids.push(*id);
        world.calm(ROUNDS).map_err(holds)?;
    }
    ensure!(world.is_ideal(), "the ring has not repaired itself in {ROUNDS} rounds");
    Ok(Still::new(config.space, ids, config.successors))
}

fn tell(args: &RingLab, query: &Query, seen: &Seen, asked: &Route, output: &Output) {
    let peers = count(seen.tables.len() as u64, "peer");
    output.row("Ring", format!("{peers} among 2^{} identifiers", args.space().bits()));
    let changes = [("left", &query.leave), ("joined", &query.join)];
    for (what, ids) in changes.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        output.row("", format!("{what}: {}", ids.join(", ")));
    }
    if seen.tables.len() <= PEERS_SHOWN {
        peers_table(args, seen, asked, output);
    }
    let ways = [("Shortcuts", &seen.with_shortcuts), ("Successors", &seen.by_successors)];
    for (name, route) in ways {
        let messages = count(route.messages(), "message");
        let mark = if std::ptr::eq(route, asked) { "" } else { "  (for comparison)" };
        output.row(name, format!("{}   {messages}{mark}", arrows(&route.path)));
    }
    let owner = asked.owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string());
    output.row("Owner", format!("{owner} answers for key {}", query.key));
}

/// A line for each peer: who is before and behind it, and where its shortcuts lead.
fn peers_table(args: &RingLab, seen: &Seen, asked: &Route, output: &Output) {
    let lines: Vec<[String; 4]> = seen.tables.iter().map(cells).collect();
    let heads = ["peer", "before", "behind", "shortcuts"].map(str::to_owned);
    let width = |at: usize| {
        let all = lines.iter().chain([&heads]).map(|cells| cells[at].chars().count());
        all.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let line = |mark: &str, [peer, before, behind, shortcuts]: &[String; 4]| {
        format!(
            "{mark} {peer:>0$}  {before:>1$}  {behind:<2$}  {shortcuts}",
            widths[0], widths[1], widths[2]
        )
    };
    output.line(line(" ", &heads).trim_end());
    for (tables, cells) in seen.tables.iter().zip(&lines) {
        let mark = match tables.id {
            id if Some(id) == asked.owner => "◆",
            id if asked.path.contains(&id) => "●",
            _ => "○",
        };
        output.line(line(mark, cells).trim_end());
    }
    let legend = if args.no_shortcuts { "passed by successors" } else { "passed by shortcuts" };
    output.line(format!("  ● {legend}  ◆ owner of the key"));
}

/// What stands in the table for a peer.
pub(super) fn cells(tables: &Tables) -> [String; 4] {
    let list = |ids: &[Id]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let before = tables.predecessor.map_or_else(String::new, |id| id.to_string());
    let shortcuts: Vec<String> =
        tables.fingers.iter().map(|(power, id)| format!("+2^{power}→{id}")).collect();
    [tables.id.to_string(), before, list(&tables.successors), shortcuts.join(" ")]
}
