use std::sync::Arc;

use crypto_bigint::modular::ConstMontyForm;
use crypto_bigint::{U768, const_monty_params};
use hash::Sha1Digest;
use metainfo::InfoHashes;
use stdx::TorrentId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::greet::{Encryption, Keys};

const HASH: Sha1Digest = Sha1Digest([3; 20]);
const HELLO: Hello = Hello { hash: HASH, words: [9; 68] };
const KEY_LENGTH: usize = 96;

const_monty_params!(
    Prime,
    U768,
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74\
     020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437\
     4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563"
);

type Element = ConstMontyForm<Prime, { U768::LIMBS }>;

fn greeter() -> Greeter {
    let mut keys = Keys::default();
    keys.insert(TorrentId(0), &InfoHashes { v1: Some(HASH), v2: None });
    // Nobody changes them any more.
    let (_, keys) = watch::channel(Arc::new(keys));
    Greeter { encryption: Encryption::Require, keys }
}

/// Answers one handshake with a key that makes the secret begin with zeros.
async fn answer_badly(mut stream: TcpStream) {
    let mut theirs = [0; KEY_LENGTH];
    stream.read_exact(&mut theirs).await.unwrap();
    let theirs = Element::new(&U768::from_be_slice(&theirs));
    let (mut ours, mut secret) = (Element::ONE, Element::ONE);
    while ours == Element::ONE || secret.retrieve().bits() > U768::BITS - 8 {
        ours = ours.double();
        secret = secret.mul(&theirs);
    }
    stream.write_all(ours.retrieve().to_be_bytes().as_ref()).await.unwrap();
    // Until the other side hangs up.
    assert!(stream.read_to_end(&mut Vec::new()).await.is_ok_and(|n| n <= 512), "only padding");
}

/// How many connections it takes to say hello to a peer whose first keys are bad, and whether that
/// works at all.
async fn check(bad: usize, connections: usize, heard: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let egress = Egress::default();
    let dialer = Dialer { transport: Transport::Tcp, utp: Vec::new(), greeter: greeter(), egress };
    let answers = tokio::spawn(async move {
        for n in 0..connections {
            let stream = listener.accept().await.unwrap().0;
            if n < bad {
                answer_badly(stream).await;
            } else {
                greeter().answer(Stream::Tcp(stream)).await.unwrap();
            }
        }
        listener
    });
    assert_eq!(dialer.connect(to, Some(HELLO)).await.is_ok(), heard, "{bad} bad keys");
    let listener = answers.await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(more.is_err(), "{bad} bad keys took more than {connections} connections");
}

#[tokio::test]
async fn bad_luck_with_keys_is_tried_again_and_not_for_ever() {
    check(0, 1, true).await;
    check(2, 3, true).await;
    check(9, 3, false).await;
}
