use std::net::SocketAddr;

use proxy::{Command, Dialogue, HEADER_MAX, ProxyUrl, Step, Target, unwrap, wrap};

/// More than is ever read at once: a name, its port, and what is before them.
const READ_MAX: usize = 260;

/// A proxy that says anything: it is never asked for much, and comes to an end with what it said.
pub fn fuzz_proxy(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else {
        return;
    };
    if let Ok(url) = std::str::from_utf8(rest).unwrap_or_default().parse::<ProxyUrl>() {
        let again: ProxyUrl = url.to_string().parse().expect("it reads what it shows");
        assert_eq!((again.host(), again.port()), (url.host(), url.port()));
    }
    if let Some((from, payload)) = unwrap(rest) {
        let wrapped = wrap(from, payload);
        assert!(wrapped.len() <= payload.len() + HEADER_MAX);
        assert_eq!(unwrap(&wrapped), Some((from, payload)));
    }
    let url = ["socks5://h", "socks5://u:p@h", "http://h", "http://u:p@h"][usize::from(choice % 4)];
    let target = match choice & 4 {
        0 => Target::Name("a.example".to_owned(), choice.into()),
        _ => Target::Address(SocketAddr::from(([192, 0, 2, choice], 1))),
    };
    let command = if choice & 8 == 0 { Command::Connect } else { Command::Associate };
    let url: ProxyUrl = url.parse().expect("a URL");
    if let Ok(dialogue) = Dialogue::new(&url, command, &target) {
        talk(dialogue, rest);
    }
}

fn talk(mut dialogue: Dialogue, mut said: &[u8]) {
    let mut sent = 0;
    loop {
        match dialogue.step() {
            Step::Send(bytes) => {
                sent += 1;
                assert!(sent <= 3 && bytes.len() < 1_024, "little is said");
            }
            Step::Read(length) => {
                assert!((1..=READ_MAX).contains(&length));
                let Some((bytes, rest)) = said.split_at_checked(length) else {
                    return;
                };
                said = rest;
                if dialogue.handle(bytes).is_err() {
                    return;
                }
            }
            Step::Done(_) => return assert!(sent >= 1, "it was asked"),
        }
    }
}
