use std::sync::Arc;

use hash::Sha256Digest;
use metainfo::Info;
use proptest::prelude::*;
use stdx::{Bitfield, BlockRange, Buf, Duration, PieceIndex, Pool};
use wire::{ExtensionIds, HashRequest, METADATA_PIECE_LENGTH, Message, Reserved};

use super::pair::{Link, Pair, config};
use super::scripted::{FULL, Scripted, describe};
use crate::fuzzing::{PIECES, blocks, torrent};
use crate::{CloseReason, Order, Peer, PeerError, Report, Torrent};

const SECOND: Duration = Duration::from_secs(1);

fn all_blocks() -> Vec<BlockRange> {
    (0..PIECES).flat_map(blocks).collect()
}

/// A leech (side 0) and a seed.
fn leech_and_seed(link: Link) -> Pair {
    let haves = [Bitfield::new(PIECES), Bitfield::full(PIECES)];
    let mut pair = Pair::new(link, [torrent(true), torrent(true)], haves, [config(1), config(2)]);
    pair.run(SECOND);
    pair
}

fn download(link: Link, time: Duration) -> Pair {
    let mut pair = leech_and_seed(link);
    pair.sides[0].feed.extend(all_blocks());
    pair.order(0, Order::Interested(true));
    pair.order(1, Order::Unchoke);
    pair.run(time);
    pair
}

#[test]
fn a_leech_gets_every_block_of_a_seed() {
    for (delay, fragment) in [(0, 0), (0, 7), (80, 0), (80, 1_000)] {
        let link = Link { delay: Duration::from_millis(delay), fragment, ..Link::default() };
        let pair = download(link, SECOND * 5);
        let leech = &pair.sides[0];
        let mut blocks = leech.blocks();
        blocks.sort();
        assert_eq!(blocks, all_blocks(), "delay {delay}, fragment {fragment}");
        assert!(leech.has(|report| matches!(report, Report::Handshake { v2: true, .. })));
        assert!(leech.has(|report| matches!(report, Report::Pieces(bits) if bits.is_full())));
        let (down, up) = (leech.peer.totals(), pair.sides[1].peer.totals());
        let bytes: u64 = blocks.iter().map(|range| u64::from(range.length)).sum();
        assert_eq!((down.down_payload, up.up_payload), (bytes, bytes));
        assert_eq!(down.down_protocol, up.up_protocol);
        assert_eq!(down.up_protocol, up.down_protocol);
    }
}

#[test]
fn a_slow_link_is_kept_busy_and_nothing_times_out() {
    let link = Link { rate: 20_000, delay: Duration::from_millis(200), ..Link::default() };
    let pair = download(link, SECOND * 60);
    assert_eq!(pair.sides[0].blocks().len(), all_blocks().len());
    assert!(!pair.sides[0].has(|report| matches!(report, Report::Rejected(_))));
}

#[test]
fn a_choke_in_mid_transfer_ends_every_request() {
    let link = Link { rate: 100_000, ..Link::default() };
    let mut pair = download(link, SECOND);
    pair.order(1, Order::Choke);
    pair.run(SECOND * 5);
    assert_eq!(pair.sides[0].peer.outstanding(), 0);
    assert_eq!(pair.sides[0].peer.want(), 0);
    let before = pair.sides[0].blocks().len();
    assert!(before < all_blocks().len());
    pair.order(1, Order::Unchoke);
    pair.run(SECOND * 20);
    let mut blocks = pair.sides[0].blocks();
    blocks.sort();
    assert_eq!(blocks, all_blocks());
}

#[test]
fn a_seed_whose_disk_hangs_is_snubbing() {
    let mut pair = leech_and_seed(Link::default());
    pair.sides[1].disk_stuck = true;
    pair.sides[0].feed.extend(all_blocks());
    pair.order(1, Order::Unchoke);
    pair.run(SECOND * 25);
    assert!(pair.sides[0].has(|report| matches!(report, Report::Snubbed(true))));
    pair.sides[1].disk_stuck = false;
    pair.run(SECOND * 90);
    assert!(pair.sides[0].has(|report| matches!(report, Report::Snubbed(false))));
    let mut blocks = pair.sides[0].blocks();
    blocks.sort();
    blocks.dedup();
    assert_eq!(blocks, all_blocks());
}

