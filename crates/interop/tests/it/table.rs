//! No tracker: one DHT of both kinds of nodes is all that joins them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use interop::{Client, Content, DhtNode, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};
use interop::{run, wait_until};

const OURS: usize = 30;
const THEIRS: usize = 20;
const SIZE: u64 = 256 << 10;
/// How often each way is tried; the time to the first peer is worth a median of twenty.
const TIMES: &str = "FLUVIAL_INTEROP_TIMES";

/// Everybody in it, and those who ask.
struct Table {
    ours: Vec<DhtNode>,
    theirs: Vec<Libtorrent>,
}

impl Table {
    fn start(lab: &mut Lab) -> Result<Self> {
        let first = DhtNode::start(lab, None)?;
        let router = first.address();
        let mut ours = vec![first];
        for _ in 1..OURS {
            ours.push(DhtNode::start(lab, Some(router))?);
        }
        let mut theirs = Vec::new();
        for _ in 0..THEIRS {
            theirs.push(Libtorrent::start_in_dht(lab, router)?);
        }
        for (turn, node) in theirs.iter_mut().enumerate() {
            let known = ours[turn % OURS].address();
            wait_until("libtorrent to have joined", || Ok(node.dht_nodes(known)? > 0))?;
        }
        Ok(Self { ours, theirs })
    }

    fn fluvial(&self, lab: &mut Lab, turn: usize) -> Result<Fluvial> {
        // Whoever is a router is not asked by all.
        Fluvial::start_in_dht(lab, self.ours[turn % OURS].address())
    }
}

fn publish(lab: &Lab, name: &str) -> Result<Content> {
    let nowhere = "http://127.0.0.1:9/announce";
    let content = Content::publish_as(lab, name, (Shape::File, Format::V1), SIZE, nowhere)?;
    content.without_tracker(Format::V1)
}

/// What a Fluvial seeds goes to libtorrent; returns the seconds to its first peer.
fn to_theirs(lab: &mut Lab, table: &mut Table, turn: usize) -> Result<f64> {
    let content = publish(lab, &format!("ours {turn}"))?;
    let mut from = table.fluvial(lab, turn)?;
    from.seed(&content)?;
    let announced = || from.has_logged(&content, "announced to the DHT");
    wait_until("it to be announced", announced)?;
    let to = &mut table.theirs[turn % THEIRS];
    to.get(&content, Source::Magnet)?;
    let seconds = to.first_peer(&content)?;
    to.wait_complete(&content)?;
    Ok(seconds)
}

/// What libtorrent seeds, and has announced, goes to a Fluvial that has just been started and knows
/// one node; returns the seconds from its start to its first peer.
fn to_ours(lab: &mut Lab, table: &mut Table, turn: usize) -> Result<f64> {
    let content = publish(lab, &format!("theirs {turn}"))?;
    table.theirs[turn % THEIRS].seed(&content)?;
    // It takes its time, up to half a minute; that is not ours.
    let (asking, router) = (&table.ours[turn % OURS], table.ours[0].address());
    wait_until("libtorrent to have announced it", || asking.finds(&content, router))?;
    let mut to = table.fluvial(lab, turn + 7)?;
    let began = Instant::now();
    to.get(&content, Source::Magnet)?;
    let seconds = loop {
        let seconds = began.elapsed().as_secs_f64();
        if to.has_logged(&content, "the DHT names peers").unwrap_or(false) {
            break seconds;
        }
        anyhow::ensure!(seconds < 300.0, "the DHT names nobody");
        std::thread::sleep(Duration::from_millis(2));
    };
    to.wait_complete(&content)?;
    Ok(seconds)
}

fn median(times: &mut [f64]) -> Result<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("nothing was measured")
}

#[test]
fn magnets_alone_go_both_ways() {
    run("table::magnets_alone_go_both_ways", &[Program::Libtorrent], |lab| {
        let times = std::env::var(TIMES).ok().and_then(|it| it.parse().ok()).unwrap_or(1);
        lab.set_routed()?;
        let mut table = Table::start(lab)?;
        println!("   a DHT of {OURS} Fluvial and {THEIRS} libtorrent nodes, no tracker");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for turn in 0..times {
            theirs.push(to_theirs(lab, &mut table, turn)?);
            ours.push(to_ours(lab, &mut table, turn)?);
        }
        for (who, times) in [("libtorrent", &mut theirs), ("Fluvial", &mut ours)] {
            let (count, median) = (times.len(), median(times)?);
            let (least, most) = (times[0], times[count - 1]);
            println!("   {who}, seconds to the first peer: median of {count} {median:.3}");
            println!("   {:>who$}  least {least:.3}, most {most:.3}", "", who = who.len());
        }
        Ok(())
    });
}
