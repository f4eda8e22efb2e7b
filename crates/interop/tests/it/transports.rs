//! Over uTP alone, and encrypted alone: with each client, both ways.

use std::time::{Duration, Instant};

use anyhow::Result;

use interop::{Client, Content, Fluvial, Format, Lab, Libtorrent, Manner, Program, Rtorrent};
use interop::{Shape, Source, TrackerNode, Transmission, Wire, run};

const SIZE: u64 = 16 << 20;

/// Half of a round trip of 100 ms, and a packet lost of a hundred each way.
const LOSSY: Wire = Wire { delay: Duration::from_millis(50), loss: 0.01 };

/// What moves from one to the other, and back.
fn both_ways<C: Client>(
    lab: &mut Lab,
    manner: Manner,
    start: impl Fn(&mut Lab, Manner) -> Result<C>,
) -> Result<()> {
    over(lab, manner, None, start)
}

/// The same, with ours at the end of a wire.
fn over<C: Client>(
    lab: &mut Lab,
    manner: Manner,
    wire: Option<Wire>,
    start: impl Fn(&mut Lab, Manner) -> Result<C>,
) -> Result<()> {
    let flags: &[&str] = match manner {
        Manner::Usual => &[],
        Manner::Utp => &["--transport", "utp"],
        Manner::Encrypted => &["--encryption", "require"],
    };
    let tracker = TrackerNode::start(lab)?;
    let mut theirs = start(lab, manner)?;
    wire.map_or(Ok(()), |wire| lab.set_wire(wire))?;
    let mut ours = Fluvial::start(lab, flags)?;
    let url = tracker.url("http", false);
    let publish =
        |name: &str| Content::publish_as(lab, name, (Shape::File, Format::V1), SIZE, &url);
    let (there, back) = (publish("there")?, publish("back")?);
    ours.seed(&there)?;
    theirs.seed(&back)?;
    tracker.wait_for_seeds(&there, 1)?;
    tracker.wait_for_seeds(&back, 1)?;
    theirs.get(&there, Source::Torrent)?;
    ours.get(&back, Source::Torrent)?;
    let started = Instant::now();
    theirs.wait_complete(&there)?;
    let theirs_took = started.elapsed().as_secs_f64();
    ours.wait_complete(&back)?;
    let seconds = ours.complete_event(&back).and_then(|it| it["seconds"].as_f64());
    let seconds = seconds.unwrap_or_default();
    println!(
        "   {manner:?}, {}: identical both ways, ours in {seconds:.1} s, theirs in {theirs_took:.1} s",
        theirs.name()
    );
    Ok(())
}

#[test]
fn libtorrent_over_utp() {
    run("transports::libtorrent_over_utp", &[Program::Libtorrent], |lab| {
        both_ways(lab, Manner::Utp, Libtorrent::start_in)
    });
}

#[test]
fn transmission_over_utp() {
    run("transports::transmission_over_utp", &[Program::Transmission], |lab| {
        both_ways(lab, Manner::Utp, Transmission::start_in)
    });
}

#[test]
fn libtorrent_over_utp_with_losses() {
    run("transports::libtorrent_over_utp_with_losses", &[Program::Libtorrent], |lab| {
        over(lab, Manner::Utp, Some(LOSSY), Libtorrent::start_in)
    });
}

#[test]
fn transmission_over_utp_with_losses() {
    run("transports::transmission_over_utp_with_losses", &[Program::Transmission], |lab| {
        over(lab, Manner::Utp, Some(LOSSY), Transmission::start_in)
    });
}

#[test]
fn libtorrent_encrypted() {
    run("transports::libtorrent_encrypted", &[Program::Libtorrent], |lab| {
        both_ways(lab, Manner::Encrypted, Libtorrent::start_in)
    });
}

#[test]
fn transmission_encrypted() {
    run("transports::transmission_encrypted", &[Program::Transmission], |lab| {
        both_ways(lab, Manner::Encrypted, Transmission::start_in)
    });
}

#[test]
fn rtorrent_encrypted() {
    run("transports::rtorrent_encrypted", &[Program::Rtorrent], |lab| {
        both_ways(lab, Manner::Encrypted, Rtorrent::start_in)
    });
}
