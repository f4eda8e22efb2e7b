//! The report of a comparison.

use report::{Axis, Bars, Figure, Lines, Page, Series, Table, Unit};
use serde_json::json;
use sim::Scenario;
use stdx::Duration;

use super::Row;
use crate::args::SwarmCompare;
use crate::units::{show_duration, show_line_rate, show_size};

/// The whole page; `command` does the same again.
pub(super) fn render(
    scenario: &Scenario,
    what: SwarmCompare,
    rows: &[Row],
    command: &str,
) -> String {
    let (title, lead) = match what {
        SwarmCompare::Picker => ("Which pieces first?", "The same swarm with three pickers."),
        SwarmCompare::Choker => ("Whom to serve?", "The same swarm with three chokers."),
        SwarmCompare::Leaving => ("When to go?", "The same swarm when peers that are done go."),
        SwarmCompare::Peers => {
            ("A server, or a swarm?", "The same swarm with more and more peers.")
        }
    };
    let runs = rows.first().map_or(0, |row| row.runs);
    let mut page = Page::new(title).lead(&format!("{lead} {}", scenario.about));
    page = match what {
        SwarmCompare::Peers => growth(page, rows),
        _ => ways(page, rows),
    };
    page.heading("In numbers")
        .table(&table(rows))
        .parameter("Command", command)
        .parameter("Seeds of chance", &format!("{} from {}", runs, scenario.seed))
        .parameter("Content", &show_size(scenario.size))
        .parameter("Piece", &show_size(scenario.piece_length.into()))
        .parameter("Round trip", &show_duration(scenario.rtt))
        .parameter("Peer set", &scenario.peer_set.to_string())
        .data(&data(rows, command))
        .html()
}

/// Against how many they are.
fn growth(page: Page, rows: &[Row]) -> Page {
    let points = |of: &dyn Fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|row| Some((f64::from(row.peers), of(row)?))).collect()
    };
    let peers = || Axis::count("peers").starting_at(0.0);
    let time = Lines::new(peers(), Axis::seconds("until the last is done").starting_at(0.0))
        .with(Series::line("swarm, simulated", points(&|it| it.last_seconds)))
        .with(Series::line("swarm, least possible", points(&|it| Some(it.bound_seconds))).dashed())
        .with(Series::line("server alone", points(&|it| Some(it.alone_seconds))).dashed());
    let rate = Lines::new(peers(), Axis::rate("received by all").starting_at(0.0))
        .with(Series::line("swarm, simulated", points(&|it| Some(it.throughput))))
        .with(Series::line("all uplinks", points(&|it| Some(it.capacity? as f64))).dashed());
    let over = Lines::new(peers(), Axis::new("× the bound").starting_at(1.0))
        .with(Series::line("last peer", points(&Row::over_bound)));
    page.figure(&Figure::new("Time against the number of peers", &time).caption(
        "A server alone takes twice as long for twice as many; a swarm's time flattens, because \
         who comes brings an uplink along.",
    ))
    .figure(
        &Figure::new("What all receive together", &rate)
            .caption("A swarm scales by itself: with every peer there is more to give."),
    )
    .figure(&Figure::new("How near to the bound", &over))
}

/// Way by way.
fn ways(mut page: Page, rows: &[Row]) -> Page {
    let share = || Axis::share("peers done").starting_at(0.0).ending_at(1.0);
    let mut curves = Lines::new(Axis::seconds("time").starting_at(0.0), share());
    let mut times = Bars::grouped(Unit::Seconds, &["mean peer", "last peer"]);
    let mut lives = Bars::new(Unit::Share);
    for row in rows {
        curves = curves.with(Series::steps(&row.name, row.curve.clone()));
        if let (Some(mean), Some(last)) = (row.mean_seconds, row.last_seconds) {
            times = times.row(&row.name, &[mean, last]);
        }
        lives = lives.row(&row.name, &[f64::from(row.survived) / f64::from(row.runs.max(1))]);
    }
    if let Some(row) = rows.first() {
        curves = curves.moment("bound", row.bound_seconds);
        times = times.level("bound", row.bound_seconds);
    }
    if rows.iter().any(|row| row.survived < row.runs) {
        page = page.figure(
            &Figure::new("Does the content survive?", &lives)
                .caption("The share of the runs in which every piece was somewhere to the end."),
        );
    }
    let first = Figure::new("Who was done when", &curves).caption("The first run of each way.");
    page = page.figure(&first);
    if rows.iter().all(|row| row.last_seconds.is_none()) {
        return page;
    }
    page.figure(
        &Figure::new("How long it took", &times)
            .caption("Means over all runs; a way in which some peer never got everything is out."),
    )
}

fn table(rows: &[Row]) -> Table {
    let time = |seconds: Option<f64>| {
        seconds.map_or("–".to_owned(), |it| show_duration(Duration::from_secs_f64(it)))
    };
    let columns = ["", "runs", "survived", "completed", "mean", "last", "× bound", "all receive"];
    rows.iter().fold(Table::new(&columns), |table, row| {
        table.row([
            row.name.clone(),
            row.runs.to_string(),
            row.survived.to_string(),
            format!("{:.1} %", row.completed * 100.0),
            time(row.mean_seconds),
            time(row.last_seconds),
            row.over_bound().map_or("–".to_owned(), |over| format!("{over:.3}")),
            show_line_rate(row.throughput as u128),
        ])
    })
}

/// The numbers.
pub(super) fn data(rows: &[Row], command: &str) -> String {
    json!({ "command": command, "ways": rows }).to_string()
}
