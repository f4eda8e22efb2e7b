//! `lab link` as a relay of UDP.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use serde_json::Value;

use crate::support::{PATIENCE, Place, Running};

const PACKETS: u64 = 50;

/// A machine that answers every packet with the same.
fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let _gone = socket.send_to(&bytes[..length], from);
        }
    });
    address
}

fn start(place: &Place, flags: &[&str]) -> (Running, SocketAddr) {
    let to = echo().to_string();
    let args = ["lab", "link", "--listen", "127.0.0.1:0", "--to", &to];
    let mut link = place.start(&[&args, flags].concat());
    let ready = link.wait_for("ready");
    (link, ready["ends"][0].as_str().expect("an address").parse().unwrap())
}

fn end(mut link: Running) -> Value {
    link.interrupt();
    let result = link.wait_for("result");
    assert_eq!(link.exit_code(), Some(0));
    result
}

#[test]
fn every_sender_has_its_own_answers_back_after_the_delay() {
    let place = Place::new();
    let (link, at) = start(&place, &["--delay", "5ms"]);
    let senders = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    for number in 0..PACKETS {
        for (who, sender) in senders.iter().enumerate() {
            sender.set_read_timeout(Some(PATIENCE)).unwrap();
            let sent = [who as u8, number as u8];
            sender.send_to(&sent, at).unwrap();
            let mut answer = [0; 64];
            let length = sender.recv(&mut answer).expect("an answer");
            assert_eq!(answer[..length], sent);
        }
    }
    let result = end(link);
    for way in ["there", "back"] {
        let way = &result[way];
        assert_eq!((&way["sent"], &way["delivered"]), (&100.into(), &100.into()), "{result}");
        assert_eq!(way["bytes"], 100 * (2 + 28), "with the headers of UDP");
        assert!(way["median_seconds"].as_f64().is_some_and(|it| it >= 0.005), "{result}");
    }
}

#[test]
fn what_is_lost_never_comes() {
    let place = Place::new();
    let (link, at) = start(&place, &["--loss", "1"]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..PACKETS {
        sender.send_to(b"gone", at).unwrap();
    }
    // A packet of nobody's comes through to nobody, but the link has seen all by then.
    thread::sleep(std::time::Duration::from_millis(200));
    let result = end(link);
    assert_eq!(result["there"]["delivered"], 0, "{result}");
    assert_eq!(result["there"]["lost"], result["there"]["sent"], "{result}");
    assert_eq!(result["back"]["sent"], 0, "{result}");
    assert_eq!(result["there"]["median_seconds"], Value::Null, "{result}");
}

#[test]
fn links_that_cannot_be_are_refused() {
    let place = Place::new();
    for (flags, says) in [
        (&["--listen", "127.0.0.1:0"][..], "--to"),
        (&[], "--listen"),
        (&["--tun", "one"], "--tun takes two names"),
        (&["--tun", "a,b", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"], "cannot be used"),
        (&["--tun", "a,b", "--loss", "1.1"], "a share from 0 to 1"),
        (&["--tun", "a,b", "--rung", "ladder"], "is none of cable, dsl"),
        (&["--tun", "a,b", "--delay", "2m"], "60s at most"),
        (&["--tun", "a,b", "--burst", "3"], "--loss"),
    ] {
        let output = place.run(&[&["lab", "link"], flags].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(says), "{flags:?}: {said}");
    }
}
