//! What is private is told to its tracker alone (BEP 27): captures show neither the DHT, nor PEX,
//! nor the local network hear of it, while they do of what is public.

use anyhow::{Result, ensure};

use interop::{Client, Content, DhtNode, Fluvial, Format, Lab, Program, Recording, Shape, Source};
use interop::{TrackerNode, run, wait_until};

const SIZE: u64 = 1 << 20;

/// What would show that somebody is told of it: by the DHT, on the local network, by PEX.
fn traces(content: &Content) -> [(&'static str, Vec<u8>); 3] {
    let hash = content.info_hash();
    let asked = [&b"9:info_hash20:"[..], &hash.0].concat();
    let sought = format!("Infohash: {hash}").into_bytes();
    [("DHT", asked), ("LSD", sought), ("PEX", b"6:ut_pex".to_vec())]
}

/// Moves it from one to two others that are at liberty to find peers in every way.
fn moves(lab: &mut Lab, content: &Content, tracker: &TrackerNode) -> Result<Recording> {
    let router = DhtNode::start(lab, None)?;
    let bootstrap = router.address().to_string();
    // Plain words, so that the capture can read them.
    let flags = ["--bootstrap", &bootstrap, "--transport", "tcp", "--encryption", "off"];
    let mut seed = Fluvial::start_discovering(lab, &flags)?;
    let name = format!("recording-{}", content.info_hash());
    let recording = Recording::start(seed.node(), "eth0", &name)?;
    seed.seed(content)?;
    tracker.wait_for_seeds(content, 1)?;
    let mut getters = Vec::new();
    for _ in 0..2 {
        let mut getter = Fluvial::start_discovering(lab, &flags)?;
        getter.get(content, Source::Torrent)?;
        getters.push(getter);
    }
    for getter in &mut getters {
        getter.wait_complete(content)?;
    }
    // The DHT was there to be told.
    wait_until("the DHT to be joined", || recording.holds(b"1:q9:find_node"))?;
    if !content.is_private() {
        for (what, trace) in traces(content) {
            wait_until(&format!("{what} to carry it"), || recording.holds(&trace))?;
        }
    }
    Ok(recording)
}

#[test]
fn only_the_tracker_hears_of_what_is_private() {
    run("private::only_the_tracker_hears_of_what_is_private", &[Program::Tcpdump], |lab| {
        let tracker = TrackerNode::start(lab)?;
        let url = tracker.url("http", false);
        let public = Content::publish(lab, (Shape::File, Format::V1), SIZE, &url)?;
        let private = public.made_private(Format::V1, &url)?;
        moves(lab, &public, &tracker)?;
        let recording = moves(lab, &private, &tracker)?;
        for (what, trace) in traces(&private) {
            ensure!(!recording.holds(&trace)?, "{what} carries what is private");
        }
        println!("   DHT, LSD and PEX carry what is public, and nothing of what is private");
        Ok(())
    });
}