#[test]
fn a_magnet_learns_its_metadata_and_then_what_the_seed_has() {
    let torrents = [torrent(false), torrent(true)];
    let haves = [Bitfield::default(), Bitfield::full(PIECES)];
    let mut pair = Pair::new(Link::default(), torrents, haves, [config(1), config(2)]);
    pair.run(SECOND);
    let size = torrent(true).info.as_ref().unwrap().raw().len() as u64;
    let stated = |report: &Report| {
        matches!(report, Report::Extended(info)
            if info.metadata_size == Some(size) && info.supports_metadata)
    };
    assert!(pair.sides[0].has(stated));
    assert!(!pair.sides[0].has(|report| matches!(report, Report::Pieces(_))));
    pair.order(0, Order::RequestMetadata(0));
    pair.order(0, Order::RequestMetadata(1));
    pair.run(SECOND);
    let raw = torrent(true).info.as_ref().unwrap().raw().to_vec();
    assert!(size < METADATA_PIECE_LENGTH.into());
    assert!(
        pair.sides[0].has(|report| {
            matches!(report, Report::Metadata { piece: 0, data } if *data == raw)
        })
    );
    assert!(pair.sides[0].has(|report| matches!(report, Report::MetadataRejected(1))));

    let have = Bitfield::new(PIECES);
    pair.order(0, Order::Metadata { torrent: torrent(true), have });
    pair.order(1, Order::Unchoke);
    pair.sides[0].feed.extend(all_blocks());
    pair.run(SECOND * 2);
    assert!(pair.sides[0].has(|report| matches!(report, Report::Pieces(bits) if bits.is_full())));
    assert_eq!(pair.sides[0].blocks().len(), all_blocks().len());
    assert!(pair.sides[1].has(stated), "the leech states the metadata it has now");
}

#[test]
fn claims_before_metadata_are_checked_when_it_comes() {
    let metadata = || Order::Metadata { torrent: torrent(true), have: Bitfield::new(PIECES) };
    let mut remote = Scripted::with(FULL, false);
    remote.say(&Message::Bitfield(&[0x80, 0, 0])).unwrap();
    remote.say(&Message::Have(PieceIndex(5))).unwrap();
    remote.say(&Message::AllowedFast(PieceIndex(5))).unwrap();
    assert!(remote.reports().is_empty());
    remote.order(metadata()).unwrap();
    let reports = remote.reports();
    assert_eq!(reports, [format!("Pieces(Bitfield(2 of {PIECES}))"), allowed(5)]);

    for message in [Message::Bitfield(&[0x80, 0]), Message::Have(PieceIndex(PIECES))] {
        let mut remote = Scripted::with(FULL, false);
        remote.say(&message).unwrap();
        let closed = remote.order(metadata());
        assert!(
            matches!(closed, Err(CloseReason::Peer(PeerError::Misbehaved(_)))),
            "{message:?}: {closed:?}"
        );
    }
}

fn allowed(piece: u32) -> String {
    format!("AllowedFast(PieceIndex({piece}))")
}

#[test]
fn the_opening_says_what_we_have_in_the_form_that_is_agreed() {
    let some = "Bitfield([255, 192, 0])".to_owned();
    let extended = "Extended(0)".to_owned();
    let opening = |reserved, metadata| {
        let address = ([203, 0, 113, 7], 6881).into();
        let mut remote = Scripted::with(reserved, metadata);
        let have = if metadata { half() } else { Bitfield::default() };
        let peer =
            Peer::connect(remote.now, Arc::new(config(1)), torrent(metadata), have, false, address);
        remote.peer = peer;
        remote.greet(reserved);
        remote.sent()
    };
    assert_eq!(opening(FULL, true), [some.clone(), extended.clone()]);
    assert_eq!(opening(Reserved::NONE, true), [some]);
    assert_eq!(opening(FULL, false), ["HaveNone".to_owned(), extended]);
    assert_eq!(opening(Reserved::NONE, false), [""; 0]);
}

fn half() -> Bitfield {
    let mut bits = Bitfield::new(PIECES);
    (0..PIECES / 2).for_each(|piece| assert!(bits.set(piece)));
    bits
}

