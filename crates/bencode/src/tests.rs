use proptest::prelude::*;

use crate::{Encoder, Error, ErrorKind, Kind, Limits, Mode, Value, decode, decode_prefix, encode};

/// What both modes make of `input`: `Ok`, or the kind and place of the error.
#[track_caller]
fn check(
    input: &[u8],
    strict: Result<(), (ErrorKind, usize)>,
    lenient: Result<(), (ErrorKind, usize)>,
) {
    for (mode, expected) in [(Mode::Strict, strict), (Mode::Lenient, lenient)] {
        let found = decode(input, mode, Limits::MESSAGE);
        let found = found.map(|_| ()).map_err(|error| (error.kind, error.offset));
        assert_eq!(found, expected, "{mode:?} {}", input.escape_ascii());
    }
}

#[test]
fn modes_differ_as_documented() {
    use ErrorKind::*;
    let ok = Ok(());
    check(b"d1:bi1e1:ai2ee", Err((UnsortedKeys, 7)), ok);
    check(b"d1:ai1e1:ai2ee", Err((DuplicateKey, 7)), ok);
    check(b"i03e", Err((NonCanonicalInteger, 0)), ok);
    check(b"i00e", Err((NonCanonicalInteger, 0)), ok);
    check(b"i-0e", Err((NonCanonicalInteger, 0)), ok);
    check(b"i-03e", Err((NonCanonicalInteger, 0)), ok);
    check(b"04:spam", Err((NonCanonicalInteger, 0)), ok);
    check(b"d01:ai1ee", Err((NonCanonicalInteger, 1)), ok);
}

#[test]
fn well_formed_input_is_accepted() {
    for input in [
        &b"i0e"[..],
        b"i-1e",
        b"i9223372036854775807e",
        b"i-9223372036854775808e",
        b"0:",
        b"4:spam",
        b"le",
        b"de",
        b"l4:spam4:eggse",
        b"d3:cow3:moo4:spam4:eggse",
        b"d4:spaml1:a1:bee",
        b"d0:le1:a0:e",
        b"llllee1:aee",
        b"d1:A0:1:a0:e",
    ] {
        check(input, Ok(()), Ok(()));
    }
}

#[test]
fn malformed_input_is_refused_where_it_goes_wrong() {
    use ErrorKind::*;
    for (input, kind, offset) in [
        (&b""[..], UnexpectedEnd, 0),
        (b"x", ExpectedValue, 0),
        (b"e", ExpectedValue, 0),
        (b"-1", ExpectedValue, 0),
        (b"i1", UnexpectedEnd, 2),
        (b"ie", BadInteger, 1),
        (b"i-e", BadInteger, 2),
        (b"i--1e", BadInteger, 2),
        (b"i+1e", BadInteger, 1),
        (b"i1.5e", BadInteger, 2),
        (b"i 1e", BadInteger, 1),
        (b"i9223372036854775808e", IntegerRange, 0),
        (b"i-9223372036854775809e", IntegerRange, 0),
        (b"i99999999999999999999999999e", IntegerRange, 0),
        (b"5:spam", BadLength, 0),
        (b"4spam", BadLength, 1),
        (b"4", UnexpectedEnd, 1),
        (b"99999999999999999999999:", BadLength, 0),
        (b"18446744073709551615:", BadLength, 0),
        (b"l", UnexpectedEnd, 1),
        (b"d", UnexpectedEnd, 1),
        (b"l4:spam", UnexpectedEnd, 7),
        (b"di1e1:ae", ExpectedKey, 1),
        (b"dle1:ae", ExpectedKey, 1),
        (b"d1:ae", MissingValue, 4),
        (b"i1ei2e", TrailingData, 3),
        (b"de\n", TrailingData, 2),
    ] {
        check(input, Err((kind, offset)), Err((kind, offset)));
    }
    let error = Error { kind: BadLength, offset: 7 };
    assert_eq!(error.to_string(), "bencode, byte 7: string length malformed or beyond the end");
}

#[test]
fn limits_hold() {
    let check = |input: &[u8], limits, expected: Option<(ErrorKind, usize)>| {
        let found = decode(input, Mode::Lenient, limits).err();
        assert_eq!(found.map(|error| (error.kind, error.offset)), expected);
        let found = decode_prefix(input, Mode::Lenient, limits).err();
        assert_eq!(found.is_some(), expected.is_some());
    };
    let free = Limits { depth: 1_000, tokens: 1_000, size: 1_000 };
    check(b"llleee", Limits { depth: 3, ..free }, None);
    check(b"llleee", Limits { depth: 2, ..free }, Some((ErrorKind::TooDeep, 2)));
    check(b"d1:ad1:bdeee", Limits { depth: 2, ..free }, Some((ErrorKind::TooDeep, 8)));
    check(b"i1e", Limits { depth: 0, ..free }, None);
    check(b"li1ei2ee", Limits { tokens: 3, ..free }, None);
    check(b"li1ei2ee", Limits { tokens: 2, ..free }, Some((ErrorKind::TooManyTokens, 4)));
    check(b"d1:ai2ee", Limits { tokens: 2, ..free }, Some((ErrorKind::TooManyTokens, 4)));
    check(b"4:spam", Limits { size: 6, ..free }, None);
    check(b"4:spam", Limits { size: 5, ..free }, Some((ErrorKind::TooLarge, 5)));
    let bomb = vec![b'l'; 1 << 20];
    check(&bomb, Limits::MESSAGE, Some((ErrorKind::TooDeep, 16)));
}

