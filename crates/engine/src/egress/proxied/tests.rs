use tokio::net::TcpListener;

use announce::Scope;

use super::*;
use crate::udp::{Inbox, Outgoing, UdpPort};

fn through(url: &str) -> Egress {
    Egress::default().through(url.parse().unwrap(), &[IpAddr::from([192, 0, 2, 53])])
}

#[test]
fn names_have_addresses_that_stand_for_them() {
    let proxied = Proxied::new("socks5://h".parse().unwrap());
    for (name, scope) in [
        ("tracker.example", Scope::Global),
        ("Tracker.Example.", Scope::Global),
        ("other.example", Scope::Global),
        ("localhost", Scope::Local),
        ("intranet", Scope::Local),
        ("printer.local", Scope::Local),
        ("x.home.arpa.", Scope::Local),
        ("127.1", Scope::Local),
        ("0177.0.0.1", Scope::Local),
        ("0x7f.0X1.", Scope::Local),
        ("2130706433", Scope::Local),
        ("1.2.3.0x7g", Scope::Global),
        ("4.example.x1", Scope::Global),
    ] {
        let ip = proxied.stand_in(name);
        assert_eq!(Scope::of(ip), scope, "{name}");
        let plain = name.trim_end_matches('.').to_ascii_lowercase();
        let expected = Target::Name(plain, 7);
        assert_eq!(proxied.target((ip, 7).into()).unwrap(), expected, "{name}");
    }
    assert_eq!(proxied.stand_in("tracker.example"), proxied.stand_in("TRACKER.example."));
    let plain: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
    assert_eq!(proxied.target(plain).unwrap(), Target::Address(plain));
}

#[test]
fn names_are_forgotten_rather_than_kept_for_ever_or_mistaken() {
    let proxied = Proxied::new("socks5://h".parse().unwrap());
    let first = proxied.stand_in("first.example");
    for number in 0..NAMES_MAX {
        proxied.stand_in(&format!("{number}.example"));
    }
    assert!(proxied.target((first, 1).into()).is_err());
    assert_ne!(proxied.stand_in("first.example"), first);
}

/// A proxy that takes a connection, hears what `hears` expects, says it, and tells what came after.
async fn proxy(talk: &'static [(usize, &'static [u8])]) -> (SocketAddr, JoinedText) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        for (length, answer) in talk {
            let mut buffer = vec![0; *length];
            stream.read_exact(&mut buffer).await.unwrap();
            all.extend(buffer);
            stream.write_all(answer).await.unwrap();
        }
        all
    });
    (at, heard)
}

type JoinedText = tokio::task::JoinHandle<Vec<u8>>;

#[tokio::test]
async fn names_go_to_the_proxy_and_what_it_brings_is_whole() {
    const REPLY: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0, b'h', b'i'];
    let (at, heard) = proxy(&[(3, &[5, 0]), (7 + 14, REPLY)]).await;
    let egress = through(&format!("socks5://{at}"));
    let places = egress.places("mirror.example", 80).await.unwrap();
    let mut stream = egress.connect(places[0]).await.unwrap();
    let mut first = [0; 2];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"hi");
    let heard = heard.await.unwrap();
    assert_eq!(heard[3..], [&[5, 1, 0, 3, 14][..], b"mirror.example", &[0, 80]].concat());
}

#[tokio::test]
async fn nothing_gets_round_a_proxy_that_is_not_there() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = there.local_addr().unwrap();
    for url in [format!("socks5://{closed}"), format!("http://{closed}")] {
        let egress = through(&url);
        let error = egress.connect(to).await.unwrap_err();
        assert!(error.to_string().contains(&url), "{error}");
        assert!(egress.lookup("tracker.example", 80).await.is_err());
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        assert!(egress.udp(address).is_err());
        assert!(egress.udp_towards(address).is_err());
    }
    assert!(UdpPort::bind(&through(&format!("http://{closed}")), to).is_err());
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let to = silent.local_addr().unwrap();
    let port = UdpPort::bind(&through(&format!("socks5://{closed}")), to).unwrap();
    port.writable().await.unwrap();
    let outgoing = Outgoing { to, from: None, segment: 1, bytes: b"x", dont_fragment: false };
    port.try_send(&outgoing).unwrap();
    assert!(silent.recv(&mut [0; 9]).is_err(), "it did not go anywhere");
    // Nor is anything heard that did not come through it.
    silent.send_to(b"x", ("127.0.0.1", port.local_addr().unwrap().port())).unwrap();
    let mut inbox = Inbox::new();
    loop {
        port.readable().await.unwrap();
        if port.try_receive(&mut inbox).is_ok() {
            break;
        }
    }
    assert_eq!(inbox.datagrams().count(), 0);
}
