use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::{
    ExtendedHandshake, Extension, ExtensionIds, Holepunch, HolepunchError, MetadataMessage,
    PEX_MAX, Pex, PexPeer, WireError,
};

#[test]
fn the_extension_handshake_has_the_bytes_of_the_specification() {
    let handshake = ExtendedHandshake {
        client: Some("Fluvial 0.1".to_owned()),
        port: Some(6881),
        reqq: Some(2000),
        metadata_size: Some(31_235),
        your_ip: Some(IpAddr::from([198, 18, 0, 1])),
        upload_only: Some(true),
        uplink: Some(4_000_000),
        ..ExtendedHandshake::default()
    };
    let handshake = handshake.with_ids(ExtensionIds::OURS.without(Extension::Pex));
    let mut bytes = Vec::new();
    handshake.encode(&mut bytes);
    let expected = b"d14:fluvial_uplinki4000000e1:md11:lt_donthavei3e11:upload_onlyi4e\
        12:ut_holepunchi5e11:ut_metadatai1e6:ut_pexi0ee13:metadata_sizei31235e1:pi6881e4:reqqi2000e\
        11:upload_onlyi1e1:v11:Fluvial 0.16:yourip4:\xc6\x12\0\x01e";
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(ExtendedHandshake::decode(&bytes), Ok(handshake));
}

