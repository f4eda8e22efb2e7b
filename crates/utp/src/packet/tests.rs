use proptest::prelude::*;

use super::*;

const HEADER: Header = Header {
    kind: Kind::Data,
    connection: 0x0102,
    timestamp: 0x0304_0506,
    timestamp_difference: 0x0708_090a,
    window: 0x0b0c_0d0e,
    seq: Seq(0x0f10),
    ack: Seq(0x1112),
};

const PLAIN: [u8; 20] = [1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

fn encoded(kind: Kind, selective_ack: &[u8], padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    Header { kind, ..HEADER }.encode(selective_ack, padding, &mut out);
    out
}

#[test]
fn headers_are_as_written_down() {
    assert_eq!(encoded(Kind::Data, &[], 0), PLAIN);
    let kinds = [Kind::Data, Kind::Fin, Kind::State, Kind::Reset, Kind::Syn];
    for (bits, kind) in (0..).zip(kinds) {
        let bytes = encoded(kind, &[], 0);
        assert_eq!(bytes[0], bits << 4 | 1, "{kind:?}");
        assert_eq!(Packet::parse(&bytes).unwrap().header, Header { kind, ..HEADER });
    }
    let mut expected = PLAIN.to_vec();
    (expected[0], expected[1]) = (0x21, 1);
    expected.extend([0, 4, 0b101, 0, 0, 0x80]);
    assert_eq!(encoded(Kind::State, &[0b101, 0, 0, 0x80], 0), expected);
}

#[test]
fn selective_acks_count_from_two_behind() {
    let bytes = encoded(Kind::State, &[0b101, 0, 0, 0x80], 0);
    let sack = Packet::parse(&bytes).unwrap().selective_ack.unwrap();
    let set: Vec<usize> = (0..sack.bits() + 9).filter(|&n| sack.contains(n)).collect();
    assert_eq!(set, [0, 2, 31]);
}

#[test]
fn what_is_malformed_is_refused() {
    let check = |change: &dyn Fn(&mut Vec<u8>), error: PacketError| {
        let mut bytes = encoded(Kind::State, &[1, 0, 0, 0], 0);
        change(&mut bytes);
        assert_eq!(Packet::parse(&bytes), Err(error), "{}", bytes.escape_ascii());
    };
    check(&|it| it.truncate(19), PacketError::Short(19));
    check(&|it| it.clear(), PacketError::Short(0));
    check(&|it| it[0] = 0x20, PacketError::Version(0));
    check(&|it| it[0] = 0x22, PacketError::Version(2));
    check(&|it| it[0] = 0x51, PacketError::Kind(5));
    check(&|it| it.truncate(21), PacketError::Extension);
    check(&|it| it.truncate(25), PacketError::Extension);
    check(&|it| it[21] = 5, PacketError::Extension);
    check(&|it| it[20] = 9, PacketError::Extension);
    let chain = |it: &mut Vec<u8>| {
        it[20] = 2;
        it.extend([2, 0].repeat(20));
    };
    check(&chain, PacketError::Extensions);
}

#[test]
fn unknown_extensions_are_skipped() {
    let mut bytes = PLAIN.to_vec();
    bytes[1] = 2;
    // libtorrent's extension bits, a reason to close, an empty one, a selective ack.
    bytes.extend([3, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([77, 4, 0, 0, 0, 1]);
    bytes.extend([1, 0]);
    bytes.extend([0, 4, 1, 2, 3, 4]);
    bytes.extend(b"payload");
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.selective_ack, Some(SelectiveAck(&[1, 2, 3, 4])));
    assert_eq!(packet.payload, b"payload");
}

#[test]
fn padding_begins_with_what_libutp_knows() {
    // Its test of the version asks for a first extension below 3.
    for padding in [12, 13, 266, 267, 268, 1_000] {
        let bytes = encoded(Kind::Data, &[], padding);
        assert_eq!(bytes[1], 2, "{padding}");
        assert_eq!(bytes[20..30], [0xf0, 8, 0, 0, 0, 0, 0, 0, 0, 0], "{padding}");
        assert_eq!(bytes.len(), 20 + padding);
        assert_eq!(Packet::parse(&bytes).unwrap().payload, b"", "{padding}");
    }
}

#[test]
fn others_on_the_port_are_told_apart() {
    let check = |datagram: &[u8], expected| {
        assert_eq!(looks_like_utp(datagram), expected, "{}", datagram.escape_ascii());
    };
    check(&PLAIN, true);
    check(&PLAIN[..19], false);
    check(b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", false);
    check(&[0; 20], false);
    check(&[&[0, 0, 0, 1][..], &[0x41; 40]].concat(), false);
}

proptest! {
    #[test]
    fn packets_round_trip(
        kind in 0u8..5,
        numbers in any::<(u16, u32, u32, u32, u16, u16)>(),
        sack in proptest::collection::vec(any::<u8>(), 0..64),
        padding in prop_oneof![Just(0), PADDING_LEAST..1_400],
        payload in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let (connection, timestamp, timestamp_difference, window, seq, ack) = numbers;
        let kind = Kind::from_bits(kind).unwrap();
        let (seq, ack) = (Seq(seq), Seq(ack));
        let header =
            Header { kind, connection, timestamp, timestamp_difference, window, seq, ack };
        let mut bytes = Vec::new();
        header.encode(&sack, padding, &mut bytes);
        let heads = if sack.is_empty() { 0 } else { sack.len() + 2 };
        prop_assert_eq!(bytes.len(), HEADER_LENGTH + heads + padding);
        bytes.extend(&payload);
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(packet.header, header);
        prop_assert_eq!(packet.selective_ack.map_or(&[][..], |sack| sack.0), &sack[..]);
        prop_assert_eq!(packet.payload, &payload[..]);
        prop_assert!(looks_like_utp(&bytes));
    }
}