#[test]
fn a_remote_without_the_fast_extension_is_served_as_of_old() {
    let mut remote = Scripted::new(Reserved::NONE);
    let ranges: Vec<_> = (0..4).flat_map(blocks).collect();
    remote.say(&Message::Request(ranges[0])).unwrap();
    assert_eq!(remote.peer.poll_read(), None, "we choke");
    remote.order(Order::Unchoke).unwrap();
    for &range in &ranges {
        remote.say(&Message::Request(range)).unwrap();
    }
    remote.say(&Message::Cancel(ranges[7])).unwrap();
    let reads: Vec<_> = std::iter::from_fn(|| remote.peer.poll_read()).collect();
    assert_eq!(reads, ranges[..7]);
    remote.say(&Message::Cancel(ranges[6])).unwrap();
    for &range in &reads {
        let data = Buf::copy_of(&vec![0; range.length as usize]);
        remote.peer.handle_read(remote.now, range, Some(data));
    }
    let sent = remote.sent();
    let pieces = ranges[..6].iter().map(|range| format!("Piece({range:?})"));
    assert_eq!(sent, ["Unchoke".to_owned()].into_iter().chain(pieces).collect::<Vec<_>>());

    remote.say(&Message::Request(ranges[0])).unwrap();
    remote.say(&Message::Request(ranges[1])).unwrap();
    let reading = remote.peer.poll_read().unwrap();
    remote.order(Order::Choke).unwrap();
    remote.peer.handle_read(remote.now, reading, Some(Buf::copy_of(&[0; 16_384])));
    assert_eq!(remote.sent(), ["Choke"]);
    assert_eq!(remote.peer.poll_read(), None, "a choke forgets what was asked");
}

#[test]
fn every_request_of_a_fast_peer_is_answered_once() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveAll).unwrap();
    let ranges: Vec<_> = (0..2).flat_map(blocks).collect();
    let reject = |range: &BlockRange| format!("Reject({range:?})");
    remote.say(&Message::Request(ranges[0])).unwrap();
    assert_eq!(remote.sent(), [reject(&ranges[0])], "we choke");
    remote.order(Order::Unchoke).unwrap();
    for &range in &ranges {
        remote.say(&Message::Request(range)).unwrap();
    }
    remote.say(&Message::Cancel(ranges[3])).unwrap();
    assert_eq!(remote.sent(), ["Unchoke".to_owned(), reject(&ranges[3])]);
    let first = remote.peer.poll_read().unwrap();
    remote.order(Order::Choke).unwrap();
    let rejects = ranges[1..3].iter().map(reject);
    let expected: Vec<_> = ["Choke".to_owned()].into_iter().chain(rejects).collect();
    assert_eq!(remote.sent(), expected);
    remote.peer.handle_read(remote.now, first, None);
    assert_eq!(remote.sent(), [reject(&first)], "the disk failed");
}

#[test]
fn a_seed_allows_newcomers_nothing_while_choked() {
    let mut remote = Scripted::new(FULL);
    remote.order(Order::UploadOnly(true)).unwrap();
    remote.sent();
    remote.say(&Message::HaveNone).unwrap();
    assert_eq!(remote.sent(), [""; 0]);
}

#[test]
fn a_newcomer_may_ask_for_a_few_blocks_while_choked() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveNone).unwrap();
    let sent = remote.sent();
    assert!(!sent.is_empty() && sent.iter().all(|text| text.starts_with("AllowedFast")));
    let piece = (0..PIECES).find(|&piece| sent.contains(&allowed(piece))).unwrap();
    for range in blocks(piece) {
        remote.say(&Message::Request(range)).unwrap();
        assert_eq!(remote.peer.poll_read(), Some(range));
    }
    let repeats = PIECES as usize * 2;
    for _ in 0..repeats {
        remote.say(&Message::Request(blocks(piece).next().unwrap())).unwrap();
    }
    let rejects = remote.sent().len();
    assert!(rejects > repeats - sent.len() * 2, "the allowance is used up: {rejects}");
}

#[test]
fn a_choked_connection_asks_only_for_what_is_allowed() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveAll).unwrap();
    assert_eq!(remote.peer.want(), 0);
    remote.say(&Message::AllowedFast(PieceIndex(12))).unwrap();
    assert!(remote.peer.want() > 0);
    remote.reports();
    remote.sent();
    let (fast, other) = (blocks(12).next().unwrap(), blocks(13).next().unwrap());
    remote.order(Order::Request(vec![fast, other])).unwrap();
    assert_eq!(remote.sent(), [format!("Request({fast:?})")]);
    assert_eq!(remote.reports(), [format!("Rejected({:?})", vec![other])]);
    remote.say(&Message::Reject(fast)).unwrap();
    assert_eq!(remote.reports(), [format!("Rejected({:?})", vec![fast])]);
    assert_eq!(remote.peer.want(), 0, "no asking in circles");
}