#[test]
fn odd_values_in_the_extension_handshake_count_as_absent() {
    let odd = b"d4:ipv43:abc1:md6:ut_pexi300e11:ut_metadatai3ee1:pi70000e4:reqqi-1e\
        1:vi5e6:yourip5:aaaaae trailing";
    let handshake = ExtendedHandshake::decode(odd).unwrap();
    let mut ids = ExtensionIds::default();
    handshake.update(&mut ids);
    assert_eq!(ids.id(Extension::Metadata), Some(3));
    assert_eq!(ids.id(Extension::Pex), None);
    let rest = ExtendedHandshake { ids: handshake.ids, ..ExtendedHandshake::default() };
    assert_eq!(handshake, rest);
    for broken in [&b""[..], b"i5e", b"d1:m", b"le"] {
        assert!(ExtendedHandshake::decode(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn client_names_are_fit_to_print() {
    let name = |bytes: &[u8]| {
        let payload = bencode::encode(|e| e.dict(|d| d.bytes("v", bytes)));
        ExtendedHandshake::decode(&payload).unwrap().client.unwrap()
    };
    assert_eq!(name(b"a\x1b[31mb\n"), "a[31mb");
    assert_eq!(name(&[b'x'; 500]).len(), 64);
    assert_eq!(name(b"\xff"), "\u{fffd}");
}

#[test]
fn later_handshakes_switch_extensions_off() {
    let mut ids = ExtensionIds::OURS;
    let off = b"d1:md11:lt_donthavei0eee";
    ExtendedHandshake::decode(off).unwrap().update(&mut ids);
    assert_eq!(ids.id(Extension::DontHave), None);
    assert_eq!(ids.id(Extension::Metadata), Some(1));
    assert_eq!(ids.extension(1), Some(Extension::Metadata));
    assert_eq!(ids.extension(0), None);
}

#[test]
fn metadata_messages_have_the_bytes_of_the_specification() {
    let data = MetadataMessage::Data { piece: 0, total_size: 3425, data: b"xxxx" };
    let table: [(MetadataMessage<'_>, &[u8]); 3] = [
        (MetadataMessage::Request(0), b"d8:msg_typei0e5:piecei0ee"),
        (data, b"d8:msg_typei1e5:piecei0e10:total_sizei3425eexxxx"),
        (MetadataMessage::Reject(7), b"d8:msg_typei2e5:piecei7ee"),
    ];
    for (message, bytes) in table {
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(out, bytes);
        assert_eq!(MetadataMessage::decode(bytes), Ok(Some(message)));
    }
    let unknown = b"d8:msg_typei9e5:piecei0ee";
    assert_eq!(MetadataMessage::decode(unknown), Ok(None));
    let broken: [&[u8]; 4] =
        [b"", b"de", b"d8:msg_typei0ee", b"d8:msg_typei0e5:piecei4294967296ee"];
    for bytes in broken {
        let error = WireError::Malformed { what: "ut_metadata message" };
        assert_eq!(MetadataMessage::decode(bytes), Err(error));
    }
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let v4 = any::<([u8; 4], u16)>().prop_map(|(ip, port)| (Ipv4Addr::from(ip), port).into());
    let v6 = any::<([u8; 16], u16)>().prop_map(|(ip, port)| (Ipv6Addr::from(ip), port).into());
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn peer_lists_round_trip(
        mut added in vec((address(), any::<u8>()), 0..30),
        mut dropped in vec(address(), 0..30),
    ) {
        // The families travel apart, IPv4 first.
        added.sort_by_key(|(address, _)| address.is_ipv6());
        dropped.sort_by_key(SocketAddr::is_ipv6);
        let added = added.into_iter().map(|(address, flags)| PexPeer { address, flags });
        let pex = Pex { added: added.collect(), dropped };
        let mut bytes = Vec::new();
        pex.encode(&mut bytes);
        prop_assert_eq!(Pex::decode(&bytes), Ok(pex));
    }

    #[test]
    fn extension_payloads_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = ExtendedHandshake::decode(&bytes);
        let _ = MetadataMessage::decode(&bytes);
        let _ = Pex::decode(&bytes);
    }
}

#[test]
fn peer_lists_are_cut_to_their_bound() {
    let many = vec![1; 6 * (PEX_MAX + 9) + 3];
    let payload = bencode::encode(|e| e.dict(|d| d.bytes("added", many)));
    let pex = Pex::decode(&payload).unwrap();
    assert_eq!(pex.added.len(), PEX_MAX);
    assert_eq!(pex.added[0].flags, 0);
    assert!(Pex::decode(b"le").is_err());
    assert_eq!(Pex::decode(b"de"), Ok(Pex::default()));
}

#[test]
fn holepunch_messages_have_the_bytes_of_the_specification() {
    let check = |message: Holepunch, expected: &[u8]| {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(bytes, expected);
        assert_eq!(Holepunch::decode(&bytes), Ok(Some(message)));
    };
    let v4: SocketAddr = "198.18.0.7:6881".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::7]:6881".parse().unwrap();
    let v6_bytes = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x1a, 0xe1];
    check(Holepunch::Rendezvous(v4), &[0, 0, 198, 18, 0, 7, 0x1a, 0xe1, 0, 0, 0, 0]);
    check(Holepunch::Connect(v6), &[&[1, 1], &v6_bytes[..], &[0; 4]].concat());
    for (code, error) in [
        (1, HolepunchError::NoSuchPeer),
        (2, HolepunchError::NotConnected),
        (3, HolepunchError::NoSupport),
        (4, HolepunchError::NoSelf),
        (9, HolepunchError::Other(9)),
    ] {
        let expected = [2, 0, 198, 18, 0, 7, 0x1a, 0xe1, 0, 0, 0, code];
        check(Holepunch::Error(v4, error), &expected);
    }
    // Some leave the code out where there is no error.
    let short = Holepunch::decode(&[1, 0, 198, 18, 0, 7, 0x1a, 0xe1]);
    assert_eq!(short, Ok(Some(Holepunch::Connect(v4))));
    assert_eq!(Holepunch::decode(&[3, 0, 198, 18, 0, 7, 0x1a, 0xe1]), Ok(None));
    for broken in [
        &[][..],
        &[0],
        &[0, 2, 1, 1, 1, 1, 1, 1],
        &[0, 0, 1, 2, 3, 4, 5],
        &[2, 0, 1, 2, 3, 4, 5, 6],
    ] {
        assert!(Holepunch::decode(broken).is_err(), "{broken:?}");
    }
}

proptest! {
    #[test]
    fn no_holepunch_message_is_too_odd(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(Some(message)) = Holepunch::decode(&bytes) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(Holepunch::decode(&again), Ok(Some(message)));
        }
    }
}
