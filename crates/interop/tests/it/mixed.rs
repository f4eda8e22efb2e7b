//! One swarm of several programs: everyone gets everything, and nobody is starved.

use std::time::Instant;

use anyhow::Result;

use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};
use interop::{TrackerNode, Transmission, run, wait_until};

const SIZE: u64 = 24 << 20;
/// What the seed gives: one copy takes six seconds, so that the getters must help each other.
const SEED_RATE: u32 = 4 << 20;
const PROGRAMS: [Program; 3] = [Program::Transmission, Program::Libtorrent, Program::Aria2];

fn getters(lab: &mut Lab) -> Result<Vec<Box<dyn Client>>> {
    let mut getters: Vec<Box<dyn Client>> = Vec::new();
    for _ in 0..3 {
        getters.push(Box::new(Fluvial::start(lab, &["--seed", "forever"])?));
    }
    for _ in 0..2 {
        getters.push(Box::new(Libtorrent::start(lab)?));
        getters.push(Box::new(Transmission::start(lab)?));
    }
    getters.push(Box::new(Aria2::start(lab)?));
    Ok(getters)
}

fn swarm(
    lab: &mut Lab,
    start_seed: impl FnOnce(&mut Lab) -> Result<Box<dyn Client>>,
) -> Result<()> {
    let tracker = TrackerNode::start(lab)?;
    let url = tracker.url("http", false);
    let content = Content::publish(lab, (Shape::File, Format::V1), SIZE, &url)?;
    let mut seed = start_seed(lab)?;
    let mut getters = getters(lab)?;
    seed.seed(&content)?;
    tracker.wait_for_seeds(&content, 1)?;
    let started = Instant::now();
    for getter in &mut getters {
        getter.get(&content, Source::Torrent)?;
    }
    let mut seconds: Vec<Option<f64>> = vec![None; getters.len()];
    let done = wait_until("all of a mixed swarm to complete", || {
        for (getter, seconds) in getters.iter_mut().zip(&mut seconds) {
            if seconds.is_none() && getter.is_complete(&content)? {
                *seconds = Some(started.elapsed().as_secs_f64());
            }
        }
        Ok(seconds.iter().all(Option::is_some))
    });
    println!("   seeded by {} at {SEED_RATE} B/s, {} MiB:", seed.name(), SIZE >> 20);
    for (getter, seconds) in getters.iter().zip(&seconds) {
        let seconds = seconds.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
        println!("   {:<14}{:<12}{seconds}", getter.name(), getter.node().v4().to_string());
    }
    done?;
    getters.iter_mut().try_for_each(|getter| getter.wait_complete(&content))
}

#[test]
fn all_complete_when_we_seed() {
    run("mixed::all_complete_when_we_seed", &PROGRAMS, |lab| {
        swarm(lab, |lab| Ok(Box::new(Fluvial::start(lab, &["--up-limit", "4MiB/s"])?)))
    });
}

#[test]
fn all_complete_when_libtorrent_seeds() {
    run("mixed::all_complete_when_libtorrent_seeds", &PROGRAMS, |lab| {
        swarm(lab, |lab| Ok(Box::new(Libtorrent::start_limited(lab, SEED_RATE)?)))
    });
}