#[test]
fn a_prefix_leaves_the_rest() {
    let check = |input: &'static [u8], rest: &[u8]| {
        let (value, found) = decode_prefix(input, Mode::Strict, Limits::MESSAGE).unwrap();
        assert_eq!(found, rest);
        assert_eq!(value.raw().len() + rest.len(), input.len());
    };
    check(b"d8:msg_typei1e5:piecei0eepayload", b"payload");
    check(b"i1e", b"");
    check(b"0:\r\n", b"\r\n");
    // The size limit is the value's, not the payload's.
    let limits = Limits { size: 3, ..Limits::MESSAGE };
    assert!(decode_prefix(b"i1e and much more", Mode::Strict, limits).is_ok());
    let error = decode_prefix(b"5:hello", Mode::Strict, limits).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
}

#[test]
fn values_are_read_by_kind() {
    let input = b"d3:inti-42e4:listl1:xi7ee3:raw3:\xff\x00\xfe4:textd3:key6:h\xc3\xa9lloee";
    let value = decode(input, Mode::Strict, Limits::MESSAGE).unwrap();
    let dict = value.as_dict().unwrap();
    assert_eq!(value.kind(), Kind::Dict);
    assert_eq!(dict.int("int"), Some(-42));
    assert_eq!(dict.uint("int"), None);
    assert_eq!(dict.bytes("raw"), Some(&b"\xff\x00\xfe"[..]));
    assert_eq!(dict.str("raw"), None);
    assert_eq!(dict.dict("text").unwrap().str("key"), Some("héllo"));
    assert_eq!(dict.get("text").unwrap().raw(), b"d3:key6:h\xc3\xa9lloe");
    let list: Vec<_> = dict.list("list").unwrap().iter().collect();
    assert_eq!((list[0].as_str(), list[1].as_uint(), list.len()), (Some("x"), Some(7), 2));
    assert_eq!(dict.int("absent"), None);
    assert_eq!(dict.int("list"), None);
    let keys: Vec<_> = dict.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [&b"int"[..], b"list", b"raw", b"text"]);
}

#[test]
fn the_first_of_repeated_keys_counts() {
    let value = decode(b"d1:ai1e1:ai2ee", Mode::Lenient, Limits::MESSAGE).unwrap();
    assert_eq!(value.as_dict().unwrap().int("a"), Some(1));
}

#[test]
fn several_keys_are_picked_as_each_is_got() {
    let input = b"d1:bi1e2:ccli2ei3ee1:bi4e1:a1:x2:010:e";
    let dict = decode(input, Mode::Lenient, Limits::MESSAGE).unwrap().as_dict().unwrap();
    let keys = ["", "a", "b", "c", "cc", "01"];
    assert_eq!(dict.pick(keys), keys.map(|key| dict.get(key)));
    assert_eq!(dict.pick(keys).iter().flatten().count(), 4);
    assert_eq!(dict.pick([]), []);
}

#[test]
fn encoding_is_canonical() {
    let bytes = encode(|e| {
        e.dict(|d| {
            d.int("a", u64::MAX);
            d.bytes("b", b"\0x");
            d.list("c", |l| {
                l.item().int(-1);
                l.item().dict(|_| {});
            });
            d.key("d").raw(b"le");
        });
    });
    assert_eq!(bytes, b"d1:ai18446744073709551615e1:b2:\0x1:cli-1edee1:dlee");
}

#[test]
fn keys_out_of_order_are_a_bug() {
    for keys in [["b", "a"], ["a", "a"]] {
        let write = || encode(|e| e.dict(|d| keys.iter().for_each(|key| d.int(key, 1))));
        assert!(std::panic::catch_unwind(write).is_err(), "{keys:?}");
    }
}

/// A value to be encoded, for round trips.
#[derive(Clone, Debug)]
enum Tree {
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Dict(std::collections::BTreeMap<Vec<u8>, Self>),
}

