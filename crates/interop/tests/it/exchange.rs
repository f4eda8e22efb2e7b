//! Peers that are found through peers (BEP 11): A knows B, and B knows C. A gets all from C while
//! B, which is slow, has next to nothing.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use serde_json::json;

use interop::{Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};
use interop::{Transmission, run};

const SIZE: u64 = 16 << 20;
/// What B takes: it would need a quarter of an hour.
const SLOW: u32 = 16 << 10;
const BOTH: [Program; 2] = [Program::Libtorrent, Program::Transmission];

fn publish(lab: &Lab) -> Result<Content> {
    Content::publish(lab, (Shape::File, Format::V1), SIZE, "")
}

fn libtorrent(lab: &mut Lab) -> Result<Libtorrent> {
    Libtorrent::start(lab)
}

fn slow_libtorrent(lab: &mut Lab) -> Result<Libtorrent> {
    // The limit counts on one machine, too; nothing here is local.
    Libtorrent::start_with(lab, &json!({"download_rate_limit": SLOW}))
}

fn transmission(lab: &mut Lab) -> Result<Transmission> {
    Transmission::start_with(lab, &json!({"pex-enabled": true}))
}

fn slow_transmission(lab: &mut Lab) -> Result<Transmission> {
    let (enabled, rate) = ("speed-limit-down-enabled", SLOW >> 10);
    let settings = json!({"pex-enabled": true, enabled: true, "speed-limit-down": rate});
    Transmission::start_with(lab, &settings)
}

/// Knows these from the start, and else what they tell.
fn fluvial(lab: &mut Lab, known: &[SocketAddr], more: &[&str]) -> Result<Fluvial> {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let known = known.iter().flat_map(|peer| ["--peer", peer]);
    let flags = known.chain(more.iter().copied());
    let flags: Vec<&str> = flags.chain(["--no-dht", "--no-lsd"]).collect();
    Fluvial::start_discovering(lab, &flags)
}

fn slow_fluvial(lab: &mut Lab, known: &[SocketAddr]) -> Result<Fluvial> {
    fluvial(lab, known, &["--down-limit", &format!("{SLOW}B/s")])
}

/// Waits for A, and that B cannot have been the one who gave it all.
fn finds(content: &Content, a: &mut dyn Client, b: &mut dyn Client) -> Result<()> {
    a.wait_complete(content)?;
    ensure!(!b.is_complete(content)?, "{} was to be slow", b.name());
    println!("   {} found who had it, through {}", a.name(), b.name());
    Ok(())
}

/// We are B.
fn we_tell(
    lab: &mut Lab,
    mut a: impl Client,
    mut c: impl Client,
    known: [SocketAddr; 2],
) -> Result<()> {
    let content = publish(lab)?;
    c.seed(&content)?;
    a.get(&content, Source::Torrent)?;
    let mut b = slow_fluvial(lab, &known)?;
    b.get(&content, Source::Torrent)?;
    finds(&content, &mut a, &mut b)
}

#[test]
fn we_tell_libtorrent() {
    run("exchange::we_tell_libtorrent", &BOTH, |lab| {
        let (a, c) = (libtorrent(lab)?, transmission(lab)?);
        let known = [a.address(), c.address()];
        we_tell(lab, a, c, known)
    });
}

#[test]
fn we_tell_transmission() {
    run("exchange::we_tell_transmission", &BOTH, |lab| {
        let (a, c) = (transmission(lab)?, libtorrent(lab)?);
        let known = [a.address(), c.address()];
        we_tell(lab, a, c, known)
    });
}

#[test]
fn libtorrent_tells_us() {
    run("exchange::libtorrent_tells_us", &BOTH, |lab| {
        let content = publish(lab)?;
        let (mut b, mut c) = (slow_libtorrent(lab)?, transmission(lab)?);
        c.seed(&content)?;
        b.get(&content, Source::Torrent)?;
        b.connect(&content, c.address())?;
        let mut a = fluvial(lab, &[b.address()], &[])?;
        a.get(&content, Source::Torrent)?;
        finds(&content, &mut a, &mut b)
    });
}

#[test]
fn transmission_tells_us() {
    run("exchange::transmission_tells_us", &BOTH, |lab| {
        let content = publish(lab)?;
        let (mut b, mut c) = (slow_transmission(lab)?, libtorrent(lab)?);
        b.get(&content, Source::Torrent)?;
        c.seed(&content)?;
        c.connect(&content, b.address())?;
        let mut a = fluvial(lab, &[b.address()], &[])?;
        a.get(&content, Source::Torrent)?;
        finds(&content, &mut a, &mut b)
    });
}

#[test]
fn libtorrent_is_told_of_us_by_transmission() {
    run("exchange::libtorrent_is_told_of_us_by_transmission", &BOTH, |lab| {
        let content = publish(lab)?;
        let (mut a, mut b) = (libtorrent(lab)?, slow_transmission(lab)?);
        b.get(&content, Source::Torrent)?;
        let mut c = fluvial(lab, &[b.address()], &["--seed", "forever"])?;
        content.lay_in(&c.node().content(), false)?;
        c.get(&content, Source::Torrent)?;
        c.wait_complete(&content)?;
        a.get(&content, Source::Torrent)?;
        a.connect(&content, b.address())?;
        finds(&content, &mut a, &mut b)
    });
}

#[test]
fn we_tell_each_other() {
    run("exchange::we_tell_each_other", &[], |lab| {
        let content = publish(lab)?;
        let mut c = Fluvial::start_discovering(lab, &["--no-dht", "--no-lsd"])?;
        c.seed(&content)?;
        let mut b = slow_fluvial(lab, &[c.address()])?;
        b.get(&content, Source::Magnet)?;
        let mut a = fluvial(lab, &[b.address()], &[])?;
        a.get(&content, Source::Magnet)?;
        finds(&content, &mut a, &mut b)
    });
}
