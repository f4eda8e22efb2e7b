//! The report as a page.

use report::{Axis, Bars, Figure, Lines, Page, Series, Table, Unit};
use sim::{Method, SearchRow, Trial, TrialReport};

use super::{describe, in_range, method, percent};
use crate::args::OverlayLab;
use crate::units::{show_duration, show_number};

pub(super) fn page(args: &OverlayLab, trial: &Trial, report: &TrialReport) -> Page {
    let members = show_number(report.nodes.into());
    let mut page = Page::new(&format!("An overlay of {members} members"))
        .lead(&lead(report))
        .fact("Parts", &report.settled.components.to_string())
        .fact("Diameter", &format!("{} hops", report.settled.diameter))
        .fact("4 to 12 neighbours", &share(in_range(&report.settled)))
        .fact("Whole again", &whole_again(report));
    page = membership(page, trial, report);
    page = death(page, trial, report);
    page = searches(page, trial, report);
    parameters(page, args, trial, report)
}

fn lead(report: &TrialReport) -> String {
    let members = show_number(report.nodes.into());
    let killed = show_number(report.killed.into());
    let met = if report.settled.components == 1 {
        format!("All {members} members found together through one anchor.")
    } else {
        format!("{members} members fell into {} parts.", report.settled.components)
    };
    let after = match report.whole_from() {
        Some(1) => "the next broadcast reached all survivors".to_owned(),
        Some(period) => format!("broadcasts reached all survivors from period {period} on"),
        None => "broadcasts did not reach all survivors again".to_owned(),
    };
    format!("{met} When {killed} of them died at once, {after}.")
}

fn whole_again(report: &TrialReport) -> String {
    match report.whole_from() {
        Some(period) => format!("in period {period}"),
        None => "no".to_owned(),
    }
}

/// `99.9 %`, and `100 %` only for all.
fn share(part: f64) -> String {
    if part >= 1.0 {
        return "100 %".to_owned();
    }
    format!("{:.1} %", (part * 1_000.0).floor() / 10.0)
}

fn membership(page: Page, trial: &Trial, report: &TrialReport) -> Page {
    let config = &trial.crowd.member;
    let mut degrees = Bars::grouped(Unit::Count, &["settled", "survivors at the end"]);
    let end = report.after.last().map(|it| &it.shape);
    let most = report.settled.degrees.len().max(end.map_or(0, |it| it.degrees.len()));
    let counts = |degree: usize| {
        let of = |degrees: &[u32]| f64::from(degrees.get(degree).copied().unwrap_or(0));
        [of(&report.settled.degrees), end.map_or(0.0, |it| of(&it.degrees))]
    };
    for degree in (0..most).skip_while(|degree| counts(*degree) == [0.0, 0.0]) {
        degrees = degrees.row(&format!("{degree} neighbours"), &counts(degree));
    }
    let it = &report.broadcasts;
    page.heading("Who knows whom")
        .text(&format!(
            "Each newcomer asks the anchor, which passes the request on; members with fewer than \
             {} neighbours look for more, and those with {} pass requests on. Once settled: {}. A \
             join took {:.0} messages of all members together, upkeep {:.1} a member in {} s.",
            config.active_want,
            config.active_high,
            describe(&report.settled),
            report.join_messages,
            report.upkeep_messages,
            config.period.as_secs(),
        ))
        .figure(
            &Figure::new("Members by number of neighbours", &degrees)
                .caption("A tie is counted where both ends know of it."),
        )
        .heading("Broadcast")
        .text(&format!(
            "{} of {} broadcasts reached everybody. The first one, with no tree yet, took {} \
             copies of the payload; the last one {}, where {} would be the least, and {} small \
             messages. It was everywhere after {:.1} s and {} hops.",
            it.complete,
            it.count,
            show_number(it.first_payloads),
            show_number(it.last_payloads),
            show_number(u64::from(report.nodes) - 1),
            show_number(it.last_control),
            it.seconds,
            it.hops,
        ))
}

