use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// BEP 33's vector.
const VECTOR: &str = "
F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
FD8F72EF";

#[test]
fn the_published_addresses_make_the_published_filter() {
    let mut bloom = Bloom::default();
    let v4 = (0..256).map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last as u8)));
    let v6 = (0..0x3e8).map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into());
    for ip in v4.chain(v6) {
        bloom.insert(ip);
        assert!(bloom.contains(ip));
    }
    let digits: String = VECTOR.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    assert_eq!(bloom.as_bytes(), (0..256).map(byte).collect::<Vec<u8>>());
    assert!((bloom.estimate() - 1224.9308).abs() < 1e-4, "{}", bloom.estimate());
}

#[test]
fn unions_count_each_address_once() {
    let (mut one, mut other) = (Bloom::default(), Bloom::default());
    assert!(one.estimate().abs() < 1e-9);
    for last in 0..100 {
        one.insert(Ipv4Addr::new(1, 2, 3, last).into());
        other.insert(Ipv4Addr::new(1, 2, 3, last + 50).into());
    }
    one.union(&other);
    assert!((140.0..160.0).contains(&one.estimate()), "{one:?}");
    assert_eq!(Bloom::from_slice(one.as_bytes()), Some(one.clone()));
    assert_eq!(Bloom::from_slice(&one.as_bytes()[1..]), None);
    assert!(Bloom::from_slice(&[0xff; 256]).unwrap().estimate().is_finite());
}
