//! A table of Chord's authors and ours as a page.

use report::{Axis, Figure, Lines, Page, Series, Table};

use super::{Prompt, PublishedRow, margins, name, off, traffic, yes};
use crate::args::TableOfChord;
use crate::lab::ring::rings::Rings;
use crate::units::show_number;

pub(super) fn page(table: TableOfChord, rings: &Rings, rows: &[PublishedRow]) -> Page {
    let within = rows.iter().filter(|row| row.within).count();
    let (title, lead) = match table {
        TableOfChord::Failures => (
            "Peers that leave all at once",
            "Look-ups right after a share of a ring's peers has gone, before anything is repaired",
        ),
        TableOfChord::Churn => (
            "Peers that come and go",
            "Look-ups while peers join and leave, and the others repair the ring",
        ),
    };
    let data = serde_json::to_string(rows).expect("rows have string keys only");
    let page = Page::new(title)
        .lead(&format!("{lead}; beside what Chord's authors measured (Table {}).", name(table)))
        .fact("Rows within the margins", &format!("{within} of {}", rows.len()))
        .data(&data);
    let page = match table {
        TableOfChord::Failures => of_ii(page, rows),
        TableOfChord::Churn => of_iii(page, rows),
    };
    page.parameter("Margins", margins(table))
        .parameter("Peers", &show_number(rings.nodes.into()))
        .parameter("Successors kept", &rings.config.successors.to_string())
        .parameter("Rings for each row", &show_number(rings.count.into()))
        .parameter("Look-ups in each", &show_number(rings.lookups.into()))
        .parameter("Seed", &rings.seed.to_string())
        .parameter(
            "Published in",
            "I. Stoica et al., Chord (IEEE/ACM Transactions on Networking, 2003), § V",
        )
}

fn of_ii(page: Page, rows: &[PublishedRow]) -> Page {
    let axis = || Axis::share("peers gone");
    let messages = messages(axis(), rows);
    let timeouts = timeouts(axis(), rows)
        .with(series("path·p/(1−p)", rows, |row| row.timeouts.expected).dashed().colour(3));
    page.fact("Failed look-ups", &of_all(rows, |row| row.failed_lookups))
        .table(&table_of_ii(rows))
        .figure(&Figure::new("Messages of a look-up", &messages))
        .figure(&Figure::new("Timeouts of a look-up", &timeouts).caption(
            "Of the peers that a look-up tries, the share p is gone: for each message that is \
             answered, p/(1−p) are not.",
        ))
}

fn of_iii(page: Page, rows: &[PublishedRow]) -> Page {
    let axis = || Axis::new("joins, and as many leaves, a second").starting_at(0.0);
    let messages = messages(axis(), rows);
    let prompt = |value: fn(&PublishedRow, &Prompt) -> f64| {
        let value = |row: &PublishedRow| row.prompt.as_ref().map_or(0.0, |it| value(row, it));
        series("prompt repair", rows, value).colour(3)
    };
    let timeouts = timeouts(axis(), rows).with(prompt(|_, it| it.mean_timeouts));
    let published = |row: &PublishedRow| row.failed_published_of_10000 as f64;
    let failed = Lines::new(axis(), Axis::new("failed of 10,000").starting_at(0.0))
        .with(series("measured", rows, |row| row.of_10000(row.failed_lookups as f64)).colour(1))
        .with(series("expected", rows, |row| row.of_10000(row.failed_expected)).dashed().colour(4))
        .with(series("Chord's authors", rows, published).dashed().colour(2))
        .with(prompt(|row, it| row.of_10000(it.failed_lookups as f64)));
    let of_prompt = |row: &PublishedRow| row.prompt.as_ref().map_or(0, |it| it.failed_lookups);
    page.fact("Failed look-ups", &of_all(rows, |row| row.failed_lookups))
        .fact("… with prompt repair", &of_all(rows, of_prompt))
        .table(&table_of_iii(rows))
        .text(&traffic(rows))
        .figure(&Figure::new("Messages of a look-up", &messages))
        .figure(&Figure::new("Timeouts of a look-up", &timeouts).caption(
            "Measured: repaired in rounds, as Chord was published. With prompt repair, newcomers \
             are told of at once, pointers are pinged, and the owner is asked whether somebody \
             nearer has come.",
        ))
        .figure(&Figure::new("Look-ups that do not find the owner of their key", &failed).caption(
            "Expected: a newcomer is unknown to the peer before it until that one's next round, \
             16 s on average; until then look-ups for its keys end one peer too far. How the \
             authors' simulator came to fewer, we do not know.",
        ))
}

/// `3 of 60,000`.
fn of_all(rows: &[PublishedRow], failed: impl Fn(&PublishedRow) -> u64) -> String {
    let (failed, all) = (rows.iter().map(failed).sum(), rows.iter().map(|row| row.lookups).sum());
    format!("{} of {}", show_number(failed), show_number(all))
}

fn table_of_ii(rows: &[PublishedRow]) -> Table {
    let columns = [
        "Gone",
        "Messages",
        "Chord",
        "Off",
        "Timeouts",
        "path·p/(1−p)",
        "Off",
        "Chord",
        "Failed",
        "Within",
    ];
    rows.iter().fold(Table::new(&columns), |table, row| {
        let PublishedRow { messages, timeouts, .. } = row;
        table.row([
            format!("{:.0} %", row.at() * 100.0),
            format!("{:.2}", messages.ours),
            format!("{:.2}", messages.published),
            off(messages),
            format!("{:.2}", timeouts.ours),
            format!("{:.2}", timeouts.expected),
            off(timeouts),
            format!("{:.2}", timeouts.published),
            show_number(row.failed_lookups),
            yes(row.within).to_owned(),
        ])
    })
}

fn table_of_iii(rows: &[PublishedRow]) -> Table {
    let columns = [
        "Churn", "Messages", "Chord", "Off", "Timeouts", "Chord", "Off", "Failed", "Expected",
        "Chord", "Prompt", "Within",
    ];
    rows.iter().fold(Table::new(&columns), |table, row| {
        let PublishedRow { messages, timeouts, .. } = row;
        let prompt = row.prompt.as_ref().map_or(0, |prompt| prompt.failed_lookups);
        table.row([
            format!("{:.2}/s", row.at()),
            format!("{:.2}", messages.ours),
            format!("{:.2}", messages.published),
            off(messages),
            format!("{:.2}", timeouts.ours),
            format!("{:.2}", timeouts.published),
            off(timeouts),
            show_number(row.failed_lookups),
            format!("{:.0}", row.failed_expected),
            format!("{:.0}", row.failed_published()),
            show_number(prompt),
            yes(row.within).to_owned(),
        ])
    })
}

fn messages(x: Axis, rows: &[PublishedRow]) -> Lines {
    Lines::new(x, Axis::new("messages").starting_at(0.0))
        .with(series("measured", rows, |row| row.messages.ours).colour(1))
        .with(series("Chord's authors", rows, |row| row.messages.published).dashed().colour(2))
}

fn timeouts(x: Axis, rows: &[PublishedRow]) -> Lines {
    Lines::new(x, Axis::new("timeouts").starting_at(0.0))
        .with(series("measured", rows, |row| row.timeouts.ours).colour(1))
        .with(series("Chord's authors", rows, |row| row.timeouts.published).dashed().colour(2))
}

fn series(name: &str, rows: &[PublishedRow], value: impl Fn(&PublishedRow) -> f64) -> Series {
    Series::line(name, rows.iter().map(|row| (row.at(), value(row))).collect())
}
