use stdx::Rng;

use super::*;
use crate::{AnnounceResponse, Failure};

const NO_PEERS: AnnounceResponse = AnnounceResponse {
    interval: Duration::from_mins(15),
    min_interval: None,
    seeders: Some(1),
    leechers: Some(2),
    peers: Vec::new(),
    tracker_id: None,
    external_ip: None,
    warning: None,
};

fn tracker() -> SocketAddr {
    "203.0.113.1:6969".parse().unwrap()
}

fn client() -> UdpClient {
    UdpClient::new(Rng::new(1))
}

fn sent(client: &mut UdpClient) -> Option<UdpRequest> {
    let mut buf = Vec::new();
    let target = client.poll_transmit(&mut buf)?;
    assert_eq!(target, tracker());
    Some(UdpRequest::parse(&buf).unwrap())
}

/// Whether it was waited for.
fn receive(
    client: &mut UdpClient,
    now: Instant,
    source: SocketAddr,
    response: &UdpResponse,
) -> bool {
    let mut buf = Vec::new();
    response.write(false, &mut buf);
    client.handle_datagram(now, source, &buf)
}

fn answer_connect(client: &mut UdpClient, now: Instant, connection: u64) {
    let Some(UdpRequest::Connect { transaction }) = sent(client) else {
        panic!("expected a connect");
    };
    receive(client, now, tracker(), &UdpResponse::Connect { transaction, connection });
}

fn expect_announce(client: &mut UdpClient, connection: u64) -> u32 {
    match sent(client) {
        Some(UdpRequest::Announce { connection: found, transaction, .. }) => {
            assert_eq!(found, connection);
            transaction
        }
        other => panic!("expected an announce, not {other:?}"),
    }
}

fn announced(transaction: u32) -> UdpResponse {
    UdpResponse::Announce {
        transaction,
        interval: Duration::from_mins(15),
        leechers: 2,
        seeders: 1,
        peers: vec![],
    }
}

fn begin(client: &mut UdpClient, now: Instant, token: u64) {
    client.announce(now, token, tracker(), "/announce", announce()).unwrap();
}

#[test]
fn connects_then_announces_then_reuses_the_connection() {
    let mut client = client();
    let at = Instant::from_secs;
    begin(&mut client, at(0), 5);
    answer_connect(&mut client, at(1), 77);
    let transaction = expect_announce(&mut client, 77);
    receive(&mut client, at(2), tracker(), &announced(transaction));
    let outcome = UdpOutcome::Announced(NO_PEERS);
    assert_eq!(client.poll_event(), Some(UdpEvent { token: 5, outcome }));
    assert!(client.is_idle() && client.poll_timeout().is_none());

    begin(&mut client, at(60), 6);
    expect_announce(&mut client, 77);
    begin(&mut client, at(61), 7);
    assert!(matches!(sent(&mut client), Some(UdpRequest::Connect { .. })));
}

#[test]
fn one_connect_answer_serves_all_that_wait() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 1);
    begin(&mut client, Instant::ZERO, 2);
    answer_connect(&mut client, Instant::ZERO, 77);
    // The second connect is no longer needed; both announces go out.
    let (a, b) = (expect_announce(&mut client, 77), expect_announce(&mut client, 77));
    assert_ne!(a, b);
    assert_eq!(sent(&mut client), None);
}

#[test]
fn repeats_at_doubling_waits_then_gives_up() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 5);
    let mut times = Vec::new();
    while let Some(now) = client.poll_timeout() {
        while sent(&mut client).is_some() {}
        client.handle_timeout(now);
        times.push(now.as_nanos() / 1_000_000_000);
    }
    assert_eq!(times, [15, 45, 105]);
    let failure = Failure::new(b"the tracker does not answer");
    let event = UdpEvent { token: 5, outcome: UdpOutcome::Failed(failure) };
    assert_eq!((client.poll_event(), client.poll_event()), (Some(event), None));
}

#[test]
fn connection_that_expires_meanwhile_is_renewed() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 5);
    answer_connect(&mut client, Instant::ZERO, 77);
    expect_announce(&mut client, 77);
    client.handle_timeout(Instant::from_secs(15));
    expect_announce(&mut client, 77);
    client.handle_timeout(Instant::from_secs(65));
    answer_connect(&mut client, Instant::from_secs(65), 78);
    expect_announce(&mut client, 78);
}

#[test]
fn stale_reused_connection_is_renewed_once() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 5);
    answer_connect(&mut client, Instant::ZERO, 77);
    let transaction = expect_announce(&mut client, 77);
    receive(&mut client, Instant::ZERO, tracker(), &announced(transaction));
    client.poll_event();

    begin(&mut client, Instant::ZERO, 6);
    let transaction = expect_announce(&mut client, 77);
    let error = UdpResponse::Error { transaction, message: "bad id".to_owned() };
    receive(&mut client, Instant::ZERO, tracker(), &error);
    assert_eq!(client.poll_event(), None);
    answer_connect(&mut client, Instant::ZERO, 78);
    expect_announce(&mut client, 78);
    receive(&mut client, Instant::ZERO, tracker(), &error);
    let outcome = UdpOutcome::Failed(Failure::new(b"bad id"));
    assert_eq!(client.poll_event(), Some(UdpEvent { token: 6, outcome }));
}

#[test]
fn strangers_answers_do_not_count() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 5);
    let Some(UdpRequest::Connect { transaction }) = sent(&mut client) else { panic!() };
    let answer = UdpResponse::Connect { transaction, connection: 1 };
    let stranger: SocketAddr = "203.0.113.1:6970".parse().unwrap();
    assert!(!receive(&mut client, Instant::ZERO, stranger, &answer));
    let other = UdpResponse::Connect { transaction: !transaction, connection: 1 };
    assert!(!receive(&mut client, Instant::ZERO, tracker(), &other));
    // An answer to what was not asked.
    assert!(!receive(&mut client, Instant::ZERO, tracker(), &announced(transaction)));
    assert!(!client.handle_datagram(Instant::ZERO, tracker(), b"nonsense"));
    assert_eq!((sent(&mut client), client.poll_event()), (None, None));
    let mapped: SocketAddr = "[::ffff:203.0.113.1]:6969".parse().unwrap();
    assert!(receive(&mut client, Instant::ZERO, mapped, &answer));
    expect_announce(&mut client, 1);
}

#[test]
fn cancelled_requests_are_silent() {
    let mut client = client();
    begin(&mut client, Instant::ZERO, 5);
    client.cancel(5);
    assert!(sent(&mut client).is_none() && client.is_idle());
}

#[test]
fn scrape_answers_must_cover_what_was_asked() {
    let mut client = client();
    let hashes = [Sha1Digest([1; 20]), Sha1Digest([2; 20])];
    client.scrape(Instant::ZERO, 5, tracker(), &hashes).unwrap();
    answer_connect(&mut client, Instant::ZERO, 77);
    let Some(UdpRequest::Scrape { transaction, .. }) = sent(&mut client) else { panic!() };
    let entries = |n| vec![ScrapeEntry { seeders: 1, completed: 2, leechers: 3 }; n];
    let short = UdpResponse::Scrape { transaction, entries: entries(1) };
    receive(&mut client, Instant::ZERO, tracker(), &short);
    assert_eq!(client.poll_event(), None);
    let full = UdpResponse::Scrape { transaction, entries: entries(2) };
    receive(&mut client, Instant::ZERO, tracker(), &full);
    let outcome = UdpOutcome::Scraped(entries(2));
    assert_eq!(client.poll_event(), Some(UdpEvent { token: 5, outcome }));
}
