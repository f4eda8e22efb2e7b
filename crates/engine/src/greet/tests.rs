use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const HASH: Sha1Digest = Sha1Digest([3; 20]);

fn greeter(encryption: Encryption) -> Greeter {
    let mut keys = Keys::default();
    let hashes = InfoHashes { v1: Some(HASH), v2: None };
    keys.insert(TorrentId(0), &hashes);
    // Nobody changes them any more.
    let (_, keys) = watch::channel(Arc::new(keys));
    Greeter { encryption, keys }
}

async fn pair() -> (TcpStream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, Stream::Tcp(listener.accept().await.unwrap().0))
}

/// What is left of what somebody says who then hangs up; `None` when it is not let in.
async fn check(encryption: Encryption, said: &[u8], let_in: bool) {
    let (mut near, far) = pair().await;
    near.write_all(said).await.unwrap();
    near.shutdown().await.unwrap();
    let answered = greeter(encryption).answer(far).await;
    assert_eq!(answered.is_ok(), let_in, "{encryption:?}: {}", said.escape_ascii());
    if let Ok(mut conduit) = answered {
        let mut heard = Vec::new();
        let mut out = vec![0; 5_000];
        while heard.len() < said.len() {
            conduit.ready(true, false).await.unwrap();
            let n = conduit.try_read_vectored(&mut [IoSliceMut::new(&mut out)]).unwrap();
            heard.extend_from_slice(&out[..n]);
        }
        assert_eq!(heard, said, "nothing is lost");
    }
}

#[tokio::test]
async fn strangers_are_told_apart() {
    let plain = [&PROTOCOL[..], b"and more"].concat();
    check(Encryption::Off, &plain, true).await;
    check(Encryption::Prefer, &plain, true).await;
    check(Encryption::Require, &plain, false).await;
    // What these are is for the peer's core to say.
    for stranger in [&b"\x13BitTorrent"[..], b"GET / HTTP/1.1\r\n\r\n", &[7; 2_000], &[0; 96], b""]
    {
        check(Encryption::Prefer, stranger, true).await;
        check(Encryption::Require, stranger, true).await;
    }
}

#[tokio::test]
async fn both_sides_go_on_where_the_greeting_ended() {
    for encryption in [Encryption::Prefer, Encryption::Require] {
        let (near, far) = pair().await;
        let hello = Hello { hash: HASH, words: [9; 68] };
        let asker = greeter(encryption);
        let near = tokio::spawn(async move { asker.ask(Stream::Tcp(near), &hello).await.unwrap() });
        let mut far = greeter(encryption).answer(far).await.unwrap();
        let mut near = near.await.unwrap();
        // What was said counts as written, once.
        let words = [&[9; 68][..], b"on we go"].concat();
        let n = near.try_write_vectored(&[IoSlice::new(&words)]).unwrap();
        assert_eq!(n, 68);
        assert_eq!(near.try_write_vectored(&[IoSlice::new(&words[n..])]).unwrap(), 8);
        let mut heard = Vec::new();
        while heard.len() < words.len() {
            far.ready(true, false).await.unwrap();
            let mut out = [0; 50];
            if let Ok(n) = far.try_read_vectored(&mut [IoSliceMut::new(&mut out)]) {
                heard.extend_from_slice(&out[..n]);
            }
        }
        assert_eq!(heard, words);
        assert_eq!(far.try_write_vectored(&[IoSlice::new(b"yes")]).unwrap(), 3);
        assert!(!far.has_pending());
    }
}

#[tokio::test]
async fn plain_words_are_said_once() {
    let (mut remote, stream) = pair().await;
    let hello = Hello { hash: HASH, words: [9; 68] };
    remote.write_all(b"heard").await.unwrap();
    let asker = greeter(Encryption::Prefer);
    let mut conduit = asker.ask_plainly(stream, &hello).await.unwrap();
    let mut words = [0; 68];
    remote.read_exact(&mut words).await.unwrap();
    assert_eq!(words, hello.words);
    assert_eq!(conduit.try_write_vectored(&[IoSlice::new(&words)]).unwrap(), 68);
    let mut out = [0; 50];
    let n = conduit.try_read_vectored(&mut [IoSliceMut::new(&mut out)]).unwrap();
    assert_eq!(&out[..n], b"heard");
}
