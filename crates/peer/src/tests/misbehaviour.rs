use stdx::{BLOCK_LENGTH, BlockRange, PieceIndex};
use wire::{Kind, Message, Reserved};

use super::scripted::{FULL, Scripted};
use crate::fuzzing::{PIECES, blocks};
use crate::{Misbehaviour, Order, PeerError};

fn block(piece: u32) -> BlockRange {
    blocks(piece).next().unwrap()
}

/// Checks that the last of `messages`, and none before it, ends the connection with `why`.
fn check(reserved: Reserved, messages: &[Message<'_>], why: Misbehaviour) {
    let mut remote = Scripted::new(reserved);
    let (last, before) = messages.split_last().unwrap();
    for message in before {
        assert_eq!(remote.say(message), Ok(()), "{message:?} before {why}");
    }
    assert_eq!(remote.say(last), Err(PeerError::Misbehaved(why)));
    assert!(PeerError::from(why).is_misbehaviour());
}

#[test]
fn violations_end_the_connection_with_their_reason() {
    let beyond = PieceIndex(PIECES);
    let out_of_range = |kind| Misbehaviour::PieceOutOfRange { kind, piece: beyond, pieces: PIECES };
    check(FULL, &[Message::Have(beyond)], out_of_range(Kind::Have));
    check(FULL, &[Message::Suggest(beyond)], out_of_range(Kind::Suggest));
    check(FULL, &[Message::AllowedFast(beyond)], out_of_range(Kind::AllowedFast));

    let late = Misbehaviour::LateAvailability;
    let some = || Message::Bitfield(&[0x7f, 0xff, 0xf0]);
    check(FULL, &[Message::HaveAll, some()], late(Kind::Bitfield));
    check(FULL, &[Message::HaveAll, Message::HaveNone], late(Kind::HaveNone));
    check(FULL, &[Message::Have(PieceIndex(0)), some()], late(Kind::Bitfield));
    check(FULL, &[some(), Message::Unchoke, Message::HaveNone], late(Kind::HaveNone));
    let again: Vec<_> = (0..82).map(|_| some()).collect();
    check(FULL, &again, late(Kind::Bitfield));

    let bad = |size| Misbehaviour::BadBitfield { size, pieces: PIECES };
    check(FULL, &[Message::Bitfield(&[0xff, 0xff])], bad(2));
    check(FULL, &[Message::Bitfield(&[0xff, 0xff, 0xf8])], bad(3));

    let plain = Reserved::NONE;
    let not_agreed = Misbehaviour::FastNotAgreed;
    check(plain, &[Message::HaveAll], not_agreed(Kind::HaveAll));
    check(plain, &[Message::HaveNone], not_agreed(Kind::HaveNone));
    check(plain, &[Message::Reject(block(0))], not_agreed(Kind::Reject));
    check(plain, &[Message::AllowedFast(PieceIndex(0))], not_agreed(Kind::AllowedFast));
    check(plain, &[Message::Suggest(PieceIndex(0))], not_agreed(Kind::Suggest));

    let not_ours = PieceIndex(PIECES - 1);
    let unannounced = Misbehaviour::RequestNotAnnounced(not_ours);
    check(FULL, &[Message::Request(block(not_ours.0))], unannounced);
}

#[test]
fn impossible_requests_end_the_connection() {
    let piece = PieceIndex(0);
    let ranges = [
        (piece, 0, 0),
        (piece, 0, BLOCK_LENGTH + 1),
        (piece, BLOCK_LENGTH * 2, 1),
        (piece, u32::MAX, BLOCK_LENGTH),
        (piece, BLOCK_LENGTH * 2 - 1, 2),
        (PieceIndex(PIECES), 0, 1),
        (PieceIndex(u32::MAX), 0, 1),
    ];
    for (piece, begin, length) in ranges {
        let range = BlockRange { piece, begin, length };
        let why = Misbehaviour::ImpossibleRequest(range);
        check(FULL, &[Message::Request(range)], why);
    }
    let range = BlockRange { piece, begin: 1, length: 0 };
    assert_eq!(
        Misbehaviour::ImpossibleRequest(range).to_string(),
        "request for an impossible range: 0 bytes at 1 of piece 0"
    );
}

#[test]
fn requests_without_bound_are_rejected_or_end_the_connection() {
    let mut fast = Scripted::new(FULL);
    fast.order(Order::Unchoke).unwrap();
    fast.sent();
    for _ in 0..2_010 {
        fast.say(&Message::Request(block(0))).unwrap();
    }
    assert_eq!(fast.sent().len(), 10);

    let mut plain = Scripted::new(Reserved::NONE);
    plain.order(Order::Unchoke).unwrap();
    for _ in 0..2_500 {
        plain.say(&Message::Request(block(0))).unwrap();
    }
    let why = Misbehaviour::TooManyRequests { queued: 2_500, limit: 2_000 };
    assert_eq!(plain.say(&Message::Request(block(0))), Err(why.into()));
}

#[test]
fn answers_without_requests_are_forgiven_up_to_a_bound() {
    let mut remote = Scripted::new(FULL);
    for _ in 0..512 {
        remote.block(block(0)).unwrap();
    }
    assert!(remote.reports().is_empty());
    assert_eq!(remote.block(block(0)), Err(Misbehaviour::Unrequested(513).into()));
}

#[test]
fn harmless_oddities_change_nothing() {
    let mut remote = Scripted::new(FULL);
    let twice = [Message::Choke, Message::NotInterested, Message::KeepAlive, Message::Port(1)];
    for message in twice.iter().chain(&twice) {
        remote.say(message).unwrap();
    }
    remote.say(&Message::Cancel(block(0))).unwrap();
    remote.say(&Message::Extended(77, b"whatever")).unwrap();
    assert!(remote.reports().is_empty());
    assert!(remote.sent().is_empty());
    remote.say(&Message::Interested).unwrap();
    remote.say(&Message::Interested).unwrap();
    assert_eq!(remote.reports(), ["Interested(true)"]);
}

#[test]
fn a_bitfield_may_stand_for_many_haves() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveNone).unwrap();
    remote.say(&Message::Have(PieceIndex(1))).unwrap();
    remote.say(&Message::Bitfield(&[0x7f, 0xff, 0xf0])).unwrap();
    remote.say(&Message::HaveAll).unwrap();
    let reports = remote.reports();
    let some = format!("Pieces(Bitfield({} of {PIECES}))", PIECES - 1);
    let all = format!("Pieces(Bitfield({PIECES} of {PIECES}))");
    assert_eq!(reports[1..], ["Have(PieceIndex(1))".to_owned(), some, all]);
}

