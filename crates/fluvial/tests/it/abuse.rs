//! Peers that break the rules, against the real thing: each is dropped for its own reason, or
//! tolerated for one, and costs nobody else anything.

#![allow(clippy::print_stdout, reason = "the table of what was seen is of use by itself")]

mod liars;
mod raw;
mod rows;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Place, Running, assert_same};
use raw::{FULL, INTERESTED, PIECE, REQUEST, Raw, UNCHOKE, handshake, message, numbers};
use rows::MESSAGES;

const SIZE: usize = 300_000;
const BLOCK: u32 = 16_384;
/// What the process may grow by over all rows, in KiB: its pools and the system's buffers.
const GROWTH_MAX: u64 = 48 * 1024;
const PEER_ID: &[u8; 20] = b"-XX0000-abusive-peer";

/// What is to become of a peer.
enum Fate {
    /// Dropped, and this is part of the reason that is told.
    Dropped(&'static str),
    /// Closed without a word: nobody's fault.
    Closed,
    /// Served all the same, because of this.
    Tolerated(&'static str),
}
use Fate::{Closed, Dropped, Tolerated};

/// A peer: its name, the reserved bits of its handshake, what it sends then, what becomes of it.
type Row = (&'static str, [u8; 8], fn(&mut Raw), Fate);

/// A process that shares a file in pieces of 32 KiB, ten of them.
struct Shared {
    share: Running,
    magnet: String,
    listen: SocketAddr,
    v1: [u8; 20],
}

impl Shared {
    fn new(place: &Place, file: &Path) -> Self {
        let (mut share, magnet) =
            place.share(file, &["--no-tracker", "--format", "hybrid", "--piece-length", "32KiB"]);
        let ready = share.events()[0].clone();
        let listen = ready["listen"].as_str().expect("an address").parse().unwrap();
        let v1 = unhex(ready["info_hash"].as_str().expect("a v1 hash"));
        Self { share, magnet, listen, v1 }
    }

    /// Waits until it is told that this peer was dropped.
    fn dropped(&mut self, address: SocketAddr) -> Value {
        let address = address.to_string();
        let is_it = |it: &Value| it["event"] == "peer_dropped" && it["address"] == address;
        // It may have been told while another was waited for.
        if let Some(told) = self.share.events().iter().find(|event| is_it(event)) {
            return told.clone();
        }
        loop {
            let dropped = self.share.wait_for("peer_dropped");
            if is_it(&dropped) {
                return dropped;
            }
        }
    }

    fn check(&mut self, from: Ipv4Addr, (name, reserved, act, fate): &Row) {
        let mut raw = Raw::connect(from, self.listen);
        raw.send(&handshake(*reserved, &self.v1, PEER_ID));
        assert!(raw.greeting().is_some(), "{name}: no handshake");
        act(&mut raw);
        self.see(name, &mut raw, fate);
    }

    fn see(&mut self, name: &str, raw: &mut Raw, fate: &Fate) {
        match fate {
            Dropped(part) => {
                assert!(raw.closed(), "{name}: it goes on");
                let dropped = self.dropped(raw.address());
                let reason = dropped["reason"].as_str().expect("a reason");
                assert!(reason.contains(part), "{name}: {reason}");
                assert_eq!(dropped["banned"], false, "{name}");
                println!("{name:<44} dropped: {reason}");
            }
            Closed => {
                assert!(raw.closed(), "{name}: it goes on");
                println!("{name:<44} closed");
            }
            Tolerated(why) => {
                // It is served like everybody else.
                raw.send(&numbers(INTERESTED, &[]));
                assert!(raw.wait_for(UNCHOKE), "{name}: not unchoked");
                raw.send(&numbers(REQUEST, &[9, 77, 1_001]));
                assert!(raw.wait_for(PIECE), "{name}: not served");
                println!("{name:<44} tolerated: {why}");
            }
        }
    }
}

/// Memory that the process has in use, in KiB.
fn memory(process: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

fn unhex(text: &str) -> [u8; 20] {
    let byte = |at: usize| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[test]
fn abusive_peers_are_dropped_for_their_reason_or_tolerated_for_another() {
    let place = Place::new();
    let file = place.file("a.bin", SIZE);
    let mut shared = Shared::new(&place, &file);
    let from = |row: usize| Ipv4Addr::from(0x7f01_0000 + row as u32);
    // Once for the pools to fill, then to see whether they stay as they are.
    let mut before = 0;
    for round in 0..2 {
        for (row, it) in MESSAGES.iter().enumerate() {
            shared.check(from(1 + row * 2 + round), it);
        }
        if round == 0 {
            before = memory(&shared.share);
        }
    }
    let after = memory(&shared.share);
    println!("{} rows; {before} KiB after one round, {after} after two", MESSAGES.len());
    assert!(after < before + GROWTH_MAX, "{before} KiB, then {after}");
    let mut get = place.get(&shared.magnet, "there", &[]);
    get.wait_for("complete");
    assert_same(&file, &place.path("there/a.bin"));
}

#[test]
fn strange_beginnings_end_with_their_reason() {
    let place = Place::new();
    let file = place.file("a.bin", SIZE);
    let mut shared = Shared::new(&place, &file);
    let mut host = 0x7f02_0000;
    let mut connect = |listen| {
        host += 1;
        Raw::connect(Ipv4Addr::from(host), listen)
    };
    let not_ours = "not a BitTorrent handshake";
    let hello = |hash: &[u8; 20], id: &[u8; 20]| handshake(FULL, hash, id);
    // These need ten seconds each; the others go on beside them.
    let mut slow = [connect(shared.listen), connect(shared.listen), connect(shared.listen)];
    slow[1].send(&hello(&shared.v1, PEER_ID)[..67]);
    let mut probe = connect(shared.listen);
    probe.send(&hello(&shared.v1, PEER_ID));
    let (_, own_id) = probe.greeting().expect("a handshake");
    let cases: [(&str, Vec<u8>, Fate); 6] = [
        ("another protocol", b"\x13BitTornado protocol".to_vec(), Dropped(not_ours)),
        ("a browser", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Dropped(not_ours)),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1], Dropped(not_ours)),
        ("zeros", vec![0; 68], Dropped(not_ours)),
        ("another torrent", hello(&[9; 20], PEER_ID), Dropped("unknown torrent")),
        ("our own name", hello(&shared.v1, &own_id), Closed),
    ];
    for (name, bytes, fate) in cases {
        let mut raw = connect(shared.listen);
        raw.send(&bytes);
        shared.see(name, &mut raw, &fate);
    }
    // Who asks and runs leaves nothing behind.
    for _ in 0..50 {
        let mut raw = connect(shared.listen);
        raw.send(&hello(&shared.v1, PEER_ID));
        raw.send(&message(INTERESTED, &[]));
        raw.send(&numbers(REQUEST, &[0, 0, BLOCK]));
    }
    // A byte a second does not buy time.
    for byte in &hello(&shared.v1, PEER_ID)[..20] {
        if !slow[2].send(&[*byte]) {
            break;
        }
        thread::sleep(Duration::from_millis(600));
    }
    for (raw, name) in slow.iter_mut().zip(["silence", "all but a byte", "a byte now and then"]) {
        shared.see(name, raw, &Dropped("no handshake in time"));
    }
    shared.see("a good peer beside them", &mut probe, &Tolerated("it is good"));
}

#[test]
fn one_address_cannot_take_all_places() {
    let place = Place::new();
    let file = place.file("a.bin", SIZE);
    let path = file.to_str().expect("a readable path");
    let more = ["--max-peers", "30", "--no-tracker", "--listen", "127.0.0.1:0", "--no-discovery"];
    let mut share = place.start(&[&["share", path], &more[..]].concat());
    let ready = share.wait_for("ready");
    let listen: SocketAddr = ready["listen"].as_str().expect("an address").parse().unwrap();
    let from = Ipv4Addr::new(127, 3, 0, 1);
    let silent: Vec<Raw> = (0..200).map(|_| Raw::connect(from, listen)).collect();
    let dropped = share.wait_for("peer_dropped");
    assert_eq!(dropped["reason"], "too many silent connections from its address");
    let mut get = place.get(ready["magnet"].as_str().expect("a magnet"), "there", &[]);
    get.wait_for("complete");
    assert_same(&file, &place.path("there/a.bin"));
    // Two hundred of one kind make few lines.
    let told = share.events().iter().filter(|event| event["event"] == "peer_dropped").count();
    assert!(told < 20, "{told} lines");
    drop(silent);
}
