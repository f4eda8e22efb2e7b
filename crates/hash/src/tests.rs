use crate::{Sha1, Sha1Digest, Sha256, Sha256Digest, sha1, sha256, sha256_pair};

mod many;

/// Examples of FIPS 180-4, and what NIST adds to them.
#[test]
fn standard_vectors() {
    let check = |message: &[u8], one: &str, two: &str| {
        assert_eq!(sha1(message).to_string(), one);
        assert_eq!(sha256(message).to_string(), two);
    };
    check(
        b"",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    check(
        b"abc",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    check(
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    check(
        &vec![b'a'; 1_000_000],
        "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
}

#[test]
fn incremental_equals_one_shot() {
    let data: Vec<u8> = (0..100_000u32).map(|i| (i * 31) as u8).collect();
    let (mut one, mut two) = (Sha1::new(), Sha256::new());
    for chunk in data.chunks(977) {
        one.update(chunk);
        two.update(chunk);
    }
    assert_eq!(one.finish(), sha1(&data));
    assert_eq!(two.finish(), sha256(&data));
}

#[test]
fn digests_parse_what_they_print() {
    let digest = sha1(b"x");
    assert_eq!(digest.to_string().parse(), Ok(digest));
    assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
    assert!("xyz".parse::<Sha1Digest>().is_err());
    assert!("é".repeat(10).parse::<Sha1Digest>().is_err());
    assert!("+1".repeat(32).parse::<Sha256Digest>().is_err());
}

#[test]
fn pairs_hash_both_halves() {
    let (a, b) = (sha256(b"a"), sha256(b"b"));
    assert_eq!(sha256_pair(&a, &b), sha256(&[a.0, b.0].concat()));
    assert_eq!(a.truncated().0, a.0[..20]);
}
