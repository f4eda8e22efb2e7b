use std::net::SocketAddr;

use cache::Done;
use disk::DiskConfig;
use hash::Sha1Digest;
use metainfo::InfoHashes;
use peer::{Order, Report, Totals};
use session::Limits;
use stdx::{Bitfield, Duration, PeerId, TorrentId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::channel;

use super::*;

const HASH: Sha1Digest = Sha1Digest([3; 20]);
const CONN: ConnId = ConnId(1);
const OTHER: ConnId = ConnId(2);

/// A link of an outgoing connection, with the remote's end of its socket in our hands.
struct Stage {
    remote: TcpStream,
    mailbox: Mailbox,
    mind: Receiver<Input>,
    gate: watch::Sender<bool>,
    throttle: Arc<Throttle>,
}

impl Stage {
    async fn new(limits: Limits) -> Self {
        Self::with_room(limits, mailbox::LINK_QUEUE_MAX).await
    }

    async fn with_room(limits: Limits, room: usize) -> Self {
        let (stage, link) = Self::prepare(limits, room).await;
        tokio::spawn(link.run());
        stage
    }

    async fn prepare(limits: Limits, room: usize) -> (Self, Link) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (remote, _) = listener.accept().await.unwrap();
        let (send, mind) = channel(1_024);
        let (gate, reading) = watch::channel(true);
        let clock = Clock::start();
        let throttle = Throttle::new(clock, limits);
        let pool = Pool::new(16);
        let disk = Disk::start(&DiskConfig::default(), pool.clone(), |_: Done| {}).unwrap();
        let around = Surroundings {
            clock,
            mind: send,
            disk: Arc::new(disk),
            throttle: Arc::clone(&throttle),
            pool,
            reading,
        };
        let (mailbox, inbox) = Mailbox::with_room(room);
        let peer = peer(clock.now(), address);
        let link = Link::new(
            CONN,
            Conduit::plain(Stream::Tcp(stream)),
            Box::new(peer),
            (mailbox.clone(), inbox),
            around,
        );
        (Self { remote, mailbox, mind, gate, throttle }, link)
    }

    /// The handshake of a peer that has the torrent.
    async fn greet(&mut self) {
        let mut hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0".to_vec();
        hello.extend(HASH.0);
        hello.extend([9; 20]);
        self.remote.write_all(&hello).await.unwrap();
        let mut theirs = [0; 68];
        self.remote.read_exact(&mut theirs).await.unwrap();
        while !self.batch().await.iter().any(|it| matches!(it, Report::Handshake { .. })) {}
    }

    async fn batch(&mut self) -> Vec<Report> {
        match self.mind.recv().await.expect("the link runs") {
            Input::Batch(conn, batch) => {
                assert_eq!(conn, CONN);
                batch.reports
            }
            Input::Closed(_, _, reason) => panic!("closed: {reason}"),
            _ => panic!("something else"),
        }
    }

    /// Waits for the end; returns why, and the last totals.
    async fn end(&mut self) -> (CloseReason, Totals) {
        loop {
            if let Input::Closed(_, last, reason) = self.mind.recv().await.expect("a farewell") {
                return (reason, last.totals);
            }
        }
    }
}

fn peer(now: Instant, remote: SocketAddr) -> Peer {
    let hashes = InfoHashes { v1: Some(HASH), v2: None };
    let torrent = peer::Torrent { id: TorrentId(0), hashes, info: None, private: false };
    let config = Arc::new(peer::Config::new(PeerId([1; 20]), "test"));
    Peer::connect(now, config, Arc::new(torrent), Bitfield::new(0), false, remote)
}

const UNLIMITED: Limits = Limits { up: None, down: None };

#[tokio::test]
async fn the_end_of_the_remote_is_the_end() {
    let mut stage = Stage::new(UNLIMITED).await;
    stage.greet().await;
    let Stage { remote, .. } = &mut stage;
    remote.shutdown().await.unwrap();
    assert_eq!(stage.end().await.0, CloseReason::Remote, "half-closed is closed");
}

#[tokio::test]
async fn an_order_to_close_closes_the_socket() {
    let mut stage = Stage::new(UNLIMITED).await;
    stage.greet().await;
    stage.mailbox.put(LinkInput::Order(Order::Close(CloseReason::Limit)));
    assert_eq!(stage.end().await.0, CloseReason::Limit);
    let mut rest = Vec::new();
    // A reset, if something of ours was not read; otherwise an end.
    let _reset = stage.remote.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_link_that_does_not_keep_up_is_closed() {
    // On one thread the link cannot run between these.
    let mut stage = Stage::with_room(UNLIMITED, 2).await;
    let taken = (0..3).map(|_| stage.mailbox.put(LinkInput::Order(Order::Choke)));
    assert_eq!(taken.collect::<Vec<_>>(), [true, true, false]);
    let (reason, _) = stage.end().await;
    assert!(reason.to_string().contains("does not keep up"), "{reason}");
}

#[tokio::test]
async fn misbehaviour_ends_it_and_its_bytes_count() {
    let mut stage = Stage::new(UNLIMITED).await;
    stage.greet().await;
    // A message of four gigabytes.
    stage.remote.write_all(&[255; 100]).await.unwrap();
    let (reason, totals) = stage.end().await;
    assert!(matches!(reason, CloseReason::Peer(error) if error.is_misbehaviour()), "{reason}");
    assert_eq!(totals.down_protocol, 168);
}

#[tokio::test]
async fn nothing_is_read_while_the_gate_is_shut() {
    let mut stage = Stage::new(UNLIMITED).await;
    stage.greet().await;
    stage.gate.send_replace(false);
    // Not interested, then interested: what it says must wait.
    stage.remote.write_all(&[0, 0, 0, 1, 2]).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), stage.mind.recv()).await;
    let told = |input| match input {
        Some(Input::Batch(_, batch)) => batch.reports.len(),
        _ => panic!("closed"),
    };
    assert_eq!(early.map_or(0, told), 0);
    stage.gate.send_replace(true);
    while !stage.batch().await.iter().any(|it| matches!(it, Report::Interested(true))) {}
}

