//! Every client against the binary, each in both roles.

use std::env;

use anyhow::{Result, ensure};

use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Rqbit};
use interop::{Rtorrent, Shape, Source, TrackerNode, Transmission, run};

/// Little, so that every change can be tested in two minutes.
const SIZE: u64 = 16 << 20;
const V1: [Format; 2] = [Format::V1, Format::Hybrid];
const V2: [Format; 3] = [Format::V1, Format::Hybrid, Format::V2];

/// Bytes in each content: `FLUVIAL_INTEROP_MIB`, in MiB, for a longer run.
fn size() -> u64 {
    let named = env::var("FLUVIAL_INTEROP_MIB").ok();
    named.and_then(|mib| mib.parse::<u64>().ok()).map_or(SIZE, |mib| mib << 20)
}

/// A file and a tree in each format; the file's tracker is reached over HTTP, the tree's over UDP.
fn publish(lab: &Lab, tracker: &TrackerNode, formats: &[Format]) -> Result<Vec<Content>> {
    let mut contents = Vec::new();
    for &format in formats {
        for (shape, size, scheme) in
            [(Shape::File, size(), "http"), (Shape::Tree, size() / 4, "udp")]
        {
            contents.push(Content::publish(
                lab,
                (shape, format),
                size,
                &tracker.url(scheme, false),
            )?);
        }
    }
    Ok(contents)
}

/// Without hybrids for clients that cannot read them, whoever made them.
fn understood(theirs: &mut impl Client, formats: &[Format]) -> Result<Vec<Format>> {
    let hybrids = theirs.reads_hybrids()?;
    if !hybrids {
        println!("   {} reads no hybrid torrents, libtorrent's neither", theirs.name());
    }
    let formats = formats.iter().copied();
    Ok(formats.filter(|format| hybrids || *format != Format::Hybrid).collect())
}

fn they_seed<C: Client>(
    lab: &mut Lab,
    start: impl FnOnce(&mut Lab) -> Result<C>,
    formats: &[Format],
) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let mut theirs = start(lab)?;
    let mut ours = Fluvial::start(lab, &[])?;
    let contents = publish(lab, &tracker, &understood(&mut theirs, formats)?)?;
    for content in &contents {
        theirs.seed(content)?;
    }
    for content in &contents {
        tracker.wait_for_seeds(content, 1)?;
        ours.get(content, Source::Torrent)?;
    }
    for content in &contents {
        ours.wait_complete(content)?;
        ours.finish(content)?;
        report(&theirs, "seeds", content, &ours)?;
    }
    Ok(())
}

fn we_seed<C: Client>(
    lab: &mut Lab,
    start: impl FnOnce(&mut Lab) -> Result<C>,
    formats: &[Format],
) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let mut ours = Fluvial::start(lab, &[])?;
    let mut theirs = start(lab)?;
    let contents = publish(lab, &tracker, &understood(&mut theirs, formats)?)?;
    for content in &contents {
        ours.seed(content)?;
    }
    for content in &contents {
        tracker.wait_for_seeds(content, 1)?;
        theirs.get(content, Source::Torrent)?;
    }
    for content in &contents {
        theirs.wait_complete(content)?;
        println!("   {} gets {}: identical", theirs.name(), content.name());
    }
    Ok(())
}

/// All of it came from the one peer there was.
fn report(theirs: &impl Client, verb: &str, content: &Content, ours: &Fluvial) -> Result<()> {
    let name = theirs.name();
    let complete = ours.complete_event(content).expect("it is complete");
    let sources = complete["sources"].as_array().map_or(&[][..], Vec::as_slice);
    let are_peers = sources.iter().all(|source| source["kind"] == "peer");
    ensure!(!sources.is_empty() && are_peers, "{name}: bytes came from {sources:?}");
    let seconds = complete["seconds"].as_f64().unwrap_or_default();
    println!("   {name} {verb} {}: identical, {seconds:.1} s", content.name());
    Ok(())
}

#[test]
fn transmission_seeds() {
    run("matrix::transmission_seeds", &[Program::Transmission], |lab| {
        they_seed(lab, Transmission::start, &V1)
    });
}

#[test]
fn transmission_gets() {
    run("matrix::transmission_gets", &[Program::Transmission], |lab| {
        we_seed(lab, Transmission::start, &V1)
    });
}

#[test]
fn libtorrent_seeds() {
    run("matrix::libtorrent_seeds", &[Program::Libtorrent], |lab| {
        they_seed(lab, Libtorrent::start, &V2)
    });
}

#[test]
fn libtorrent_gets() {
    run("matrix::libtorrent_gets", &[Program::Libtorrent], |lab| {
        we_seed(lab, Libtorrent::start, &V2)
    });
}

#[test]
fn aria2_seeds() {
    run("matrix::aria2_seeds", &[Program::Aria2], |lab| they_seed(lab, Aria2::start, &V1));
}

#[test]
fn aria2_gets() {
    run("matrix::aria2_gets", &[Program::Aria2], |lab| we_seed(lab, Aria2::start, &V1));
}

#[test]
fn rtorrent_seeds() {
    run("matrix::rtorrent_seeds", &[Program::Rtorrent], |lab| they_seed(lab, Rtorrent::start, &V1));
}

#[test]
fn rtorrent_gets() {
    run("matrix::rtorrent_gets", &[Program::Rtorrent], |lab| we_seed(lab, Rtorrent::start, &V1));
}

#[test]
fn rqbit_seeds() {
    run("matrix::rqbit_seeds", &[Program::Rqbit], |lab| they_seed(lab, Rqbit::start, &V1));
}

#[test]
fn rqbit_gets() {
    run("matrix::rqbit_gets", &[Program::Rqbit], |lab| we_seed(lab, Rqbit::start, &V1));
}
