//! Peers that seed, and do not always tell the truth, to `fluvial get`.

use std::fs;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use metainfo::Metainfo;

use super::memory;
use super::raw::{
    EXTENDED, FULL, HASH_REJECT, HASH_REQUEST, HASHES, HAVE_ALL, INTERESTED, PIECE, REJECT,
    REQUEST, Raw, UNCHOKE, V2, handshake, message, numbers,
};
use crate::support::{Place, Running, assert_same, noise};

/// What a process that gets 700 kB may use, in KiB, whatever it is told.
const USED_MAX: u64 = 48 * 1024;

/// What a scripted seed does.
#[derive(Clone)]
struct Script {
    hash: [u8; 20],
    /// What its handshake says, when not `hash`.
    answer: Option<[u8; 20]>,
    reserved: [u8; 8],
    metadata: Vec<u8>,
    metadata_size: u64,
    content: Arc<Vec<u8>>,
    piece_length: usize,
    /// Of so many blocks one is wrong; 0 for none.
    lies: u64,
    /// What it does with requests.
    manner: Manner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Serves,
    Rejects,
    Ignores,
    /// Sends half of a block, then nothing.
    Stalls,
    /// Sends other blocks than those asked for.
    Babbles,
    /// Answers hash requests with hashes that prove nothing.
    Misproves,
}

/// A torrent and its content.
struct Subject {
    file: std::path::PathBuf,
    torrent: Metainfo,
    script: Script,
}

impl Subject {
    fn new(place: &Place, format: &str, size: usize) -> Self {
        let file = place.file("a.bin", size);
        let args = ["create", "a.bin", "-o", "t", "--piece-length", "64KiB", "--format", format];
        assert!(place.run(&args).status.success());
        let torrent = Metainfo::parse(&fs::read(place.path("t")).unwrap()).unwrap();
        let metadata = torrent.info.raw().to_vec();
        let hash = torrent.hashes.handshake_hashes().next().expect("a hash").0;
        let script = Script {
            hash,
            answer: None,
            reserved: FULL,
            metadata_size: metadata.len() as u64,
            metadata,
            content: Arc::new(noise(size as u64, size)),
            piece_length: 64 << 10,
            lies: 0,
            manner: Manner::Serves,
        };
        Self { file, torrent, script }
    }

    fn magnet(&self) -> String {
        match (self.torrent.hashes.v1, self.torrent.hashes.v2) {
            (Some(v1), _) => format!("magnet:?xt=urn:btih:{v1}"),
            (None, Some(v2)) => format!("magnet:?xt=urn:btmh:1220{v2}"),
            (None, None) => unreachable!("a torrent has a hash"),
        }
    }
}

impl Script {
    /// Serves whoever comes, for as long as the test runs.
    fn start(self) -> SocketAddr {
        static NEXT: Mutex<u8> = Mutex::new(1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let script = self.clone();
                let number = {
                    let mut next = NEXT.lock().unwrap();
                    *next = next.wrapping_add(1);
                    *next
                };
                thread::spawn(move || script.talk(Raw::over(stream.unwrap()), number));
            }
        });
        address
    }

    fn talk(&self, mut raw: Raw, number: u8) {
        if raw.greeting().is_none() {
            return;
        }
        let hash = self.answer.as_ref().unwrap_or(&self.hash);
        let id = [&b"-XX0000-scripted-se"[..], &[number]].concat();
        raw.send(&handshake(self.reserved, hash, id[..].try_into().unwrap()));
        raw.send(&message(HAVE_ALL, &[]));
        let size = self.metadata_size;
        let hello = format!("\0d1:md11:ut_metadatai7ee13:metadata_sizei{size}ee");
        raw.send(&message(EXTENDED, hello.as_bytes()));
        let mut served = u64::from(number);
        while let Some((id, payload)) = raw.next() {
            let payload = payload.to_vec();
            let answer = match id {
                EXTENDED if payload[0] == 7 => self.metadata(&payload),
                INTERESTED => message(UNCHOKE, &[]),
                REQUEST => {
                    served += 1;
                    self.block(&payload, served)
                }
                HASH_REQUEST if self.manner == Manner::Misproves => {
                    message(HASHES, &proofless(&payload))
                }
                HASH_REQUEST => message(HASH_REJECT, &payload),
                _ => continue,
            };
            if !raw.send(&answer) {
                return;
            }
        }
    }

    fn metadata(&self, request: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(request);
        let piece: usize = text
            .split_once("5:piecei")
            .and_then(|(_, rest)| rest.split('e').next()?.parse().ok())
            .expect("a request");
        let from = (piece * 16_384).min(self.metadata.len());
        let to = (from + 16_384).min(self.metadata.len());
        let mut payload = Vec::new();
        let (size, number) = (self.metadata.len(), 1);
        write!(payload, "\x01d8:msg_typei{number}e5:piecei{piece}e10:total_sizei{size}ee").unwrap();
        payload.extend(&self.metadata[from..to]);
        message(EXTENDED, &payload)
    }

    fn block(&self, request: &[u8], served: u64) -> Vec<u8> {
        let field = |at: usize| {
            u32::from_be_bytes(request[at * 4..at * 4 + 4].try_into().unwrap()) as usize
        };
        let from = field(0) * self.piece_length + field(1);
        let mut data = self.content[from..from + field(2)].to_vec();
        if self.lies > 0 && served.is_multiple_of(self.lies) {
            data[0] ^= 1;
        }
        let whole = message(PIECE, &[&request[..8], &data].concat());
        match self.manner {
            Manner::Serves | Manner::Misproves => whole,
            Manner::Rejects => message(REJECT, request),
            Manner::Ignores => Vec::new(),
            Manner::Stalls if served > 2 => Vec::new(),
            Manner::Stalls => whole[..whole.len() / 2].to_vec(),
            Manner::Babbles => numbers(PIECE, &[0, 1, 2]).repeat(600),
        }
    }
}