#[test]
fn the_extension_handshake_may_come_before_the_bitfield() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::Extended(0, b"d1:v1:xe")).unwrap();
    remote.say(&Message::HaveAll).unwrap();
    let reports = remote.reports();
    assert_eq!(reports[1], format!("Pieces(Bitfield({PIECES} of {PIECES}))"));
}

#[test]
fn what_is_of_no_use_is_forgiven_now_and_then_and_not_without_end() {
    let first = || block(0);
    let unknown = [0, 0, 0, 2, 99, 0].to_vec();
    let encoded = |message: &Message<'_>| {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        bytes
    };
    for (name, bytes) in [
        ("keep-alive", vec![0; 4]),
        ("port", encoded(&Message::Port(1))),
        ("choke", encoded(&Message::Choke)),
        ("interested", encoded(&Message::Interested)),
        ("cancel", encoded(&Message::Cancel(first()))),
        ("refused request", encoded(&Message::Request(first()))),
        ("extended", encoded(&Message::Extended(77, b"x"))),
        ("suggest", encoded(&Message::Suggest(PieceIndex(0)))),
        ("unknown", unknown),
    ] {
        let mut remote = Scripted::new(FULL);
        let flood = |remote: &mut Scripted, messages: usize| -> Result<(), PeerError> {
            (0..messages).try_for_each(|_| {
                remote.receive(&bytes)?;
                remote.sent();
                remote.reports();
                Ok(())
            })
        };
        assert_eq!(flood(&mut remote, 5_000), Ok(()), "{name}");
        for _ in 0..60 {
            remote.now += stdx::Duration::from_mins(1);
            assert_eq!(flood(&mut remote, 5_000), Ok(()), "{name}");
        }
        assert_eq!(flood(&mut remote, 20_000), Err(Misbehaviour::Flood.into()), "{name}");
    }
}

#[test]
fn haves_that_are_news_are_never_too_many() {
    let mut remote = Scripted::new(FULL);
    remote.say(&Message::HaveNone).unwrap();
    let mut again =
        || (0..PIECES).try_for_each(|piece| remote.say(&Message::Have(PieceIndex(piece))));
    assert_eq!(again(), Ok(()));
    let flood = (0..20_000).try_for_each(|_| again());
    assert_eq!(flood, Err(Misbehaviour::Flood.into()));
}
