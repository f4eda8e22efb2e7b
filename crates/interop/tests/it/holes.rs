//! Two peers behind two address translators, which no connection from outside passes, are brought
//! together by a third (BEP 55).

use std::fs;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use serde_json::json;

use interop::{Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source, run};

const SIZE: u64 = 16 << 20;
/// What the third takes: it would need a quarter of an hour.
const SLOW: u32 = 16 << 10;
/// Where peers behind translators listen, and where the world sees that some of them do.
const PORT: u16 = 7001;
const MOVED: u16 = 27001;

fn publish(lab: &Lab) -> Result<Content> {
    Content::publish(lab, (Shape::File, Format::V1), SIZE, "")
}

/// One that knows only the third.
fn hidden(
    lab: &mut Lab,
    name: &str,
    moved: Option<(u16, u16)>,
    third: SocketAddr,
) -> Result<Fluvial> {
    let node = lab.node_behind_nat(name, moved)?;
    let flags = ["--peer", &third.to_string(), "--transport", "utp", "--no-dht", "--no-lsd"];
    Ok(Fluvial::discovering_on(node, &[&flags[..], &["--seed", "forever"]].concat()))
}

fn seed_hidden(seed: &mut Fluvial, content: &Content) -> Result<()> {
    content.lay_in(&seed.node().content(), false)?;
    seed.get(content, Source::Torrent)?;
    seed.wait_complete(content)
}

fn followed(it: &Fluvial) -> bool {
    let log = fs::read_to_string(it.node().path(&format!("{PORT}.log"))).unwrap_or_default();
    log.contains("on a third's word")
}

/// The translators give them ports of which nobody can tell but whom they speak to, so that
/// nothing but the third's word leads from one to the other.
#[test]
fn we_bring_each_other_together() {
    run("holes::we_bring_each_other_together", &[], |lab| {
        let content = publish(lab)?;
        let slow = format!("{SLOW}B/s");
        let mut third =
            Fluvial::start_discovering(lab, &["--no-dht", "--no-lsd", "--down-limit", &slow])?;
        let moved = Some((PORT, MOVED));
        let mut seed = hidden(lab, "seed", moved, third.address())?;
        let mut getter = hidden(lab, "getter", moved, third.address())?;
        third.get(&content, Source::Torrent)?;
        seed_hidden(&mut seed, &content)?;
        getter.get(&content, Source::Torrent)?;
        getter.wait_complete(&content)?;
        ensure!(!third.is_complete(&content)?, "the third was to be slow");
        ensure!(followed(&seed) && followed(&getter), "they met by themselves");
        println!("   fluvial behind two translators, brought together by fluvial");
        Ok(())
    });
}

/// libtorrent tells others of both at the ports that they listen on, which for the getter is not
/// where the world sees it: the seed calls there in vain, and the getter's calls find the seed's
/// translator shut. What leads from one to the other is libtorrent's word alone.
#[test]
fn libtorrent_brings_us_together() {
    run("holes::libtorrent_brings_us_together", &[Program::Libtorrent], |lab| {
        let content = publish(lab)?;
        let mut third = Libtorrent::start_with(lab, &json!({"download_rate_limit": SLOW}))?;
        third.get(&content, Source::Torrent)?;
        let mut seed = hidden(lab, "seed", None, third.address())?;
        let mut getter = hidden(lab, "getter", Some((PORT, MOVED)), third.address())?;
        seed_hidden(&mut seed, &content)?;
        getter.get(&content, Source::Torrent)?;
        getter.wait_complete(&content)?;
        ensure!(!third.is_complete(&content)?, "the third was to be slow");
        ensure!(followed(&seed) && followed(&getter), "they met by themselves");
        println!("   fluvial behind two translators, brought together by libtorrent");
        Ok(())
    });
}
