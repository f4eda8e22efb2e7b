use hash::{Sha1Digest, Sha256Digest};
use stdx::{Buf, PeerId, PieceIndex};

use super::{decode_all, describe, range};
use crate::{Handshake, HashRequest, Kind, Message, Reserved, piece_header};

/// Checks both directions against the bytes of the specification.
fn check(message: &Message<'_>, bytes: &[u8]) {
    let mut encoded = Vec::new();
    message.encode(&mut encoded);
    assert_eq!(encoded, bytes, "{message:?}");
    assert_eq!(decode_all(bytes, &[]), Ok(vec![describe(message)]), "{message:?}");
}

#[test]
fn messages_have_the_bytes_of_the_specification() {
    let block = range(1, 0x4000, 0x4000);
    let ranged = |id| {
        let mut bytes = vec![0, 0, 0, 13, id, 0, 0, 0, 1, 0, 0, 0x40, 0];
        bytes.extend([0, 0, 0x40, 0]);
        bytes
    };
    check(&Message::KeepAlive, &[0; 4]);
    check(&Message::Choke, b"\0\0\0\x01\x00");
    check(&Message::Unchoke, b"\0\0\0\x01\x01");
    check(&Message::Interested, b"\0\0\0\x01\x02");
    check(&Message::NotInterested, b"\0\0\0\x01\x03");
    check(&Message::Have(PieceIndex(0x0102)), b"\0\0\0\x05\x04\0\0\x01\x02");
    check(&Message::Bitfield(&[0xa5, 0x80]), b"\0\0\0\x03\x05\xa5\x80");
    check(&Message::Request(block), &ranged(6));
    check(
        &Message::Piece(range(2, 3, 2), Buf::copy_of(b"hi")),
        b"\0\0\0\x0b\x07\0\0\0\x02\0\0\0\x03hi",
    );
    check(&Message::Cancel(block), &ranged(8));
    check(&Message::Port(6881), b"\0\0\0\x03\x09\x1a\xe1");
    check(&Message::Suggest(PieceIndex(7)), b"\0\0\0\x05\x0d\0\0\0\x07");
    check(&Message::HaveAll, b"\0\0\0\x01\x0e");
    check(&Message::HaveNone, b"\0\0\0\x01\x0f");
    check(&Message::Reject(block), &ranged(16));
    check(&Message::AllowedFast(PieceIndex(7)), b"\0\0\0\x05\x11\0\0\0\x07");
    check(&Message::Extended(3, b"de"), b"\0\0\0\x04\x14\x03de");
}

#[test]
fn hash_messages_have_the_bytes_of_the_specification() {
    let request = HashRequest {
        root: Sha256Digest([0xab; 32]),
        base_layer: 1,
        index: 2,
        length: 4,
        proof_layers: 3,
    };
    let body = |id, extra: u8| {
        let mut bytes = vec![0, 0, 0, 49 + extra, id];
        bytes.extend([0xab; 32]);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 3]);
        bytes.extend(std::iter::repeat_n(0xcd, extra.into()));
        bytes
    };
    check(&Message::HashRequest(request), &body(21, 0));
    check(&Message::Hashes(request, vec![Sha256Digest([0xcd; 32]); 2]), &body(22, 64));
    check(&Message::HashReject(request), &body(23, 0));
}

#[test]
fn kinds_and_their_bytes_agree() {
    for id in 0..=u8::MAX {
        assert_eq!(Kind::from_id(id).id(), id);
    }
}

#[test]
fn handshake_has_the_bytes_of_the_specification() {
    let reserved = Reserved::NONE.with_extended().with_fast().with_dht().with_v2();
    let handshake =
        Handshake { reserved, info_hash: Sha1Digest([1; 20]), peer_id: PeerId([2; 20]) };
    let bytes = handshake.encode();
    assert_eq!(&bytes[..20], b"\x13BitTorrent protocol");
    assert_eq!(bytes[20..28], [0, 0, 0, 0, 0, 0x10, 0, 0x15]);
    assert_eq!(bytes[28..48], [1; 20]);
    assert_eq!(bytes[48..], [2; 20]);
    assert_eq!(Handshake::decode(&bytes), Ok(handshake));
    assert!(reserved.extended() && reserved.fast() && reserved.dht() && reserved.v2());
    let none = Reserved::NONE;
    assert!(!(none.extended() || none.fast() || none.dht() || none.v2()));
}

#[test]
fn strangers_are_known_by_their_first_byte() {
    for len in 0..=20 {
        assert!(Handshake::check_start(&b"\x13BitTorrent protocol"[..len]).is_ok());
    }
    for stranger in [&b"G"[..], b"\x14", b"\x13Bittorrent", b"\x16\x03\x01"] {
        assert!(Handshake::check_start(stranger).is_err(), "{stranger:?}");
    }
}

#[test]
fn a_piece_header_is_the_start_of_its_message() {
    let mut whole = Vec::new();
    Message::Piece(range(9, 8, 3), Buf::copy_of(b"abc")).encode(&mut whole);
    assert_eq!(whole[..13], piece_header(range(9, 8, 3)));
}
