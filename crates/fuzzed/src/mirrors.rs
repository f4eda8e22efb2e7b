use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use metainfo::Info;
use mirror::{
    Address, Asked, Dialogue, Fault, Fetch, Head, Judgement, Mirror, Replies, Step, Url, judge,
};
use peer::{Batch, Order, Report};
use stdx::{BlockIndex, BlockRange, Duration, Instant, PieceIndex, Pool, Rng};

use crate::input::Input;

/// Everything that a mirror, or a torrent about it, may say: URLs and where they redirect to, heads
/// of HTTP answers, FTP.
pub fn fuzz_mirror_words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(url) = text.parse::<Url>() {
        assert_eq!(url.path().as_bytes().first(), Some(&b'/'));
        let line = format!("GET {} HTTP/1.1", url.target());
        assert!(line.bytes().all(|byte| (b' '..127).contains(&byte)), "{line:?}");
        if let Ok(mut dialogue) = Dialogue::new(&url, 1, Some(9)) {
            converse(&mut dialogue, data);
        }
    }
    let base: Url = "https://u:p@a.example/b/c".parse().expect("a URL");
    if let Ok(next) = base.redirect(&text) {
        assert!(next.user().is_none_or(|user| user != "u:p" || next.same_origin(&base)));
        let (global, local) = (IpAddr::from([198, 18, 0, 1]), IpAddr::from([10, 0, 0, 1]));
        assert!(!next.may_follow(global, local, true), "never inward");
    }
    let odd = data.first().map_or(0, |byte| 200 + u16::from(*byte));
    for (status, streamed) in [(odd, false), (200, false), (200, true), (206, false), (206, true)] {
        let asked = Asked { from: 5, to: 9, whole: Some(20), streamed };
        let head = Head { status, range: Some(&text), length: Some(20), ..Head::default() };
        if let Judgement::Take { skip } = judge(&asked, &head) {
            assert!(skip <= asked.from && (200..300).contains(&status));
        }
    }
    let url = "ftp://a.example/b".parse().expect("a URL");
    let mut dialogue = Dialogue::new(&url, 1, Some(9)).expect("plain names");
    converse(&mut dialogue, data);
}

/// Reads replies in small pieces; no line that is sent holds more than one command.
fn converse(dialogue: &mut Dialogue, data: &[u8]) {
    let mut replies = Replies::default();
    for part in data.chunks(7) {
        if replies.handle_received(part).is_err() {
            return;
        }
        loop {
            let reply = match replies.poll() {
                Ok(Some(reply)) => reply,
                Ok(None) => break,
                Err(_) => return,
            };
            let Ok(mut step) = dialogue.handle_reply(&reply) else { return };
            if let Step::Connect(port) = step {
                assert_ne!(port, 0);
                step = dialogue.handle_connected();
            }
            if let Step::Send(line) = step {
                let inner = line.strip_suffix("\r\n").expect("a whole line");
                assert!(!inner.contains(['\r', '\n']), "{line:?}");
            }
        }
    }
}

/// A mirror that is asked, answers, fails and is told to stop in any order: every block that it was
/// asked for ends once, and it never has more fetches under way than connections.
pub fn fuzz_mirror(data: &[u8]) {
    let info = info();
    let address = Address::files("http://m.example/", false).expect("a URL");
    let mut mirror = Mirror::new(Arc::clone(&info), address, Pool::new(4), Rng::new(1));
    let mut now = Instant::from_secs(1);
    let mut input = Input(data);
    let mut owed: BTreeSet<BlockRange> = BTreeSet::new();
    let mut fetches: Vec<Fetch> = Vec::new();
    while let Some(op) = input.byte() {
        now += Duration::from_millis(u64::from(op) * 100);
        mirror.handle_timeout(now);
        let place = usize::from(input.short());
        let chosen = fetches.get(place % fetches.len().max(1)).cloned();
        let ended = match (op % 5, chosen) {
            (0, _) => {
                let piece = PieceIndex(place as u32 % info.layout().pieces());
                let blocks = (0..2).filter_map(|at| info.layout().request(piece, BlockIndex(at)));
                let fresh: Vec<_> = blocks.filter(|range| owed.insert(*range)).collect();
                mirror.handle_order(now, Order::Request(fresh))
            }
            (1, _) => {
                let some: Vec<_> = owed.iter().copied().skip(place % 5).take(3).collect();
                owed.retain(|range| !some.contains(range));
                mirror.handle_order(now, Order::Cancel(some))
            }
            (2, Some(fetch)) => {
                let bytes = vec![7; place.min(fetch.asked.length() as usize)];
                mirror.handle_data(fetch.line, &bytes);
                Ok(())
            }
            (3, Some(fetch)) => {
                fetches.retain(|other| other.line != fetch.line);
                mirror.handle_data(fetch.line, &vec![7; fetch.asked.length() as usize]);
                mirror.handle_done(now, fetch.line)
            }
            (4, Some(fetch)) => {
                fetches.retain(|other| other.line != fetch.line);
                let faults = [
                    Fault::Short,
                    Fault::Silent,
                    Fault::Busy(None),
                    Fault::Status(404),
                    Fault::NoRanges,
                ];
                mirror.handle_fault(now, fetch.line, &faults[place % faults.len()])
            }
            _ => Ok(()),
        };
        while let Some(line) = mirror.poll_abort() {
            fetches.retain(|fetch| fetch.line != line);
        }
        while let Some(fetch) = mirror.poll_fetch() {
            assert!(fetches.iter().all(|other| other.line != fetch.line), "two at once");
            assert!(fetch.asked.from < fetch.asked.to);
            fetches.push(fetch);
        }
        settle(mirror.poll_batch(), &mut owed);
        if ended.is_err() {
            return;
        }
    }
}

/// Strikes out what has ended.
fn settle(batch: Batch, owed: &mut BTreeSet<BlockRange>) {
    for report in batch.reports {
        match report {
            Report::Block { range, data } => {
                assert_eq!(data.len(), range.length as usize);
                assert!(owed.remove(&range), "{range:?} came unasked");
            }
            Report::Rejected(ranges) => {
                for range in ranges {
                    assert!(owed.remove(&range), "{range:?} was not asked for");
                }
            }
            _ => {}
        }
    }
}

/// Twelve pieces of two blocks in three files that end anywhere.
fn info() -> Arc<Info> {
    let raw = bencode::encode(|e| {
        e.dict(|d| {
            d.list("files", |list| {
                for (name, length) in [("a", 100_000), ("b", 20_000), ("c", 260_000)] {
                    list.item().dict(|d| {
                        d.int("length", length);
                        d.list("path", |list| list.item().bytes(name));
                    });
                }
            });
            d.bytes("name", "n");
            d.int("piece length", 32_768);
            d.bytes("pieces", vec![7; 20 * 12]);
        });
    });
    Arc::new(Info::parse(&raw).expect("a torrent"))
}