/// On one thread, as it may well be where there are as many busy connections as threads.
#[tokio::test]
async fn who_shuts_the_gate_is_heard_before_more_is_read() {
    let mut stage = Stage::new(UNLIMITED).await;
    stage.greet().await;
    stage.gate.send_replace(false);
    let interested_and_not = [0, 0, 0, 1, 2, 0, 0, 0, 1, 3];
    let much = interested_and_not.repeat(4 * socket::BURST / interested_and_not.len());
    let Stage { remote, mind, gate, .. } = &mut stage;
    // As much as the system holds.
    let fill = async { remote.write_all(&much).await.unwrap() };
    let _full = tokio::time::timeout(Duration::from_millis(100), fill).await;
    gate.send_replace(true);
    let mut read = 0;
    loop {
        match tokio::time::timeout(Duration::from_millis(100), mind.recv()).await {
            Ok(Some(Input::Batch(_, batch))) if batch.reports.is_empty() => {}
            Ok(Some(Input::Batch(_, batch))) => {
                gate.send_replace(false);
                read = batch.totals.down_protocol;
            }
            Ok(_) => panic!("closed"),
            Err(_) => break,
        }
    }
    assert!(read > 68 && read <= 2 * socket::BURST as u64, "{read} bytes");
}

#[tokio::test]
async fn the_end_of_the_mind_is_the_end() {
    let Stage { mut remote, gate, .. } = Stage::new(UNLIMITED).await;
    drop(gate);
    let mut rest = Vec::new();
    let _reset = remote.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_grant_that_nobody_can_use_is_given_back() {
    // So slow that time plays no part: the burst is all there is.
    let limits = Limits { up: Some(1), down: Some(1) };
    for flow in [Flow::Up, Flow::Down] {
        let mut stage = Stage::new(limits).await;
        stage.greet().await;
        if flow == Flow::Down {
            stage.gate.send_replace(false);
        }
        let throttle = Arc::clone(&stage.throttle);
        let (mailbox, mut inbox) = Mailbox::with_room(8);
        throttle.join(OTHER, Line::Link(mailbox));
        let granted = throttle.request(OTHER, flow, 1_000);
        assert_eq!(granted, 1_000);
        while throttle.request(OTHER, flow, 1_000) > 0 {}
        // It waits in line. Now somebody else's grant comes too late.
        tokio::spawn(Arc::clone(&throttle).run());
        stage.mailbox.put(LinkInput::Grant(flow, granted));
        match inbox.recv().await {
            Some(LinkInput::Grant(of, bytes)) => assert_eq!((of, bytes), (flow, 1_000)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn limits_hold_to_the_byte() {
    const RATE: u64 = 400_000;
    const BURST: u64 = RATE / 10;
    const SENT: u64 = 200_000;
    let mut stage = Stage::new(Limits { up: None, down: Some(RATE) }).await;
    tokio::spawn(Arc::clone(&stage.throttle).run());
    let began = std::time::Instant::now();
    stage.greet().await;
    // Unknown messages: nothing but protocol bytes.
    let unknown = [&9_996u32.to_be_bytes()[..], &[99; 9_996]].concat();
    let sent = unknown.repeat(SENT as usize / unknown.len());
    let Stage { remote, .. } = &mut stage;
    let (_keep, mut remote) = std::mem::replace(remote, other_socket().await).into_split();
    tokio::spawn(async move {
        remote.write_all(&sent).await.unwrap();
        remote.shutdown().await.unwrap();
    });
    let mut read = 0;
    while let Some(input) = stage.mind.recv().await {
        let (last, ended) = match input {
            Input::Batch(_, batch) => (batch.totals, false),
            Input::Closed(_, batch, _) => (batch.totals, true),
            _ => panic!("something else"),
        };
        read = last.down_protocol + last.down_payload;
        let most = BURST + (RATE as f64 * began.elapsed().as_secs_f64()) as u64;
        assert!(read <= most, "{read} bytes read, {most} allowed by now");
        if ended {
            break;
        }
    }
    assert_eq!(read, SENT + 68);
}

#[tokio::test]
async fn an_idle_connection_is_small() {
    let (_stage, link) = Stage::prepare(UNLIMITED, 8).await;
    let size = size_of_val(&link.run());
    // What is on the heap for each: the peer, the inbox's first block, the socket's
    // registration.
    let inbox = 32 * size_of::<LinkInput>();
    let peer = size_of::<Peer>();
    assert!(size + inbox + peer < 6 * 1024, "{size} + {inbox} + {peer} bytes");
}

async fn other_socket() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).await.unwrap()
}
