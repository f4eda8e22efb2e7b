//! Metadata from peers (BEP 9): a link with hashes and a tracker is all that either side has.

use anyhow::Result;

use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Rqbit};
use interop::{Rtorrent, Shape, Source, TrackerNode, Transmission, run};

const SIZE: u64 = 4 << 20;
const V1: [Format; 1] = [Format::V1];
const ALL: [Format; 3] = [Format::V1, Format::Hybrid, Format::V2];

/// One tree in each format.
fn publish(lab: &Lab, tracker: &TrackerNode, formats: &[Format]) -> Result<Vec<Content>> {
    let publish = |&format: &Format| {
        Content::publish(lab, (Shape::Tree, format), SIZE, &tracker.url("http", false))
    };
    formats.iter().map(publish).collect()
}

/// What `seeding` has goes to `getting`, which knows a link and nothing else.
fn moves<S: Client, G: Client>(
    lab: &mut Lab,
    seeding: impl FnOnce(&mut Lab) -> Result<S>,
    getting: impl FnOnce(&mut Lab) -> Result<G>,
    formats: &[Format],
) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let (mut from, mut to) = (seeding(lab)?, getting(lab)?);
    let contents = publish(lab, &tracker, formats)?;
    for content in &contents {
        from.seed(content)?;
        tracker.wait_for_seeds(content, 1)?;
        to.get(content, Source::Magnet)?;
    }
    for content in &contents {
        to.wait_complete(content)?;
        println!("   magnet, {} to {}, {}: identical", from.name(), to.name(), content.name());
    }
    Ok(())
}

fn ours(lab: &mut Lab) -> Result<Fluvial> {
    Fluvial::start(lab, &[])
}

#[test]
fn transmission_seeds() {
    run("magnets::transmission_seeds", &[Program::Transmission], |lab| {
        moves(lab, Transmission::start, ours, &V1)
    });
}

#[test]
fn transmission_gets() {
    run("magnets::transmission_gets", &[Program::Transmission], |lab| {
        moves(lab, ours, Transmission::start, &V1)
    });
}

#[test]
fn libtorrent_seeds() {
    run("magnets::libtorrent_seeds", &[Program::Libtorrent], |lab| {
        moves(lab, Libtorrent::start, ours, &ALL)
    });
}

#[test]
fn libtorrent_gets() {
    run("magnets::libtorrent_gets", &[Program::Libtorrent], |lab| {
        moves(lab, ours, Libtorrent::start, &ALL)
    });
}

/// The other way needs its DHT: with a link alone it tells trackers that nothing is left to get,
/// and trackers name no seeds to a seed.
#[test]
fn aria2_seeds() {
    run("magnets::aria2_seeds", &[Program::Aria2], |lab| moves(lab, Aria2::start, ours, &V1));
}

#[test]
fn rtorrent_seeds() {
    run("magnets::rtorrent_seeds", &[Program::Rtorrent], |lab| {
        moves(lab, Rtorrent::start, ours, &V1)
    });
}

#[test]
fn rtorrent_gets() {
    run("magnets::rtorrent_gets", &[Program::Rtorrent], |lab| {
        moves(lab, ours, Rtorrent::start, &V1)
    });
}

/// The other way needs its DHT, as with aria2.
#[test]
fn rqbit_seeds() {
    run("magnets::rqbit_seeds", &[Program::Rqbit], |lab| moves(lab, Rqbit::start, ours, &V1));
}