impl Tree {
    fn write(&self, e: Encoder<'_>) {
        match self {
            Self::Int(number) => e.int(*number),
            Self::Bytes(bytes) => e.bytes(bytes),
            Self::List(items) => e.list(|l| items.iter().for_each(|item| item.write(l.item()))),
            Self::Dict(map) => e.dict(|d| map.iter().for_each(|(k, v)| v.write(d.key(k)))),
        }
    }

    fn equals(&self, value: Value<'_>) -> bool {
        match self {
            Self::Int(number) => value.as_int() == Some(*number),
            Self::Bytes(bytes) => value.as_bytes() == Some(bytes),
            Self::List(items) => value.as_list().is_some_and(|list| {
                list.iter().count() == items.len()
                    && list.iter().zip(items).all(|(value, item)| item.equals(value))
            }),
            Self::Dict(map) => value.as_dict().is_some_and(|dict| {
                dict.iter().count() == map.len()
                    && dict.iter().zip(map).all(|((k, v), (key, item))| k == key && item.equals(v))
            }),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Tree::Int),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Tree::Bytes),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop::collection::vec(any::<u8>(), 0..4);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            prop::collection::btree_map(key, inner, 0..6).prop_map(Tree::Dict),
        ]
    })
}

/// Bytes that are nearly bencode.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(b"ilde0123456789:-".to_vec()),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..60)
}

/// A second decoder, as simple as can be: recursive, strict when asked, no limits.
fn naive(input: &[u8], strict: bool) -> Option<(Tree, &[u8])> {
    let canonical = |digits: &str| !strict || digits == "0" || !digits.starts_with('0');
    let number = |input: &[u8], end: u8| -> Option<(String, usize)> {
        let at = input.iter().position(|&byte| byte == end)?;
        let digits = std::str::from_utf8(&input[..at]).ok()?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (plain && canonical(digits)).then(|| (digits.to_owned(), at + 1))
    };
    match *input.first()? {
        b'i' => {
            let negative = input.get(1) == Some(&b'-');
            let (digits, used) = number(&input[1 + usize::from(negative)..], b'e')?;
            if strict && negative && digits == "0" {
                return None;
            }
            let sign = if negative { "-" } else { "" };
            let value = format!("{sign}{digits}").parse().ok()?;
            Some((Tree::Int(value), &input[1 + usize::from(negative) + used..]))
        }
        b'l' => {
            let (mut items, mut rest) = (Vec::new(), &input[1..]);
            while *rest.first()? != b'e' {
                let (item, after) = naive(rest, strict)?;
                items.push(item);
                rest = after;
            }
            Some((Tree::List(items), &rest[1..]))
        }
        b'd' => {
            let (mut map, mut rest) = (std::collections::BTreeMap::new(), &input[1..]);
            let mut last: Option<Vec<u8>> = None;
            while *rest.first()? != b'e' {
                let (Tree::Bytes(key), after) = naive(rest, strict)? else {
                    return None;
                };
                if strict && last.as_ref().is_some_and(|last| *last >= key) {
                    return None;
                }
                let (value, after) = naive(after, strict)?;
                map.entry(key.clone()).or_insert(value);
                last = Some(key);
                rest = after;
            }
            Some((Tree::Dict(map), &rest[1..]))
        }
        _ => {
            let (digits, used) = number(input, b':')?;
            let length: usize = digits.parse().ok()?;
            let body = input.get(used..used.checked_add(length)?)?;
            Some((Tree::Bytes(body.to_vec()), &input[used + length..]))
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(tree in trees()) {
        let bytes = encode(|e| tree.write(e));
        let value = decode(&bytes, Mode::Strict, Limits::MESSAGE).unwrap();
        prop_assert!(tree.equals(value));
        prop_assert_eq!(value.raw(), &bytes[..]);
    }

    #[test]
    fn two_decoders_agree(input in soup()) {
        for (mode, strict) in [(Mode::Strict, true), (Mode::Lenient, false)] {
            let found = decode_prefix(&input, mode, Limits { depth: 100, ..Limits::MESSAGE });
            let naive = naive(&input, strict);
            prop_assert_eq!(found.is_ok(), naive.is_some(), "{:?} {:?}", mode, found);
            if let (Ok((value, rest)), Some((tree, other))) = (found, naive) {
                prop_assert_eq!(rest, other);
                if strict {
                    prop_assert!(tree.equals(value));
                }
            }
        }
    }

    #[test]
    fn any_cut_or_changed_byte_is_survived(
        tree in trees(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = encode(|e| tree.write(e));
        let at = at.index(bytes.len());
        prop_assert!(decode(&bytes[..at], Mode::Lenient, Limits::MESSAGE).is_err());
        bytes[at] = byte;
        if let Ok(value) = decode(&bytes, Mode::Lenient, Limits::MESSAGE) {
            let shown = format!("{value:?}");
            prop_assert!(!shown.is_empty());
        }
    }
}
