use crate::{Sha1, Sha1Digest, Sha256, Sha256Digest, sha1, sha256, sha256_pair};

#[test]
fn standard_vectors() {
    // FIPS 180-4 examples.
    assert_eq!(sha1(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(
        sha256(b"abc").to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
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
