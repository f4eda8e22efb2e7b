use super::*;

const PUBLIC: &str = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";
const PRIVATE: &str = "e06d3183d14159228433ed599221b80bd0a5ce8352e4bdf0262f76786ef1c74d\
                       b7e7a9fea2c0eb269d61e3b38e450a22e754941ac78479d6c54e1faf6037881d";
const VALUE: &[u8] = b"12:Hello World!";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// The mutable vectors of BEP 44: salt, target, signature.
const MUTABLE: [(&[u8], &str, &str); 2] = [
    (
        b"",
        "4a533d47ec9c7d95b1ad75f576cffc641853b750",
        "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff\
         1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
    ),
    (
        b"foobar",
        "411eba73b6f087ca51a3795d9c8c938d365e32c1",
        "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d\
         df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
    ),
];

#[test]
fn the_published_mutable_items_are_signed_and_verified() {
    let secret = SecretKey::from_expanded(&hex(PRIVATE));
    assert_eq!(secret.public(), PublicKey(hex(PUBLIC)));
    for (salt, target, signature) in MUTABLE {
        let item = Mutable::sign(&secret, salt, 1, VALUE).unwrap();
        assert_eq!(item.target(), target.parse().unwrap());
        assert_eq!(item.signature, hex(signature));
        item.verify().unwrap();
        for forged in [
            Mutable { seq: 2, ..item.clone() },
            Mutable { value: b"12:Hello World?".to_vec(), ..item.clone() },
            Mutable { salt: b"x".to_vec(), ..item.clone() },
            Mutable { key: PublicKey([7; 32]), ..item.clone() },
            Mutable { signature: [0; 64], ..item.clone() },
        ] {
            assert!(matches!(forged.verify(), Err(Error::Signature)), "{forged:?}");
        }
    }
}

#[test]
fn the_published_immutable_item_is_under_its_hash() {
    let target = "e5f96f6f38320f0f33959cb4d3d656452117aadb".parse().unwrap();
    assert_eq!(immutable_target(VALUE), target);
    assert_eq!(Item::Immutable(VALUE.to_vec()).target(), target);
}

#[test]
fn the_published_links_lead_to_their_targets() {
    let key = PublicKey(hex("8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e"));
    for (salt, target) in [
        (&b""[..], "cc3f9d90b572172053626f9980ce261a850d050b"),
        (&hex::<1>("6e")[..], "59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f"),
    ] {
        assert_eq!(mutable_target(&key, salt), target.parse().unwrap());
    }
    let torrent = Id([9; 20]);
    assert_eq!(torrent_value(torrent), b"d2:ih20:\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\te");
    assert_eq!(torrent_of_value(&torrent_value(torrent)), Some(torrent));
    assert_eq!(torrent_of_value(b"d2:ih3:abce"), None);
}

#[test]
fn what_is_out_of_bounds_is_not_signed() {
    let secret = SecretKey::from_seed(&[1; 32]);
    let sign = |salt: &[u8], seq, value: &[u8]| Mutable::sign(&secret, salt, seq, value);
    let long = format!("997:{}", "x".repeat(997));
    assert!(matches!(sign(b"", 1, long.as_bytes()), Err(Error::ValueTooLong(1_001))));
    assert!(sign(b"", 1, &[b"996:", &[b'x'; 996][..]].concat()).is_ok());
    assert!(matches!(sign(&[0; 65], 1, VALUE), Err(Error::SaltTooLong(65))));
    assert!(sign(&[0; 64], i64::MAX, VALUE).is_ok());
    assert!(matches!(sign(b"", -1, VALUE), Err(Error::NegativeSeq)));
    assert!(matches!(sign(b"", 1, b"hello"), Err(Error::Bencode(_))));
}