/// As many hashes as were asked for, which lead nowhere.
fn proofless(request: &[u8]) -> Vec<u8> {
    let field = |at: usize| u32::from_be_bytes(request[at..at + 4].try_into().unwrap());
    let (length, layers) = (field(40), field(44));
    let subtree = length.max(1).ilog2();
    let uncles = (layers + 1).saturating_sub(subtree).saturating_sub(u32::from(subtree > 0));
    [request, &vec![5; 32 * (length + uncles) as usize]].concat()
}

/// An address that leads to `target` once `go` is set.
fn gate(go: &Arc<AtomicBool>, target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let go = Arc::clone(go);
    thread::spawn(move || {
        for near in listener.incoming() {
            let (near, go) = (near.unwrap(), Arc::clone(&go));
            thread::spawn(move || {
                while !go.load(Ordering::Relaxed) {
                    thread::sleep(std::time::Duration::from_millis(20));
                }
                let far = TcpStream::connect(target).unwrap();
                let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || {
                    let _ended = std::io::copy(&mut from, &mut to);
                    let _gone = to.shutdown(Shutdown::Write);
                });
                let (mut from, mut to) = (far, near);
                let _ended = std::io::copy(&mut from, &mut to);
                let _gone = to.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

/// Gets `source` from these, in this order.
fn get(place: &Place, source: &str, peers: &[SocketAddr]) -> Running {
    let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
    let flags: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer.as_str()]).collect();
    place.get(source, "there", &flags)
}

/// A peer that is told by `change` meets a `get` of `source`; an honest one comes once it is
/// dropped for `reason`, or at once where it may be tolerated. The rest goes as ever.
fn check(
    name: &str,
    format: &str,
    magnet: bool,
    reason: Option<(&str, bool)>,
    change: fn(&mut Script),
) {
    let place = Place::new();
    let subject = Subject::new(&place, format, 700_000);
    let mut liar = subject.script.clone();
    change(&mut liar);
    let go = Arc::new(AtomicBool::new(reason.is_none()));
    let seed = ["seed", "t", "a.bin", "--listen", "127.0.0.1:0", "--no-discovery"];
    let mut seed = place.start(&seed);
    let ready = seed.wait_for("ready");
    let honest = gate(&go, ready["listen"].as_str().expect("an address").parse().unwrap());
    let liar = liar.start();
    let source = if magnet { subject.magnet() } else { "t".to_owned() };
    let mut get = get(&place, &source, &[liar, honest]);
    if let Some((part, banned)) = reason {
        let dropped = get.wait_for("peer_dropped");
        assert_eq!(dropped["address"], liar.to_string(), "{name}: {dropped}");
        assert!(
            dropped["reason"].as_str().is_some_and(|it| it.contains(part)),
            "{name}: {dropped}"
        );
        assert_eq!(dropped["banned"], banned, "{name}: {dropped}");
        let used = memory(&get);
        assert!(used < USED_MAX, "{name}: {used} KiB");
        println!("{name:<44} dropped, {used} KiB in use: {}", dropped["reason"]);
    }
    go.store(true, Ordering::Relaxed);
    get.wait_for("complete");
    assert_same(&subject.file, &place.path("there/a.bin"));
    let told = get.events().iter().filter(|event| event["event"] == "peer_dropped");
    assert!(told.clone().all(|event| event["address"] == liar.to_string()), "{name}: {told:?}");
    println!("{name:<44} complete from the other");
}

#[test]
fn seeds_that_lie_or_hinder_are_dropped_or_passed_over() {
    check(
        "a handshake for another torrent",
        "v1",
        false,
        Some(("for another torrent", false)),
        |it| {
            it.answer = Some([9; 20]);
        },
    );
    check("an upgrade that is none", "hybrid", true, Some(("for another torrent", false)), |it| {
        (it.answer, it.reserved) = (Some([9; 20]), V2);
    });
    check("every block wrong", "v1", false, Some(("all of piece", true)), |it| it.lies = 1);
    check("every block wrong, v2", "v2", false, Some(("all of piece", true)), |it| it.lies = 1);
    check("blocks that nobody asked for", "v1", false, Some(("without a request", false)), |it| {
        it.manner = Manner::Babbles;
    });
    check("every request rejected", "v1", false, None, |it| it.manner = Manner::Rejects);
}

#[test]
fn metadata_and_hashes_that_lie_are_found_out() {
    let metadata = Some(("metadata that is not what the info-hash names", true));
    check("wrong metadata", "v1", true, metadata, |it| it.metadata[20] ^= 1);
    check("wrong metadata, hybrid", "hybrid", true, metadata, |it| it.metadata[20] ^= 1);
    check("metadata of another size", "hybrid", true, metadata, |it| {
        it.metadata = vec![b'd'; 100_000];
        it.metadata_size = 100_000;
    });
    let hashes = Some(("hashes whose proof fails", true));
    check("hashes that prove nothing", "v2", true, hashes, |it| {
        (it.manner, it.reserved) = (Manner::Misproves, V2);
    });
    check("metadata of 2^40 bytes", "v1", true, None, |it| it.metadata_size = 1 << 40);
    check("metadata of no bytes", "v1", true, None, |it| it.metadata_size = 0);
}

#[test]
fn who_stalls_holds_nobody_up() {
    check("silence after unchoke", "v1", false, None, |it| it.manner = Manner::Ignores);
    check("half a block", "v1", false, None, |it| it.manner = Manner::Stalls);
}

#[test]
fn one_liar_in_four_seeds_is_banned_and_nobody_else() {
    for format in ["v1", "hybrid"] {
        let place = Place::new();
        let subject = Subject::new(&place, format, 12 << 20);
        // Three processes of the binary, and one that makes one block in twenty wrong.
        let mut peers: Vec<SocketAddr> = Vec::new();
        let mut seeds = Vec::new();
        for number in 0..3 {
            let state = format!("state-{number}");
            let mut seed = place.start(&[
                "seed",
                "t",
                "a.bin",
                "--listen",
                "127.0.0.1:0",
                "--no-discovery",
                "--up-limit",
                "6MB/s",
                "--state-dir",
                &state,
            ]);
            let ready = seed.wait_for("ready");
            peers.push(ready["listen"].as_str().expect("an address").parse().unwrap());
            seeds.push(seed);
        }
        let liar = Script { lies: 20, ..subject.script.clone() }.start();
        peers.push(liar);
        let mut get = get(&place, "t", &peers);
        get.wait_for("complete");
        assert_same(&subject.file, &place.path("there/a.bin"));
        let dropped = get.events().iter().filter(|event| event["event"] == "peer_dropped");
        let dropped: Vec<_> = dropped.cloned().collect();
        println!("{format}: {dropped:?}");
        assert!(!dropped.is_empty(), "{format}: the liar was not found");
        for event in dropped {
            assert_eq!(event["address"], liar.to_string(), "{format}: {event}");
            assert_eq!(event["banned"], true, "{format}: {event}");
        }
    }
}
