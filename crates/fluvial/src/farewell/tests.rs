use super::*;

fn status(peers: u32, known: u32, total: Option<u64>) -> Status {
    Status {
        state: State::Downloading,
        done: 1 << 20,
        total,
        down_rate: 0,
        up_rate: 0,
        downloaded: 3 << 20,
        uploaded: 0,
        wasted: 0,
        peers,
        seeds: 0,
        hashes: 0,
        mirrors: 0,
        known,
        seeding: Duration::ZERO,
    }
}

fn tracker(working: Option<bool>, message: Option<&str>) -> TrackerView {
    let message = message.map(str::to_owned);
    TrackerView { url: "http://t.example/announce".to_owned(), working, message }
}

#[test]
fn the_nearest_reason_is_told() {
    let judge = |status: &Status, trackers: &[TrackerView], nodes, says: &str| {
        let told = why(status, trackers, nodes);
        assert!(told.contains(says), "{told}");
        assert!(!told.ends_with('.') && !told.contains('\n'), "{told}");
    };
    let check = |peers, known, total, trackers: &[TrackerView], says: &str| {
        judge(&status(peers, known, total), trackers, None, says);
    };
    check(2, 9, None, &[], "none of the 2 peers that are connected gives the metadata now");
    check(1, 9, Some(5), &[], "the one peer that is connected does not give what is lacking");
    check(0, 0, None, &[], "no peer is known, and there is no tracker to ask; name one with");
    check(0, 1, None, &[], "the one peer that is known does not answer");
    check(0, 0, None, &[tracker(None, None)], "tracker http://t.example/announce: no answer yet");
    let refused = tracker(Some(false), Some("Connection refused (os error 111)"));
    check(0, 3, None, &[tracker(None, None), refused.clone()], "announce: connection refused");
    check(0, 0, None, &[refused, tracker(Some(true), None)], "1 of 2 trackers answers");
    let nobody = status(0, 0, None);
    judge(&nobody, &[], Some(0), "no peer is known; no node of the DHT answers; there is no");
    let asked = "the DHT is asked again and again (37 nodes known)";
    judge(&nobody, &[], Some(37), asked);
    judge(&nobody, &[tracker(None, None)], Some(1), "(1 node known); tracker http://t.example");
}

fn source(kind: &'static str) -> Source {
    Source { kind, address: "a".to_owned(), bytes: 1, client: None }
}

#[test]
fn mirrors_and_peers_are_counted_apart() {
    let says = |sources: &[Source]| totals(&status(0, 0, None), sources).trim().to_owned();
    assert_eq!(says(&[source("web")]), "3.00 MiB taken from 1 mirror, 0 B given");
    let both = [source("peer"), source("web"), source("web")];
    assert_eq!(says(&both), "3.00 MiB taken from 1 peer and 2 mirrors, 0 B given");
}

#[test]
fn an_end_is_summed_up() {
    assert_eq!(
        stopped(Some(&status(0, 0, Some(4 << 20)))),
        "Stopped at 1.00 MiB of 4.00 MiB; the same command goes on from here"
    );
    assert_eq!(stopped(None), "Stopped; the same command goes on from here");
    let vain = Status { wasted: 1 << 10, uploaded: 5, ..status(0, 0, None) };
    assert_eq!(
        totals(&vain, &[source("peer"), source("peer")]).trim(),
        "3.00 MiB taken from 2 peers, 5 B given, 1.00 KiB in vain"
    );
}
