use hash::Sha1Digest;
use stdx::Rng;

use crate::key::{KEY_LENGTH, PrivateKey, is_short};
use crate::*;

mod vectors;

const TORRENT: Sha1Digest = Sha1Digest([7; 20]);

fn entropy(first: u8) -> Entropy {
    Entropy(std::array::from_fn(|n| first.wrapping_add(n as u8)))
}

/// The torrents of a responder that has one.
fn ours(key: &Sha1Digest) -> Option<Sha1Digest> {
    (*key == torrent_key(&TORRENT)).then_some(TORRENT)
}

/// Has two sides shake hands in pieces of up to so many bytes.
fn shake(
    seed: u8,
    (offered, allowed): (Methods, Methods),
    words: &[u8],
    most: usize,
) -> Result<(Outcome, Outcome), MseError> {
    let mut near = Initiator::new(entropy(seed), TORRENT, offered, words);
    let mut far = Responder::new(entropy(seed + 50), allowed);
    let mut rng = Rng::new(seed.into());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let (mut first, mut second) = (None, None);
    while first.is_none() || second.is_none() {
        there.extend(near.take_output());
        back.extend(far.take_output());
        let n = (1 + rng.index(most)).min(there.len());
        if let Some(outcome) = far.handle(&there[..n], &ours)? {
            second = Some(outcome);
        }
        there.drain(..n);
        let n = (1 + rng.index(most)).min(back.len());
        if let Some(outcome) = near.handle(&back[..n])? {
            first = Some(outcome);
        }
        back.drain(..n);
    }
    Ok((first.unwrap(), second.unwrap()))
}

/// Sends a text from one side to the other.
fn carry(text: &[u8], from: &mut Ciphers, to: &mut Ciphers) {
    let mut bytes = text.to_vec();
    from.encrypt(&mut bytes);
    assert_ne!(bytes, text);
    to.decrypt(&mut bytes);
    assert_eq!(bytes, text);
}

#[test]
fn both_sides_understand_each_other() {
    let plain = Methods { plaintext: true, rc4: false };
    let check = |offered, allowed, rc4: bool| {
        for (seed, most) in [(1, 1), (2, 7), (3, 100), (4, 5_000)] {
            let words = &[3; 300][..100 * usize::from(seed - 1)];
            let (mut near, mut far) = shake(seed, (offered, allowed), words, most).unwrap();
            assert_eq!(far.received, words);
            assert!(near.received.is_empty());
            assert_eq!((near.ciphers.is_some(), far.ciphers.is_some()), (rc4, rc4));
            let (Some(near), Some(far)) = (&mut near.ciphers, &mut far.ciphers) else {
                continue;
            };
            for text in [b"a first message".as_slice(), b"and one more"] {
                carry(text, near, far);
                carry(text, far, near);
            }
        }
    };
    check(Methods::BOTH, Methods::BOTH, false);
    check(Methods::BOTH, Methods::RC4, true);
    check(Methods::RC4, Methods::BOTH, true);
    check(Methods::RC4, Methods::RC4, true);
    check(plain, Methods::BOTH, false);
    assert_eq!(shake(1, (plain, Methods::RC4), b"", 50).unwrap_err(), MseError::Method(1));
    assert_eq!(shake(1, (Methods::RC4, plain), b"", 50).unwrap_err(), MseError::Method(2));
}

#[test]
fn what_comes_behind_belongs_to_the_stream() {
    let mut near = Initiator::new(entropy(1), TORRENT, Methods::RC4, b"");
    let mut far = Responder::new(entropy(2), Methods::RC4);
    far.handle(&near.take_output(), &ours).unwrap();
    near.handle(&far.take_output()).unwrap();
    let mut outcome = far.handle(&near.take_output(), &ours).unwrap().unwrap();
    let mut answer = far.take_output();
    let mut more = *b"soon";
    outcome.ciphers.as_mut().unwrap().encrypt(&mut more);
    answer.extend(more);
    assert_eq!(near.handle(&answer).unwrap().unwrap().received, b"soon");
}

#[test]
fn strangers_are_let_go() {
    let mut far = Responder::new(entropy(2), Methods::BOTH);
    // A key is whatever is no special number; then comes nothing that fits it.
    assert!(matches!(far.handle(&[3; KEY_LENGTH + 500], &ours), Ok(None)));
    assert_eq!(far.handle(&[3; 100], &ours).unwrap_err(), MseError::NoSync);
    let mut near = Initiator::new(entropy(1), TORRENT, Methods::BOTH, b"");
    assert_eq!(near.handle(&[3; KEY_LENGTH + 520]).unwrap_err(), MseError::NoSync);
    let mut near = Initiator::new(entropy(1), Sha1Digest([8; 20]), Methods::BOTH, b"");
    let mut far = Responder::new(entropy(2), Methods::BOTH);
    far.handle(&near.take_output(), &ours).unwrap();
    near.handle(&far.take_output()).unwrap();
    let unknown = far.handle(&near.take_output(), &ours).unwrap_err();
    assert_eq!(unknown, MseError::UnknownTorrent);
}

#[test]
fn degenerate_keys_are_refused() {
    let prime = vectors::bytes(
        "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74\
         020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437\
         4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
    );
    let check = |last: u8, prefix: &[u8], refused: bool| {
        let mut key = [0; KEY_LENGTH];
        key.copy_from_slice(prefix);
        key[KEY_LENGTH - 1] = last;
        let secret = PrivateKey::new(&entropy(1)).secret(&key);
        assert_eq!(secret == Err(MseError::Key), refused, "{last} behind {:?}", &prefix[..4]);
    };
    check(0, &[0; KEY_LENGTH], true);
    check(1, &[0; KEY_LENGTH], true);
    check(2, &[0; KEY_LENGTH], false);
    check(0x61, &prime, false);
    check(0x62, &prime, true);
    check(0x63, &prime, true);
    check(0xff, &[255; KEY_LENGTH], true);
}

/// The first of our keys that makes a short secret with `theirs`.
fn short_with(theirs: &[u8; KEY_LENGTH]) -> Entropy {
    (0..=u8::MAX)
        .flat_map(|a| (0..=u8::MAX).map(move |b| [a, b]))
        .map(|[a, b]| Entropy(std::array::from_fn(|n| if n % 2 == 0 { a } else { b })))
        .find(|entropy| is_short(&PrivateKey::new(entropy).secret(theirs).unwrap()))
        .unwrap()
}

#[test]
fn who_answers_avoids_a_short_secret() {
    let theirs = PrivateKey::new(&entropy(1));
    let ours = short_with(&theirs.public());
    let mut far = Responder::new(ours, Methods::RC4);
    far.handle(&theirs.public(), &|_| None).unwrap();
    let answer = far.take_output();
    let told = answer.first_chunk().unwrap();
    assert_ne!(*told, PrivateKey::new(&ours).public());
    assert!(!is_short(&theirs.secret(told).unwrap()));
}

#[test]
fn who_asks_gives_a_short_secret_up() {
    let theirs = PrivateKey::new(&entropy(1)).public();
    let mut near = Initiator::new(short_with(&theirs), TORRENT, Methods::RC4, b"");
    near.take_output();
    assert_eq!(near.handle(&theirs).unwrap_err(), MseError::ShortSecret);
    assert!(near.take_output().is_empty());
}
