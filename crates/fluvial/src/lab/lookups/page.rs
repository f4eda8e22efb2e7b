//! What was seen, as a page.

use report::{Axis, Figure, Lines, Page, Table};

use super::result::Way;
use super::{LookupsResult, messages, seconds, series};
use crate::args::LookupsLab;
use crate::units::show_number;

pub(super) fn page(args: &LookupsLab, results: &[LookupsResult]) -> Page {
    let data = serde_json::to_string(results).expect("results have string keys only");
    let mut page = Page::new("Look-ups in a ring and in a DHT").data(&data);
    if let Some(last) = results.last() {
        page = page
            .lead(&lead(last))
            .fact("Messages by successors", &format!("{:.0}", last.successors.mean_messages))
            .fact("… by shortcuts", &format!("{:.1}", last.shortcuts.mean_messages))
            .fact("… in the DHT", &format!("{:.1}", last.dht.mean_messages))
            .fact("… of these in a row", &format!("{:.1}", last.dht.mean_hops));
    }
    page.figure(&Figure::new("Messages of a look-up", &messages(results)).caption(
        "Questions until the node that has the key is known. Dashed is theory. With shortcuts \
             a ring of twice the size takes half a message more; without them, twice as many.",
    ))
    .figure(&Figure::new("Messages that wait for each other", &hops(results)).caption(
        "Hops: answers that had to come one after the other before the node was known. In a ring \
         all messages are such. Dashed is theory; that of Kademlia is for one path and buckets of \
         eight.",
    ))
    .figure(&Figure::new("Time until the key's node answers", &time(results)).caption(
        "Half of the look-ups take less than the solid lines say. The median round trip of two \
         nodes is 80 ms; some are several times as long. From successor to successor it takes \
         longer by far, and is in the table.",
    ))
    .heading("What one sees")
    .text(
        "From successor to successor a look-up passes half of the ring. The way to a key is a sum \
         of powers of two, and each shortcut takes the largest of them away; about half of the \
         powers are in it, so half of log2 N messages are enough.",
    )
    .text(
        "The DHT sends more messages than a large ring with shortcuts, and is faster. It asks four \
         nodes at first, and up to three more for each answer, so little of what it sends waits \
         for anything else; who is slow keeps nobody waiting; and the first answer of any of the \
         eight nodes that keep a key is enough. It needs fewer answers in a row, too: a node knows \
         hundreds of others, in small networks all that matter, and each answer names eight more. \
         In return its tables are larger and must be kept fresh, and before something is stored a \
         look-up goes on until all eight have answered. Nearest missed: how many ended without the \
         very nearest node, of which those who were asked knew nothing.",
    )
    .heading("Messages in the ring")
    .table(&in_ring(results))
    .heading("Messages in the DHT")
    .table(&in_table(results))
    .heading("Time")
    .table(&times(results))
    .parameter("Look-ups among so many nodes each", &show_number(args.lookups().into()))
    .parameter("Seed", &args.seed().to_string())
    .parameter(
        "Nodes",
        "the same ids, keys, askers and round trips in all three; nobody leaves, nothing is lost",
    )
    .parameter("Ring", "160 bits, one successor kept, asked node by node by who looks up")
    .parameter("DHT", "the code that ships, its tables as they came together by themselves")
    .parameter(
        "Counts",
        "the question to the node that has the key is in no count, but in the time",
    )
    .parameter(
        "½·log2 N",
        "I. Stoica et al., Chord (IEEE/ACM Transactions on Networking, 2003), § V",
    )
    .parameter(
        "Kademlia",
        "log2(N/8) / 4.42: each answer brings 4.42 bits where a bucket has eight nodes \
         (X. S. Cai, L. Devroye, The Analysis of Kademlia for Random IDs, 2014)",
    )
}

fn lead(last: &LookupsResult) -> String {
    let LookupsResult { successors, shortcuts, dht, .. } = last;
    format!(
        "Among {} nodes, a ring takes {:.0} messages from successor to successor and {:.1} by \
         shortcuts, one after the other; the DHT takes {:.1}, most of them at once. Half of the \
         look-ups take {}, {} and {}.",
        show_number(last.nodes.into()),
        successors.mean_messages,
        shortcuts.mean_messages,
        dht.mean_messages,
        seconds(successors.median_seconds),
        seconds(shortcuts.median_seconds),
        seconds(dht.median_seconds),
    )
}

fn hops(results: &[LookupsResult]) -> Lines {
    let expected = |way: &Way| way.expected_hops.unwrap_or(0.0);
    Lines::new(Axis::count("nodes").log(), Axis::new("hops of a look-up").starting_at(0.0))
        .with(series("½·log2 N", results, |it| expected(&it.shortcuts)).dashed().colour(5))
        .with(series("with shortcuts", results, |it| it.shortcuts.mean_hops).colour(4))
        .with(series("Kademlia", results, |it| expected(&it.dht)).dashed().colour(2))
        .with(series("DHT", results, |it| it.dht.mean_hops).colour(3))
}

fn time(results: &[LookupsResult]) -> Lines {
    Lines::new(Axis::count("nodes").log(), Axis::seconds("time").starting_at(0.0))
        .with(series("with shortcuts", results, |it| it.shortcuts.median_seconds).colour(4))
        .with(series("DHT", results, |it| it.dht.median_seconds).colour(3))
        .with(series("DHT, 95 of 100", results, |it| it.dht.p95_seconds).colour(7))
}

fn in_ring(results: &[LookupsResult]) -> Table {
    let columns =
        ["Nodes", "Successors only", "(N−1)/2", "With shortcuts", "95 of 100", "½·log2 N"];
    results.iter().fold(Table::new(&columns), |table, result| {
        let LookupsResult { successors, shortcuts, .. } = result;
        table.row([
            show_number(result.nodes.into()),
            format!("{:.1}", successors.mean_messages),
            format!("{:.1}", successors.expected_messages.unwrap_or(0.0)),
            format!("{:.2}", shortcuts.mean_messages),
            format!("{:.0}", shortcuts.p95_messages),
            format!("{:.2}", shortcuts.expected_messages.unwrap_or(0.0)),
        ])
    })
}

fn in_table(results: &[LookupsResult]) -> Table {
    let columns =
        ["Nodes", "Messages", "95 of 100", "Hops", "Kademlia", "Until all eight", "Nearest missed"];
    results.iter().fold(Table::new(&columns), |table, LookupsResult { nodes, dht, .. }| {
        table.row([
            show_number((*nodes).into()),
            format!("{:.2}", dht.mean_messages),
            format!("{:.0}", dht.p95_messages),
            format!("{:.2}", dht.mean_hops),
            format!("{:.2}", dht.expected_hops.unwrap_or(0.0)),
            format!("{:.1}", dht.mean_whole_messages.unwrap_or(0.0)),
            show_number(dht.missed_nearest.unwrap_or(0).into()),
        ])
    })
}

fn times(results: &[LookupsResult]) -> Table {
    let columns = [
        "Nodes",
        "Successors",
        "95 of 100",
        "Shortcuts",
        "95 of 100",
        "DHT",
        "95 of 100",
        "Failed",
    ];
    results.iter().fold(Table::new(&columns), |table, result| {
        let ways = [&result.successors, &result.shortcuts, &result.dht];
        let nodes = show_number(result.nodes.into());
        let times = ways.iter().flat_map(|it| [it.median_seconds, it.p95_seconds].map(seconds));
        let failed: u32 = ways.iter().map(|it| it.failed_lookups).sum();
        table.row([nodes].into_iter().chain(times).chain([show_number(failed.into())]))
    })
}
