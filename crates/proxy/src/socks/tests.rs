use proptest::prelude::*;

use super::*;
use crate::{Dialogue, ProxyUrl, unwrap, wrap};

/// Says what a proxy says, a step at a time; returns what it was sent and how it ended.
fn talk(
    url: &str,
    command: Command,
    target: &Target,
    mut said: &[u8],
) -> (Vec<u8>, Result<Option<Target>, ProxyError>, usize) {
    let url: ProxyUrl = url.parse().unwrap();
    let mut dialogue = Dialogue::new(&url, command, target).unwrap();
    let mut sent = Vec::new();
    loop {
        match dialogue.step() {
            Step::Send(bytes) => sent.extend(bytes),
            Step::Done(bound) => return (sent, Ok(bound), said.len()),
            Step::Read(length) => {
                let (bytes, rest) = said.split_at_checked(length).expect("it says enough");
                said = rest;
                if let Err(error) = dialogue.handle(bytes) {
                    return (sent, Err(error), said.len());
                }
            }
        }
    }
}

fn name() -> Target {
    Target::Name("a.example".to_owned(), 80)
}

fn address(text: &str) -> Target {
    Target::Address(text.parse().unwrap())
}

const REPLY: &[u8] = &[5, 0, 0, 1, 192, 0, 2, 1, 0x12, 0x34];

#[test]
fn a_connection_is_asked_for_by_name_and_nothing_of_it_is_taken() {
    let said = [&[5, 0][..], REPLY, b"220 hello"].concat();
    let (sent, ended, left) = talk("socks5://h", Command::Connect, &name(), &said);
    assert_eq!(sent, [&[5, 1, 0, 5, 1, 0, 3, 9][..], b"a.example", &[0, 80]].concat());
    assert_eq!((ended, left), (Ok(Some(address("192.0.2.1:4660"))), 9));
}

#[test]
fn a_user_is_named_where_the_proxy_wants_one() {
    let said = [&[5, 2, 1, 0][..], REPLY].concat();
    let to = address("[2001:db8::1]:6881");
    let (sent, ended, _) = talk("socks5://us:pw@h", Command::Connect, &to, &said);
    assert_eq!(sent[..4], [5, 2, 0, 2]);
    assert_eq!(sent[4..11], [1, 2, b'u', b's', 2, b'p', b'w']);
    assert_eq!((sent[11..15].to_vec(), sent.len()), (vec![5, 1, 0, 4], 15 + 16 + 2));
    assert!(ended.is_ok());
}

#[test]
fn datagrams_have_a_place_of_their_own() {
    let said = [&[5, 0, 5, 0, 0, 3, 3][..], b"a.b", &[0, 7]].concat();
    let (sent, ended, _) = talk("socks5://h", Command::Associate, &address("0.0.0.0:0"), &said);
    assert_eq!(sent[3..], [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ended, Ok(Some(Target::Name("a.b".to_owned(), 7))));
}

#[test]
fn what_a_proxy_refuses_is_told() {
    for (url, said, error) in [
        ("socks5://h", &[5, 0xff][..], ProxyError::WantsUser),
        ("socks5://u:p@h", &[5, 0xff], ProxyError::Denied),
        ("socks5://u:p@h", &[5, 2, 1, 1], ProxyError::Denied),
        ("socks5://h", &[5, 2], ProxyError::NoProxy),
        ("socks5://h", &[4, 0], ProxyError::NoProxy),
        ("socks5://h", b"HT", ProxyError::NoProxy),
        ("socks5://h", &[5, 0, 5, 2, 0, 1], ProxyError::Refused(2)),
        ("socks5://h", &[5, 0, 5, 0, 0, 9], ProxyError::NoProxy),
        ("http://h", b"HTTP/1.1 407 Who?\r\nX: y\r\n\r\n", ProxyError::WantsUser),
        ("http://h", b"HTTP/1.0 403 No\r\n\r\n", ProxyError::Status(403)),
        ("http://h", b"HTTP/1.1 xyz\r\n\r\n", ProxyError::NoProxy),
        ("http://h", b"220 ftp", ProxyError::NoProxy),
    ] {
        let (_, ended, _) = talk(url, Command::Connect, &name(), said);
        assert_eq!(ended, Err(error), "{url} {said:?}");
    }
    let long = [&b"HTTP/1.1 200 "[..], &[b'x'; 9_000]].concat();
    assert_eq!(talk("http://h", Command::Connect, &name(), &long).1, Err(ProxyError::NoProxy));
    let url = "http://h".parse().unwrap();
    assert!(Dialogue::new(&url, Command::Associate, &name()).is_err());
    let long = Target::Name("x".repeat(256), 1);
    assert!(Dialogue::new(&"socks5://h".parse().unwrap(), Command::Connect, &long).is_err());
}

#[test]
fn http_connects_and_leaves_what_follows() {
    let said = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfirst words";
    let (sent, ended, left) = talk("http://u:p@h", Command::Connect, &name(), said);
    let expected = "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\
                    Proxy-Authorization: Basic dTpw\r\n\r\n";
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
    assert_eq!((ended, left), (Ok(None), b"first words".len()));
    let (sent, ..) = talk("http://h", Command::Connect, &address("[::1]:5"), said);
    assert!(sent.starts_with(b"CONNECT [::1]:5 HTTP/1.1\r\n"));
}

#[test]
fn datagrams_that_are_no_whole_ones_are_dropped() {
    for datagram in [
        &[][..],
        &[0, 0, 0],
        &[0, 0, 1, 1, 192, 0, 2, 1, 0, 1, 9],
        &[0, 0, 0, 1, 192, 0, 2, 1, 0],
        &[0, 0, 0, 3, 1, b'x', 0, 1, 9],
        &[0, 0, 0, 4, 1, 2, 3, 4, 5, 6],
        &[1, 0, 0, 1, 192, 0, 2, 1, 0, 1, 9],
    ] {
        assert_eq!(unwrap(datagram), None, "{datagram:?}");
    }
}

proptest! {
    #[test]
    fn datagrams_arrive_as_they_were_sent(
        ip in any::<IpAddr>(),
        port in any::<u16>(),
        payload in proptest::collection::vec(any::<u8>(), 0..99),
    ) {
        let to = SocketAddr::new(ip.to_canonical(), port);
        let wrapped = wrap(SocketAddr::new(ip, port), &payload);
        prop_assert!(wrapped.len() <= payload.len() + crate::HEADER_MAX);
        prop_assert_eq!(unwrap(&wrapped), Some((to, &*payload)));
    }
}
