use std::net::Ipv4Addr;

use announce::{Server, StoreConfig, UdpRequest};
use stdx::Instant;

use super::*;
use crate::drops::Drops;
use crate::limits::Gate;
use crate::listen;

const PATIENCE: Duration = Duration::from_secs(10);

fn start() -> (Worker, Arc<Shared>, SocketAddr) {
    let server = Server::new(StoreConfig::default(), b"0123456789abcdef", Instant::ZERO);
    let shared = Arc::new(Shared::new(server, 1 << 20, Gate::new(1)));
    let socket = listen::udp((Ipv4Addr::LOCALHOST, 0).into(), None).unwrap();
    let address = socket.local_addr().unwrap();
    shared.drops.set(Drops::of([&socket].into_iter())).unwrap();
    (Worker::spawn(socket, Arc::clone(&shared)).unwrap(), shared, address)
}

/// While nobody reads, what the socket's buffer does not hold is lost, and Linux counts it.
#[cfg(target_os = "linux")]
#[test]
fn dropped_datagrams_are_counted() {
    let (_worker, shared, address) = start();
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    {
        // The worker gets no further than its first batch.
        let _held = shared.server();
        for _ in 0..20_000 {
            client.send(&[0; 1_000]).unwrap();
        }
    }
    assert!(shared.stats().udp_dropped > 0, "20 MB fit the buffer");
    let mut connect = Vec::new();
    UdpRequest::Connect { transaction: 1 }.write(&mut connect);
    loop {
        // It may be lost like the others, as long as the buffer is full.
        client.send(&connect).unwrap();
        if client.recv(&mut [0; 64]).is_ok_and(|length| length == 16) {
            break;
        }
    }
    let stats = shared.stats();
    assert!(stats.requests.udp_malformed + stats.udp_dropped >= 20_000, "{stats:?}");
}

#[test]
fn a_worker_ends_when_it_is_dropped() {
    let (worker, shared, address) = start();
    drop(worker);
    assert_eq!(Arc::strong_count(&shared), 1);
    // The place is free again.
    UdpSocket::bind(address).unwrap();
}

#[test]
fn what_cannot_be_sent_does_not_keep_back_the_rest() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = client.local_addr().unwrap();
    // Nothing can be sent to port 0.
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let answers: Vec<Answer> = [nowhere, to, nowhere, nowhere, to, nowhere]
        .into_iter()
        .enumerate()
        .map(|(n, to)| Answer { bytes: n..n + 1, to, from: None })
        .collect();
    assert_eq!(Port::new(&socket).unwrap().send(&answers, b"012345"), 4);
    let mut received = [0; 2];
    for byte in &mut received {
        client.recv(std::slice::from_mut(byte)).unwrap();
    }
    assert_eq!(&received, b"14");
}
