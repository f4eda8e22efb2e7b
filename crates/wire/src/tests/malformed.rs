use super::decode_all;
use crate::{EXTENDED_MAX, HASHES_MAX, Kind, PIECES_MAX, UNKNOWN_MAX, WireError};

/// The start of a message of `size` bytes and kind `id`.
fn head(size: u32, id: u8) -> Vec<u8> {
    let mut bytes = size.to_be_bytes().to_vec();
    bytes.push(id);
    bytes
}

#[test]
fn sizes_that_a_kind_cannot_have_are_refused() {
    let exact: [(&[u8], u32); 6] = [
        (&[0, 1, 2, 3, 14, 15], 1),
        (&[4, 13, 17], 5),
        (&[6, 8, 16], 13),
        (&[9], 3),
        (&[21, 23], 49),
        (&[], 0),
    ];
    for (ids, expected) in exact {
        for &id in ids {
            let kind = Kind::from_id(id);
            for size in [expected - 1, expected + 1, u32::MAX] {
                if size == 0 {
                    continue;
                }
                let error = WireError::WrongSize { kind, size, expected };
                assert_eq!(decode_all(&head(size, id), &[]), Err(error));
            }
        }
    }
    let least = [(7, 9), (20, 2), (22, 49)];
    for (id, expected) in least {
        let (kind, size) = (Kind::from_id(id), expected - 1);
        let error = WireError::WrongSize { kind, size, expected };
        assert_eq!(decode_all(&head(size, id), &[]), Err(error));
    }
}

#[test]
fn sizes_beyond_the_limit_are_refused_by_name() {
    let limits = [
        (5, 1 + PIECES_MAX.div_ceil(8)),
        (7, 9 + 16_384),
        (20, EXTENDED_MAX),
        (22, 49 + 32 * HASHES_MAX),
        (99, UNKNOWN_MAX),
    ];
    for (id, limit) in limits {
        assert_eq!(decode_all(&head(limit, id), &[]), Ok(vec![]));
        let kind = Kind::from_id(id);
        for size in [limit + 1, u32::MAX] {
            let error = WireError::TooLarge { kind, size, limit };
            assert_eq!(decode_all(&head(size, id), &[]), Err(error));
        }
    }
    let error = WireError::TooLarge { kind: Kind::Bitfield, size: 9, limit: 5 };
    assert_eq!(error.to_string(), "bitfield message of 9 bytes, more than the 5 allowed");
}

#[test]
fn a_bitfield_is_bounded_once_the_pieces_are_known() {
    let mut decoder = crate::Decoder::new();
    decoder.set_pieces(9);
    let bytes = [head(3, 5), vec![0xff, 0x80], head(4, 5)].concat();
    let (mut input, pool) = (&bytes[..], stdx::Pool::new(0));
    assert!(matches!(
        decoder.decode(&mut input, &pool),
        Ok(Some(crate::Message::Bitfield([0xff, 0x80])))
    ));
    let error = decoder.decode(&mut input, &pool).unwrap_err();
    let kind = Kind::Bitfield;
    assert_eq!(error, WireError::TooLarge { kind, size: 4, limit: 3 });
}

#[test]
fn hashes_must_be_whole() {
    let mut bytes = head(49 + 33, 22);
    bytes.extend([0; 48 + 33]);
    let error = WireError::Malformed { what: "hashes message" };
    assert_eq!(decode_all(&bytes, &[]), Err(error));
}

#[test]
fn unknown_messages_are_skipped() {
    let mut bytes = head(1, 200);
    bytes.extend(head(6, 10));
    bytes.extend([0; 5]);
    bytes.extend(head(1, 0));
    for cut in 0..bytes.len() {
        assert_eq!(decode_all(&bytes, &[cut]), Ok(vec!["Choke".to_owned()]));
    }
}