#[test]
fn pieces_come_and_go() {
    let mut pair = leech_and_seed(Link::default());
    pair.order(0, Order::Have(PieceIndex(3)));
    pair.order(1, Order::Lost(PieceIndex(4)));
    pair.order(1, Order::UploadOnly(true));
    pair.run(SECOND);
    assert!(pair.sides[1].has(|report| matches!(report, Report::Have(PieceIndex(3)))));
    assert!(pair.sides[0].has(|report| matches!(report, Report::Lost(PieceIndex(4)))));
    let upload_only =
        |report: &Report| matches!(report, Report::Extended(info) if info.upload_only);
    assert!(pair.sides[0].has(upload_only));
    assert!(!pair.sides[1].has(upload_only));
}

#[test]
fn hashes_are_asked_for_and_refused() {
    let request = HashRequest {
        root: Sha256Digest([1; 32]),
        base_layer: 0,
        index: 4,
        length: 4,
        proof_layers: 2,
    };
    let odd = HashRequest { length: 3, ..request };
    let mut pair = leech_and_seed(Link::default());
    pair.order(0, Order::RequestHashes(request));
    pair.order(0, Order::RequestHashes(odd));
    pair.run(SECOND);
    let asked = |report: &Report| matches!(report, Report::HashRequest(got) if *got == request);
    assert!(pair.sides[1].has(asked));
    assert!(
        pair.sides[0]
            .has(|report| { matches!(report, Report::HashesRejected(got) if *got == odd) })
    );
    pair.order(1, Order::Hashes(request, vec![Sha256Digest([7; 32]); 6]));
    pair.run(SECOND);
    assert!(pair.sides[0].has(|report| {
        matches!(report, Report::Hashes(got, hashes) if *got == request && hashes.len() == 6)
    }));
}

#[test]
fn a_connection_to_oneself_and_to_another_torrent_ends() {
    let haves = || [Bitfield::new(PIECES), Bitfield::full(PIECES)];
    let torrents = || [torrent(true), torrent(true)];
    let mut pair = Pair::new(Link::default(), torrents(), haves(), [config(1), config(1)]);
    pair.run(SECOND);
    let own = CloseReason::Peer(PeerError::SelfConnection);
    assert_eq!(pair.sides[1].closed, Some(own));

    let mut other = (*torrent(true)).clone();
    other.hashes.v1 = None;
    other.hashes.v2 = Some(Sha256Digest([0xcc; 32]));
    let torrents = [torrent(true), Arc::new(other)];
    let mut pair = Pair::new(Link::default(), torrents, haves(), [config(1), config(2)]);
    pair.run(SECOND);
    assert_eq!(pair.sides[1].closed, Some(CloseReason::UnknownTorrent));
}

#[test]
fn a_stranger_is_known_by_its_first_bytes() {
    let address = ([203, 0, 113, 7], 6881).into();
    let now = stdx::Instant::from_secs(1);
    let mut peer = Peer::accept(now, Arc::new(config(1)), address);
    let error = peer.handle_received(now, b"GET / HTTP", &Pool::new(0)).unwrap_err();
    assert_eq!(error, PeerError::Wire(wire::WireError::NotBitTorrent));
}

#[test]
fn nothing_is_read_until_the_owner_welcomes() {
    let address = ([203, 0, 113, 7], 6881).into();
    let now = stdx::Instant::from_secs(1);
    let mut peer = Peer::accept(now, Arc::new(config(1)), address);
    let mut bytes =
        crate::handshake::offer(&crate::fuzzing::hashes(), stdx::PeerId([9; 20]), false)
            .unwrap()
            .encode()
            .to_vec();
    Message::HaveAll.encode(&mut bytes);
    Message::Interested.encode(&mut bytes);
    assert!(peer.wants_input());
    peer.handle_received(now, &bytes, &Pool::new(0)).unwrap();
    assert!(!peer.wants_input());
    assert_eq!(peer.poll_transmit(&mut Vec::new()), 0);
    assert!(matches!(peer.poll_report(), Some(Report::Handshake { v2: true, .. })));
    assert!(peer.poll_report().is_none());
    let have = Bitfield::full(PIECES);
    let welcome = Order::Welcome { torrent: torrent(true), have, upload_only: true };
    peer.handle_order(now, welcome).unwrap();
    assert!(peer.wants_input());
    let batch = peer.poll_batch();
    let reports: Vec<_> = batch.reports.iter().map(describe).collect();
    assert_eq!(reports[1..], ["Interested(true)"]);
    assert!(reports[0].starts_with("Pieces"));
    assert_eq!(batch.totals.down_protocol, bytes.len() as u64);
}

