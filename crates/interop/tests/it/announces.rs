//! Trackers: theirs announce to ours, ours to theirs, over both protocols and families.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};

use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Opentracker, Program};
use interop::{Rqbit, Rtorrent, Shape, TrackerNode, Transmission, run, wait_until};

/// Protocol and whether over IPv6.
type Way = (&'static str, bool);

const SIZE: u64 = 100_000;
const WAYS: [Way; 4] = [("http", false), ("udp", false), ("http", true), ("udp", true)];

fn way_name((scheme, v6): Way) -> String {
    format!("{scheme} {}", if v6 { "v6" } else { "v4" })
}

/// One small content for each way.
fn publish(lab: &Lab, tracker: &TrackerNode, ways: &[Way]) -> Result<Vec<Content>> {
    let publish = |way: &Way| {
        let url = tracker.url(way.0, way.1);
        Content::publish_as(lab, &way_name(*way), (Shape::File, Format::V1), SIZE, &url)
    };
    ways.iter().map(publish).collect()
}

/// The client seeds one content by each of `ways`; our tracker then names its address to others.
fn to_our_tracker<C: Client>(
    lab: &mut Lab,
    start: impl FnOnce(&mut Lab) -> Result<C>,
    ways: &[Way],
    scrape: impl Fn(&mut C, &Content) -> Result<Option<u64>>,
) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let contents = publish(lab, &tracker, ways)?;
    let mut client = start(lab)?;
    for content in &contents {
        client.seed(content)?;
    }
    for (content, &(scheme, v6)) in contents.iter().zip(ways) {
        let name = way_name((scheme, v6));
        let what = format!("{} to announce over {name}", client.name());
        let (v4_address, v6_address) = (client.node().v4(), client.node().v6());
        let address = if v6 { IpAddr::V6(v6_address) } else { IpAddr::V4(v4_address) };
        let is_it = |peer: &SocketAddr| peer.ip() == address;
        wait_until(&what, || Ok(tracker.peers(content.info_hash(), v6)?.iter().any(is_it)))?;
        let mut seen = None;
        wait_until(&format!("{} to scrape over {name}", client.name()), || {
            seen = scrape(&mut client, content)?;
            Ok(seen.is_none_or(|seeders| seeders > 0))
        })?;
        let scrape = seen.map_or("-".to_owned(), |seeders| format!("{seeders} seeder"));
        println!("   {:<14}{name:<9}announce ok, scrape {scrape}", client.name());
    }
    Ok(())
}

#[test]
fn transmission_announces() {
    run("announces::transmission_announces", &[Program::Transmission], |lab| {
        to_our_tracker(lab, Transmission::start, &WAYS, |client, content| {
            client.scraped_seeders(content).map(Some)
        })
    });
}

#[test]
fn libtorrent_announces() {
    run("announces::libtorrent_announces", &[Program::Libtorrent], |lab| {
        to_our_tracker(lab, Libtorrent::start, &WAYS, |client, content| {
            client.scraped_seeders(content).map(Some)
        })
    });
}

/// It sends to UDP trackers from the IPv4 socket of its DHT only, and it never scrapes.
#[test]
fn aria2_announces() {
    run("announces::aria2_announces", &[Program::Aria2], |lab| {
        to_our_tracker(lab, Aria2::start, &WAYS[..3], |_, _| Ok(None))
    });
}

#[test]
fn rtorrent_announces() {
    run("announces::rtorrent_announces", &[Program::Rtorrent], |lab| {
        to_our_tracker(lab, Rtorrent::start, &WAYS, |client, content| {
            client.scraped_seeders(content).map(Some)
        })
    });
}

#[test]
fn rqbit_announces() {
    run("announces::rqbit_announces", &[Program::Rqbit], |lab| {
        to_our_tracker(lab, Rqbit::start, &WAYS, |_, _| Ok(None))
    });
}

#[test]
fn we_announce() {
    run("announces::we_announce", &[], |lab| {
        to_our_tracker(lab, |lab| Fluvial::start(lab, &[]), &WAYS, |_, _| Ok(None))
    });
}

#[test]
fn we_announce_to_opentracker() {
    run("announces::we_announce_to_opentracker", &[Program::Opentracker], |lab| {
        let at = TrackerNode::empty(lab)?;
        let ways = [("http", false), ("udp", false)];
        let contents = publish(lab, &at, &ways)?;
        let _tracker = Opentracker::start(&at, &contents)?;
        let mut ours = Fluvial::start(lab, &[])?;
        for (content, way) in contents.iter().zip(ways) {
            ours.seed(content)?;
            let us = IpAddr::V4(ours.node().v4());
            wait_until("opentracker to name us", || {
                let peers = at.peers(content.info_hash(), false)?;
                Ok(peers.iter().any(|peer| peer.ip() == us))
            })?;
            let swarm =
                if way.0 == "udp" { at.swarm_over_udp(content)? } else { at.swarm(content)? };
            ensure!(swarm.seeders == 1, "opentracker's scrape: {swarm:?}");
            println!("   fluvial to opentracker, {}: announce and scrape ok", way_name(way));
        }
        Ok(())
    });
}
