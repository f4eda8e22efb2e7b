//! The table of abusive peers.

use super::Fate::{Dropped, Tolerated};
use super::Row;
use super::raw::{
    ALLOWED_FAST, BITFIELD, CANCEL, CHOKE, EXTENDED, FULL, HASH_REJECT, HASH_REQUEST, HASHES, HAVE,
    HAVE_ALL, HAVE_NONE, INTERESTED, NOT_INTERESTED, PIECE, PLAIN, PORT, REJECT, REQUEST, SUGGEST,
    UNCHOKE, UT_METADATA, V2, message, numbers,
};

const BLOCK: u32 = 16_384;
/// Far more than is forgiven.
const FLOOD: usize = 60_000;

fn extended(id: u8, payload: &[u8]) -> Vec<u8> {
    message(EXTENDED, &[&[id], payload].concat())
}

/// A length that nobody follows up.
fn stated(length: u32, id: u8) -> Vec<u8> {
    [&length.to_be_bytes()[..], &[id]].concat()
}

fn hash_request(id: u8, fields: [u32; 4]) -> Vec<u8> {
    let fields = fields.iter().flat_map(|field| field.to_be_bytes());
    message(id, &[7; 32].into_iter().chain(fields).collect::<Vec<u8>>())
}

/// What may come after the handshake of a peer of a torrent of ten pieces of 32 KiB, that we seed.
pub(super) const MESSAGES: &[Row] = &[
    (
        "have of six bytes",
        FULL,
        |p| p.say(&message(HAVE, &[0; 5])),
        Dropped("have message of 6 bytes instead of 5"),
    ),
    (
        "choke with a payload",
        FULL,
        |p| p.say(&message(CHOKE, &[0])),
        Dropped("choke message of 2 bytes"),
    ),
    (
        "bitfield of 2^32-1 bytes",
        FULL,
        |p| p.say(&stated(u32::MAX, BITFIELD)),
        Dropped("more than the 3 allowed"),
    ),
    (
        "extended of 2^32-1 bytes",
        FULL,
        |p| p.say(&stated(u32::MAX, EXTENDED)),
        Dropped("more than the"),
    ),
    ("piece of 2^32-1 bytes", FULL, |p| p.say(&stated(u32::MAX, PIECE)), Dropped("more than the")),
    (
        "unknown message of 2^32-1 bytes",
        FULL,
        |p| p.say(&stated(u32::MAX, 99)),
        Dropped("more than the"),
    ),
    (
        "hashes beyond the limit",
        V2,
        |p| p.say(&stated(10_000_000, HASHES)),
        Dropped("more than the"),
    ),
    (
        "piece beyond a block",
        FULL,
        |p| p.say(&stated(9 + BLOCK + 1, PIECE)),
        Dropped("more than the"),
    ),
    (
        "extension handshake beyond 128 KiB",
        FULL,
        |p| p.say(&stated(128 * 1024 + 1, EXTENDED)),
        Dropped("more than the"),
    ),
    (
        "bitfield too short",
        FULL,
        |p| p.say(&message(BITFIELD, &[0])),
        Dropped("does not fit 10 pieces"),
    ),
    (
        "bitfield too long",
        FULL,
        |p| p.say(&message(BITFIELD, &[0; 3])),
        Dropped("more than the 3 allowed"),
    ),
    (
        "bitfield with spare bits",
        FULL,
        |p| p.say(&message(BITFIELD, &[0, 1])),
        Dropped("does not fit 10 pieces"),
    ),
    (
        "bitfield late, taking pieces back",
        FULL,
        |p| {
            p.say(&message(BITFIELD, &[0x80, 0]));
            p.say(&message(UNCHOKE, &[]));
            p.say(&message(BITFIELD, &[0, 0]));
        },
        Dropped("after the start of the conversation"),
    ),
    (
        "bitfield a hundred times",
        FULL,
        |p| {
            p.flood(&message(BITFIELD, &[0x80, 0]), 128);
        },
        Dropped("after the start of the conversation"),
    ),
    (
        "have none after a bitfield",
        FULL,
        |p| {
            p.say(&message(BITFIELD, &[0x80, 0]));
            p.say(&message(HAVE_NONE, &[]));
        },
        Dropped("have none message after the start"),
    ),
    (
        "have of piece 10 of 10",
        FULL,
        |p| p.say(&numbers(HAVE, &[10])),
        Dropped("for piece 10 of 10"),
    ),
    ("have of piece 2^32-1", FULL, |p| p.say(&numbers(HAVE, &[u32::MAX])), Dropped("of 10")),
    (
        "have all without the fast bit",
        PLAIN,
        |p| p.say(&message(HAVE_ALL, &[])),
        Dropped("without the fast extension"),
    ),
    (
        "reject without the fast bit",
        PLAIN,
        |p| p.say(&numbers(REJECT, &[0, 0, BLOCK])),
        Dropped("without the fast extension"),
    ),
    (
        "suggest without the fast bit",
        PLAIN,
        |p| p.say(&numbers(SUGGEST, &[0])),
        Dropped("without the fast extension"),
    ),
    (
        "allowed fast without the fast bit",
        PLAIN,
        |p| p.say(&numbers(ALLOWED_FAST, &[0])),
        Dropped("without the fast extension"),
    ),
    (
        "suggest out of range",
        FULL,
        |p| p.say(&numbers(SUGGEST, &[10])),
        Dropped("for piece 10 of 10"),
    ),
    (
        "allowed fast out of range",
        FULL,
        |p| p.say(&numbers(ALLOWED_FAST, &[10])),
        Dropped("for piece 10 of 10"),
    ),
    (
        "request of a piece that is not there",
        FULL,
        |p| p.say(&numbers(REQUEST, &[10, 0, BLOCK])),
        Dropped("impossible range"),
    ),
    (
        "request of nothing",
        FULL,
        |p| p.say(&numbers(REQUEST, &[0, 0, 0])),
        Dropped("impossible range: 0 bytes"),
    ),
    (
        "request beyond 128 KiB",
        FULL,
        |p| p.say(&numbers(REQUEST, &[0, 0, 131_073])),
        Dropped("impossible range: 131073 bytes"),
    ),
    (
        "request beyond the piece",
        FULL,
        |p| p.say(&numbers(REQUEST, &[0, 32_768, 1])),
        Dropped("impossible range"),
    ),
    (
        "request that overflows",
        FULL,
        |p| p.say(&numbers(REQUEST, &[0, u32::MAX, BLOCK])),
        Dropped("impossible range"),
    ),
    (
        "request before unchoke",
        FULL,
        |p| {
            p.say(&numbers(REQUEST, &[0, 0, BLOCK]));
            assert!(p.wait_for(REJECT));
        },
        Tolerated("BEP 6: it is rejected, once"),
    ),
    (
        "request before unchoke, not fast",
        PLAIN,
        |p| p.say(&numbers(REQUEST, &[0, 0, BLOCK])),
        Tolerated("a choke and a request cross on the way"),
    ),
    (
        "requests that are not aligned",
        FULL,
        |p| p.say(&numbers(CANCEL, &[9, 77, 1_001])),
        Tolerated("BEP 3 knows no alignment"),
    ),
    (
        "flood of requests while choked",
        FULL,
        |p| p.flood(&numbers(REQUEST, &[0, 0, BLOCK]), FLOOD),
        Dropped("flood"),
    ),
    (
        "flood of requests, not fast",
        PLAIN,
        |p| {
            p.say(&message(INTERESTED, &[]));
            assert!(p.wait_for(UNCHOKE));
            p.say(&numbers(REQUEST, &[0, 0, BLOCK]).repeat(8_000));
        },
        Dropped("requests outstanding, more than the 2000"),
    ),
    (
        "cancel of nothing",
        FULL,
        |p| p.say(&numbers(CANCEL, &[0, 0, BLOCK])),
        Tolerated("a cancel and its block cross on the way"),
    ),
    (
        "flood of cancels",
        FULL,
        |p| p.flood(&numbers(CANCEL, &[0, 0, BLOCK]), FLOOD),
        Dropped("flood"),
    ),
    (
        "a block that nobody asked for",
        FULL,
        |p| p.say(&message(PIECE, &[0; 9])),
        Tolerated("a cancel and a block cross on the way"),
    ),
    (
        "blocks that nobody asked for, on and on",
        FULL,
        |p| p.flood(&message(PIECE, &[0; 9]), 1_024),
        Dropped("answers without a request"),
    ),
    (
        "rejects that nobody asked for",
        FULL,
        |p| p.flood(&numbers(REJECT, &[0, 0, BLOCK]), 1_024),
        Dropped("answers without a request"),
    ),
    (
        "extension handshake that is not bencode",
        FULL,
        |p| p.say(&extended(0, b"hello")),
        Dropped("malformed extension handshake"),
    ),
    (
        "extension handshake nested a thousand deep",
        FULL,
        |p| p.say(&extended(0, &b"l".repeat(1_000))),
        Dropped("malformed extension handshake"),
    ),
    (
        "extension numbers that clash",
        FULL,
        |p| p.say(&extended(0, b"d1:md11:ut_metadatai5e6:ut_pexi5eee")),
        Tolerated("it confuses nobody but itself"),
    ),
    (
        "hundreds of extensions",
        FULL,
        |p| p.say(&extended(0, &many_extensions())),
        Tolerated("those that are unknown are passed over"),
    ),
    (
        "metadata of 2^63 bytes",
        FULL,
        |p| {
            p.say(&extended(0, b"d1:md11:ut_metadatai3ee13:metadata_sizei9223372036854775807ee"));
        },
        Tolerated("we ask for none; `get` ignores such sizes"),
    ),
    (
        "flood of extension handshakes",
        FULL,
        |p| p.flood(&extended(0, b"de"), FLOOD),
        Dropped("flood"),
    ),
    (
        "metadata request that is not bencode",
        FULL,
        |p| p.say(&extended(UT_METADATA, b"hello")),
        Dropped("malformed ut_metadata message"),
    ),
    (
        "metadata request out of range",
        FULL,
        |p| p.say(&extended(UT_METADATA, b"d8:msg_typei0e5:piecei4294967295ee")),
        Tolerated("BEP 9: it is rejected"),
    ),
    (
        "metadata that nobody asked for",
        FULL,
        |p| p.say(&extended(UT_METADATA, b"d8:msg_typei1e5:piecei0e10:total_sizei9eehello")),
        Tolerated("late answers look the same"),
    ),
    (
        "flood of metadata requests",
        FULL,
        |p| p.flood(&extended(UT_METADATA, b"d8:msg_typei0e5:piecei0ee"), FLOOD),
        Dropped("flood"),
    ),
    (
        "lt_donthave of two bytes",
        FULL,
        |p| p.say(&extended(3, &[0, 0])),
        Dropped("malformed lt_donthave"),
    ),
    (
        "hash request in v1",
        FULL,
        |p| {
            p.say(&hash_request(HASH_REQUEST, [0, 0, 2, 0]));
            assert!(p.wait_for(HASH_REJECT));
        },
        Tolerated("BEP 52: it is rejected"),
    ),
    (
        "hash request of absurd layers",
        V2,
        |p| {
            p.say(&hash_request(HASH_REQUEST, [u32::MAX, 3, 1 << 31, u32::MAX]));
            assert!(p.wait_for(HASH_REJECT));
        },
        Tolerated("BEP 52: it is rejected"),
    ),
    (
        "hashes that nobody asked for",
        V2,
        |p| p.say(&hash_request(HASHES, [0, 0, 2, 0])),
        Tolerated("late answers look the same"),
    ),
    (
        "flood of hash requests",
        V2,
        |p| p.flood(&hash_request(HASH_REQUEST, [0, 0, 2, 0]), FLOOD),
        Dropped("flood"),
    ),
    (
        "unknown messages",
        FULL,
        |p| {
            p.say(&message(99, &[0; 500]));
            p.say(&message(255, &[]));
        },
        Tolerated("BEP 3: extensions that we do not know"),
    ),
    (
        "flood of unknown messages",
        FULL,
        |p| p.flood(&message(99, &[0; 100]), FLOOD),
        Dropped("flood"),
    ),
    ("zeros, which are keep-alives", FULL, |p| p.flood(&[0; 4], FLOOD), Dropped("flood")),
    (
        "flapping interest",
        FULL,
        |p| p.flood(&[message(INTERESTED, &[]), message(NOT_INTERESTED, &[])].concat(), FLOOD),
        Dropped("flood"),
    ),
    (
        "flapping chokes",
        FULL,
        |p| p.flood(&[message(CHOKE, &[]), message(UNCHOKE, &[])].concat(), FLOOD),
        Dropped("flood"),
    ),
    (
        "port",
        FULL,
        |p| p.say(&message(PORT, &[1, 2])),
        Tolerated("BEP 5: clients with a DHT say so"),
    ),
    (
        "the v2 bit of who cannot prove it",
        V2,
        |_| {},
        Tolerated("BEP 52: what it never uses it need not prove"),
    ),
];

fn many_extensions() -> Vec<u8> {
    let names: Vec<String> = (100..900).map(|n| format!("3:{n}i{}e", n % 250)).collect();
    format!("d1:md{}ee", names.concat()).into_bytes()
}
