//! Peers on the same network that find each other by multicast (BEP 14): no tracker, no DHT, and
//! nobody is named to anybody.

use anyhow::Result;
use serde_json::json;

use interop::{Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};
use interop::{Transmission, run};

const SIZE: u64 = 4 << 20;

fn moves(lab: &Lab, from: &mut dyn Client, to: &mut dyn Client, source: Source) -> Result<()> {
    let content = Content::publish(lab, (Shape::File, Format::V1), SIZE, "")?;
    from.seed(&content)?;
    to.get(&content, source)?;
    to.wait_complete(&content)?;
    println!("   {} found {} nearby", to.name(), from.name());
    Ok(())
}

fn ours(lab: &mut Lab) -> Result<Fluvial> {
    Fluvial::start_discovering(lab, &["--no-dht", "--no-pex"])
}

fn libtorrent(lab: &mut Lab) -> Result<Libtorrent> {
    Libtorrent::start_with(lab, &json!({"enable_lsd": true}))
}

fn transmission(lab: &mut Lab) -> Result<Transmission> {
    Transmission::start_with(lab, &json!({"lpd-enabled": true}))
}

#[test]
fn we_find_each_other() {
    run("neighbours::we_find_each_other", &[], |lab| {
        let (mut from, mut to) = (ours(lab)?, ours(lab)?);
        moves(lab, &mut from, &mut to, Source::Magnet)
    });
}

#[test]
fn libtorrent_seeds() {
    run("neighbours::libtorrent_seeds", &[Program::Libtorrent], |lab| {
        let (mut from, mut to) = (libtorrent(lab)?, ours(lab)?);
        moves(lab, &mut from, &mut to, Source::Magnet)
    });
}

#[test]
fn libtorrent_gets() {
    run("neighbours::libtorrent_gets", &[Program::Libtorrent], |lab| {
        let (mut from, mut to) = (ours(lab)?, libtorrent(lab)?);
        moves(lab, &mut from, &mut to, Source::Magnet)
    });
}

#[test]
fn transmission_seeds() {
    run("neighbours::transmission_seeds", &[Program::Transmission], |lab| {
        let (mut from, mut to) = (transmission(lab)?, ours(lab)?);
        moves(lab, &mut from, &mut to, Source::Torrent)
    });
}

#[test]
fn transmission_gets() {
    run("neighbours::transmission_gets", &[Program::Transmission], |lab| {
        let (mut from, mut to) = (ours(lab)?, transmission(lab)?);
        moves(lab, &mut from, &mut to, Source::Torrent)
    });
}