#[test]
fn metadata_is_not_served_without_end() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::Extended(0, b"d1:md11:ut_metadatai9eee")).unwrap();
    let id = ExtensionIds::OURS.id(wire::Extension::Metadata).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..6 {
        remote.say(&Message::Extended(id, b"d8:msg_typei0e5:piecei0ee")).unwrap();
        let before = remote.peer.totals().up_protocol;
        remote.sent();
        sizes.push(remote.peer.totals().up_protocol - before);
    }
    assert!(sizes[..3].iter().all(|&size| size > 400), "{sizes:?}");
    assert!(sizes[3..].iter().all(|&size| size < 60), "{sizes:?}");
}

#[test]
fn a_remote_that_does_not_read_is_not_listened_to() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveAll).unwrap();
    let mut said = 0;
    while remote.peer.wants_input() {
        remote.say(&Message::Request(blocks(0).next().unwrap())).unwrap();
        said += 1;
        assert!(said < 100_000, "rejects without bound");
    }
    remote.sent();
    assert!(remote.peer.wants_input());
}

/// Where in a stream the first unchoke message ends.
fn after_unchoke(bytes: &[u8]) -> usize {
    let mut at = wire::HANDSHAKE_LENGTH;
    loop {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let unchoke = length == 1 && bytes[at + 4] == wire::Kind::Unchoke.id();
        at += 4 + length as usize;
        if unchoke {
            return at;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fragmentation_never_changes_the_reports(fragment in 1..5_000usize, seed: u64) {
        let recorded = download(Link::default(), SECOND * 2);
        let bytes = &recorded.sides[0].heard;
        let unchoked = after_unchoke(bytes);
        let replay = |fragment: usize, seed: u64| {
            let mut rng = stdx::Rng::new(seed);
            let have = Bitfield::new(PIECES);
            let address = ([203, 0, 113, 5], 6881).into();
            let now = recorded.now;
            let mut peer =
                Peer::connect(now, Arc::new(config(1)), torrent(true), have, false, address);
            let (pool, mut reports) = (Pool::new(9), Vec::new());
            for (part, ask) in [(&bytes[..unchoked], true), (&bytes[unchoked..], false)] {
                let mut rest = part;
                while !rest.is_empty() {
                    let (slice, after) = rest.split_at(rest.len().min(1 + rng.index(fragment)));
                    rest = after;
                    peer.handle_received(now, slice, &pool).unwrap();
                    let new = std::iter::from_fn(|| peer.poll_report());
                    reports.extend(new.map(|report| describe(&report)));
                }
                if ask {
                    peer.handle_order(now, Order::Request(all_blocks())).unwrap();
                }
            }
            reports
        };
        prop_assert_eq!(replay(fragment, seed), replay(1, 0));
    }
}

#[test]
fn blocks_are_asked_for_with_the_padding_at_their_end() {
    let raw = b"d5:filesld6:lengthi10e4:pathl1:aeed4:attr1:p6:lengthi16374e4:pathl4:.pad5:16374eee\
        4:name1:t12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
    let info = Arc::new(Info::parse(raw).unwrap());
    let torrent = Arc::new(Torrent { info: Some(info), ..Torrent::clone(&torrent(false)) });
    let mut it = Scripted::of(torrent, Bitfield::new(1), FULL);
    it.say(&Message::HaveAll).unwrap();
    it.say(&Message::Unchoke).unwrap();
    it.reports();
    let asked = BlockRange { piece: PieceIndex(0), begin: 0, length: 10 };
    let whole = BlockRange { length: 16_384, ..asked };

    it.order(Order::Request(vec![asked])).unwrap();
    assert_eq!(it.sent(), [format!("Request({whole:?})")]);
    it.block(whole).unwrap();
    assert_eq!(it.reports(), [format!("Block({asked:?})")]);
    assert_eq!(it.peer.totals().down_payload, 10);

    it.order(Order::Request(vec![asked])).unwrap();
    it.say(&Message::Reject(whole)).unwrap();
    assert_eq!(it.reports(), [format!("Rejected([{asked:?}])")]);

    it.order(Order::Request(vec![asked])).unwrap();
    it.sent();
    it.order(Order::Cancel(vec![asked])).unwrap();
    assert_eq!(it.sent(), [format!("Cancel({whole:?})")]);
}
