use std::net::SocketAddr;
use std::sync::Arc;

use stdx::{Duration, Instant, Pool};
use wire::Message;

use super::pair::config;
use super::scripted::{FULL, Scripted};
use crate::fuzzing::{blocks, torrent};
use crate::{Order, Peer, PeerError};

#[test]
fn a_handshake_that_does_not_come_ends_the_connection() {
    let remote = SocketAddr::from(([203, 0, 113, 7], 6881));
    let start = Instant::from_secs(3);
    let have = stdx::Bitfield::new(crate::fuzzing::PIECES);
    let connecting = Peer::connect(start, Arc::new(config(1)), torrent(true), have, false, remote);
    let accepting = Peer::accept(start, Arc::new(config(1)), remote);
    for mut peer in [connecting, accepting] {
        let deadline = start + Duration::from_secs(10);
        assert_eq!(peer.poll_timeout(), Some(deadline));
        assert_eq!(peer.handle_timeout(start + Duration::from_secs(9)), Ok(()));
        // Half a handshake does not help.
        peer.handle_received(start, b"\x13BitTorrent", &Pool::new(0)).unwrap();
        assert_eq!(peer.handle_timeout(deadline), Err(PeerError::HandshakeTimeout));
    }
}

#[test]
fn silence_is_broken_by_keep_alives_and_ends_the_connection() {
    let mut remote = Scripted::new(FULL);
    let start = remote.now;
    remote.now = start + Duration::from_secs(100);
    assert_eq!(remote.peer.poll_timeout(), Some(remote.now));
    remote.peer.handle_timeout(remote.now).unwrap();
    assert_eq!(remote.sent(), ["KeepAlive"]);
    assert_eq!(remote.peer.poll_timeout(), Some(start + Duration::from_secs(200)));
    remote.say(&Message::KeepAlive).unwrap();
    remote.now = start + Duration::from_secs(339);
    remote.peer.handle_timeout(remote.now).unwrap();
    remote.now = start + Duration::from_secs(340);
    assert_eq!(remote.peer.handle_timeout(remote.now), Err(PeerError::Inactive));
}

#[test]
fn whoever_began_is_nudged_once() {
    let remote = SocketAddr::from(([203, 0, 113, 7], 6881));
    let mut now = Instant::from_secs(3);
    let mut peer = Peer::accept(now, Arc::new(config(1)), remote);
    let (hashes, peer_id) = (crate::fuzzing::hashes(), stdx::PeerId([9; 20]));
    let hello = crate::handshake::offer(&hashes, peer_id, false).unwrap();
    peer.handle_received(now, &hello.encode(), &Pool::new(0)).unwrap();
    let have = stdx::Bitfield::full(crate::fuzzing::PIECES);
    peer.handle_order(now, Order::Welcome { torrent: torrent(true), have, upload_only: false })
        .unwrap();
    for (after, length) in [(0, None), (500, Some(4)), (100_000, Some(4))] {
        now += Duration::from_millis(after);
        peer.handle_timeout(now).unwrap();
        let sent = peer.poll_transmit(&mut Vec::new());
        assert!(length.is_none_or(|length| length == sent), "{sent} bytes after {after} ms");
        peer.handle_sent(now, sent);
        peer.handle_timeout(now + Duration::from_millis(400)).unwrap();
        assert_eq!(peer.poll_transmit(&mut Vec::new()), 0, "{after} ms");
    }
}

#[test]
fn a_snubbing_peer_gives_its_requests_back() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveAll).unwrap();
    remote.say(&Message::Unchoke).unwrap();
    remote.order(Order::Request(blocks(3).chain(blocks(4)).collect())).unwrap();
    remote.sent();
    remote.reports();
    remote.now += Duration::from_secs(20);
    remote.peer.handle_timeout(remote.now).unwrap();
    let given_back: Vec<_> = blocks(3).skip(1).chain(blocks(4)).collect();
    let rejected = format!("Rejected({given_back:?})");
    assert_eq!(remote.reports(), ["Snubbed(true)".to_owned(), rejected]);
    let cancels = given_back.iter().map(|range| format!("Cancel({range:?})"));
    assert_eq!(remote.sent(), cancels.collect::<Vec<_>>());
    assert_eq!(remote.peer.want(), 0);

    let late = given_back[0];
    remote.block(late).unwrap();
    assert_eq!(remote.reports(), ["Snubbed(false)".to_owned(), format!("Block({late:?})")]);
    assert!(remote.peer.want() > 0);
}

#[test]
fn questions_that_are_not_answered_count_as_rejected() {
    let mut remote = Scripted::with(FULL, false);
    remote.order(Order::RequestMetadata(0)).unwrap();
    assert_eq!(remote.reports(), ["MetadataRejected(0)"], "no ut_metadata yet");
    remote.say(&Message::Extended(0, b"d1:md11:ut_metadatai9eee")).unwrap();
    remote.reports();
    remote.order(Order::RequestMetadata(0)).unwrap();
    assert_eq!(remote.sent(), ["Extended(9)"]);
    remote.now += Duration::from_mins(1);
    assert_eq!(remote.peer.poll_timeout(), Some(remote.now));
    remote.peer.handle_timeout(remote.now).unwrap();
    assert_eq!(remote.reports(), ["MetadataRejected(0)"]);
}

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<Peer>();
    assert!(size <= 1_536, "{size} bytes");
}