fn death(page: Page, trial: &Trial, report: &TrialReport) -> Page {
    let period = trial.crowd.member.period.as_secs_f64();
    let survivors = f64::from(report.survivors.max(1));
    let part = |count: u32| f64::from(count) / survivors;
    let reached = report.after.iter().map(|it| (f64::from(it.period), part(it.reached)));
    let largest = [(0.0, part(report.torn.largest))]
        .into_iter()
        .chain(report.after.iter().map(|it| (f64::from(it.period), part(it.shape.largest))));
    let least = report.after.iter().map(|it| part(it.reached));
    let least = least.chain([part(report.torn.largest)]).fold(1.0, f64::min);
    // What matters happens close to all; a zero line would hide it.
    let from = if least > 0.9 { (least * 50.0).floor() / 50.0 } else { 0.0 };
    let reach = Lines::new(
        Axis::new("periods since they died").starting_at(0.0),
        Axis::share("survivors").starting_at(from).ending_at(1.0),
    )
    .with(Series::line("in the largest part at the end of it", largest.collect()).dashed())
    .with(Series::line("reached by the broadcast at the start of it", reached.collect()));
    let cost = report.after.iter().map(|it| (f64::from(it.period), it.messages as f64 / survivors));
    let cost = Lines::new(
        Axis::new("periods since they died").starting_at(0.0),
        Axis::new("messages a survivor").starting_at(0.0),
    )
    .with(Series::line("", cost.collect()))
    .level("upkeep before", report.upkeep_messages);
    page.heading("When many die at once")
        .text(&format!(
            "{} members died and told nobody; that left {} parts, the largest of {}. A driver \
             notices within {} that a neighbour does not answer, once it says something; the \
             reserve then has others. A period is {period:.0} s.",
            show_number(report.killed.into()),
            report.torn.components,
            show_number(report.torn.largest.into()),
            trial.crowd.detect.map_or("no time".to_owned(), show_duration),
        ))
        .figure(
            &Figure::new("Survivors that are reached", &reach)
                .caption("The first broadcast starts at the moment of death."),
        )
        .figure(
            &Figure::new("What healing costs", &cost)
                .caption("Each period has a broadcast, which upkeep before did not."),
        )
}

fn searches(page: Page, trial: &Trial, report: &TrialReport) -> Page {
    if report.searches.is_empty() || trial.searches == 0 {
        return page;
    }
    let copies: Vec<f64> = trial.copies.iter().map(|it| f64::from(*it)).collect();
    let rows = |of: Method| report.searches.iter().filter(move |row| row.method == of);
    let ring = rows(Method::Ring).next();
    let lines = |y: Axis, value: fn(&SearchRow) -> f64| {
        let mut lines = Lines::new(Axis::count("members that hold it").log(), y);
        for (name, of) in [("flood", Method::Flood), ("random walks", Method::Walk)] {
            let points = rows(of).map(|row| (f64::from(row.copies), value(row))).collect();
            lines = lines.with(Series::line(name, points));
        }
        if let Some(ring) = ring {
            let points = copies.iter().map(|copies| (*copies, value(ring))).collect();
            lines = lines.with(Series::line("ring", points).dashed());
        }
        lines
    };
    let found = |row: &SearchRow| f64::from(row.found) / f64::from(row.searches.max(1));
    let y = Axis::share("searches that found it").starting_at(0.0).ending_at(1.0);
    let found = lines(y, found);
    let cost = lines(Axis::count("messages a search").log(), |row| row.mean_messages);
    let columns = ["method", "copies", "found", "messages", "hops"];
    let table = report.searches.iter().fold(Table::new(&columns), |table, row| {
        let copies = match row.method {
            Method::Ring => "–".to_owned(),
            _ => show_number(row.copies.into()),
        };
        let messages = show_number(row.mean_messages.round() as u64);
        let hops = format!("{:.1}", row.mean_hops);
        let found = percent(row.found, row.searches);
        table.row([method(row.method).to_owned(), copies, found, messages, hops])
    });
    page.heading("Three ways to find something")
        .text(&format!(
            "A flood asks everybody within {} hops, whoever finds it or not; {} random walkers \
             go {} hops at most and ask their origin every fourth whether to go on; a ring of as \
             many members goes straight to whom the key belongs, but finds exact names only, and \
             has tables to keep. All messages count, answers too; of the ring, a question and an \
             answer for each hop.",
            trial.flood_ttl, trial.walkers, trial.walk_ttl,
        ))
        .figure(&Figure::new("Messages a search", &cost))
        .figure(&Figure::new("Searches that found it", &found))
        .table(&table)
}

fn parameters(page: Page, args: &OverlayLab, trial: &Trial, report: &TrialReport) -> Page {
    let crowd = &trial.crowd;
    let (low, high) = crowd.delay;
    page.parameter("Seed", &args.seed().to_string())
        .parameter("Members", &show_number(report.nodes.into()))
        .parameter("Killed", &share(trial.kill))
        .parameter("Anchor killed", if trial.kill_anchor { "yes" } else { "as it falls" })
        .parameter("Delay", &format!("{} to {} ms", low.as_millis(), high.as_millis()))
        .parameter("Messages lost", &share(crowd.loss))
        .parameter("Slow members", &share(crowd.slow))
        .parameter("Trace", &format!("{:016x}", report.trace))
        .parameter("Time in the world", &format!("{:.0} s", report.seconds))
}
