//! A page with every kind of picture, to look at: `cargo run -p report --example gallery OUT`.

#![expect(clippy::disallowed_methods, reason = "an example meets the world, the crate does not")]

use std::env::args;
use std::fs::write;

use report::{Axis, Bars, Figure, Heat, Lines, Page, Series, Spans, Table, Unit, svg};

fn main() -> std::io::Result<()> {
    let out = args().nth(1).unwrap_or_else(|| "gallery".to_owned());
    write(format!("{out}.svg"), svg("Time until the last peer has it all", &times(35, false)))?;
    write(format!("{out}.html"), page().html())
}

fn page() -> Page {
    Page::new("Every kind of picture")
        .lead("Made-up numbers in the shapes that real ones have. 35 peers took 1.04 × the bound.")
        .fact("Bound", "47 min")
        .fact("Last peer", "49 min")
        .fact("Efficiency", "96 %")
        .fact("Completed", "35 of 35")
        .heading("Lines")
        .text("The bound grows with the number of peers for a server, and flattens for a swarm.")
        .figure(
            &Figure::new("Time until the last peer has it all", &times(35, false))
                .caption("A server's time grows with N; a swarm's stays below F/u."),
        )
        .figure(&Figure::new("The same up to a thousand", &times(1_000, true)))
        .figure(&Figure::new("Who is complete, when", &completion()))
        .figure(&Figure::new("Upload against download", &dots()))
        .heading("Bars")
        .figure(&Figure::new("Time by picker and choker", &bars()))
        .figure(&Figure::new("Bytes by source", &stacked()))
        .heading("Matrices and spans")
        .figure(&Figure::new("Who fed whom", &matrix(12)).caption("Rows gave, columns took."))
        .figure(&Figure::new("Who fed whom, 300 peers", &matrix(300)))
        .figure(&Figure::new("Unchoked by peer 7", &spans()))
        .table(&table())
        .parameter("Command", "fluvial lab swarm flash-crowd.toml --peers 35 --seed 7")
        .parameter("Size", "256 MiB")
        .parameter("Peers' upload", "10 Mbit/s")
        .data("{\"bound_seconds\":2800}")
}

fn times(most: u32, is_log: bool) -> Lines {
    let peers = || (1..=most).map(f64::from);
    let x = Axis::count("peers");
    let time = |n: f64| n * 3_600.0 / (10.0 + n);
    Lines::new(
        if is_log { x.log() } else { x },
        if is_log { Axis::seconds("time").log() } else { Axis::seconds("time").starting_at(0.0) },
    )
    .with(Series::line("client–server", peers().map(|n| (n, n * 360.0)).collect()))
    .with(Series::line("peer-to-peer", peers().map(|n| (n, time(n).max(360.0))).collect()))
    .with(
        Series::dots("", peers().step_by(5).map(|n| (n, time(n).max(360.0) * 1.04)).collect())
            .colour(2),
    )
    .level("F/u: never longer in a swarm", 3_600.0)
}

fn completion() -> Lines {
    let steps = |from: f64, pace: f64| {
        let part = |n: u32| f64::from(n) / 35.0;
        (0..=35).map(|n| (from + pace * f64::from(n), part(n))).collect()
    };
    let y = Axis::share("peers that have it all").ending_at(1.0);
    Lines::new(Axis::seconds("time").starting_at(0.0), y)
        .with(Series::steps("rarest first", steps(2_700.0, 7.0)).filled())
        .with(Series::steps("random", steps(2_760.0, 12.0)))
        .with(Series::steps("sequential", steps(2_900.0, 22.0)))
        .moment("bound", 2_800.0)
}

fn dots() -> Lines {
    let at = |i: u32| {
        let up = 4e5 + f64::from(i * 7_919 % 100) * 2e4;
        (up, up * 0.8 + f64::from(i * 104_729 % 97) * 6e3)
    };
    Lines::new(Axis::rate("upload"), Axis::rate("download"))
        .with(Series::dots("contributors", (0..150).map(at).collect()))
        .with(Series::dots(
            "free riders",
            (0..40).map(|i| (at(i).0 * 0.1, at(i).1 * 0.3)).collect(),
        ))
}

fn bars() -> Bars {
    Bars::grouped(Unit::Seconds, &["rarest first", "random", "sequential"])
        .row("tit-for-tat", &[2_910.0, 2_990.0, 4_100.0])
        .row("seed-style", &[3_000.0, 3_050.0, 4_300.0])
        .row("always open", &[3_190.0, 3_300.0, 4_900.0])
        .level("bound", 2_800.0)
}

fn stacked() -> Bars {
    let mut bars = Bars::stacked(Unit::Bytes, &["initial seed", "peers", "finished peers"]);
    for peer in 1..=8 {
        let seed = 2e7 + f64::from(peer) * 3e6;
        bars = bars.row(&format!("peer {peer}"), &[seed, 2.2e8 - seed, 4e7]);
    }
    bars
}

fn matrix(side: u32) -> Heat {
    let cell = |row: u32, column: u32| match row {
        _ if row == column => f64::NAN,
        _ if row.abs_diff(column) < side / 4 => 9e6 / f64::from(row.abs_diff(column)),
        _ => f64::from(row * 31 % 7 * (column * 17 % 5)) * 2e4,
    };
    let rows = (0..side).map(|row| (0..side).map(|column| cell(row, column)).collect());
    Heat::new(Unit::Bytes, "from peer", "to peer", rows.collect())
}

fn spans() -> Spans {
    let mut spans = Spans::new(Axis::seconds("time"), &["tit-for-tat", "optimistic"]);
    for peer in 1..=9u32 {
        let turn = |k: u32| {
            let from = f64::from(peer * 37 % 11 * 10 + k * 90);
            (from, from + if k.is_multiple_of(2) { 60.0 } else { 30.0 }, (k % 2) as usize)
        };
        let turns: Vec<_> = (0..6).map(turn).collect();
        spans = spans.row(&format!("peer {peer}"), &turns);
    }
    spans
}

fn table() -> Table {
    Table::new(&["picker", "last peer", "× bound"])
        .row(["rarest first", "49 min", "1.04"])
        .row(["random", "50 min", "1.07"])
        .row(["sequential", "68 min", "1.46"])
}
