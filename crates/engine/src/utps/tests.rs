use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::datagrams::Others;
use crate::egress::Egress;

fn utp(seed: u64) -> (Utp, SocketAddr, Receiver<(UtpStream, SocketAddr)>) {
    let port = UdpPort::bind(&Egress::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = port.local_addr().unwrap();
    let utp = Utp::new(Arc::new(port), Clock::start(), 100, Rng::new(seed));
    let (send, receive) = channel(10);
    tokio::spawn(serve(utp.clone(), send, Others::default()));
    (utp, address, receive)
}

async fn write(stream: &UtpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        stream.ready(false, true).await;
        match stream.try_write_vectored(&[IoSlice::new(bytes)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

async fn read(stream: &UtpStream, most: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 200_000];
    while all.len() < most {
        stream.ready(true, false).await;
        match stream.try_read_vectored(&mut [IoSliceMut::new(&mut buffer)]) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
    }
    all
}

#[tokio::test]
async fn bytes_travel_both_ways_and_end() {
    let (near, near_address, _) = utp(1);
    let (_far, address, mut incoming) = utp(2);
    let stream = near.connect(address).await.unwrap();
    let there: Vec<u8> = (0..4_000_000u32).map(|n| (n / 3) as u8).collect();
    let back: Vec<u8> = there.iter().map(|byte| !byte).collect();
    let (sent, expected) = (there.clone(), back.clone());
    let first = tokio::spawn(async move {
        write(&stream, &sent).await;
        assert_eq!(read(&stream, expected.len()).await, expected);
    });
    let (stream, remote) = incoming.recv().await.unwrap();
    assert_eq!(remote, near_address);
    assert_eq!(read(&stream, there.len()).await, there);
    write(&stream, &back).await;
    first.await.unwrap();
    assert_eq!(read(&stream, 1).await, [], "the end of the other side");
}

#[tokio::test]
async fn nobody_there_is_said() {
    let (near, ..) = utp(1);
    let (far, address, mut incoming) = utp(2);
    let stream = near.connect(address).await.unwrap();
    let (other, _) = incoming.recv().await.unwrap();
    drop(stream);
    assert_eq!(read(&other, 1).await, []);
    assert!(far.0.lock().streams.len() == 1 && near.0.lock().streams.is_empty());
}

#[tokio::test]
async fn who_goes_while_nothing_can_be_sent_takes_nothing_along() {
    let port = UdpPort::bind(&Egress::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    // Nobody runs it, and whether there is room to send is not known yet.
    let near = Utp::new(Arc::new(port), Clock::start(), 100, Rng::new(1));
    let now = near.0.clock.now();
    let to: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let connect = || near.0.lock().endpoint.connect(now, to).unwrap();
    let (first, _second, _third) = (connect(), connect(), connect());
    drop(UtpStream { shared: Arc::clone(&near.0), handle: first });
    let mut left = 0;
    while near.0.lock().endpoint.poll_transmit(now, &mut Vec::new(), 1).is_some() {
        left += 1;
    }
    assert_eq!(left, 2, "the others still have their first packets to send");
}
