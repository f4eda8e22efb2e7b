use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn reply(code: u16, text: &str) -> Reply {
    Reply { code, text: text.to_owned() }
}

/// Feeds replies, and collects what is sent and done until then.
fn converse(dialogue: &mut Dialogue, replies: &[(u16, &str)]) -> Result<Vec<String>, Fault> {
    let mut said = Vec::new();
    for (code, text) in replies {
        let mut step = dialogue.handle_reply(&reply(*code, text))?;
        if let Step::Connect(port) = step {
            said.push(format!("connect {port}"));
            step = dialogue.handle_connected();
        }
        said.push(match step {
            Step::Send(line) => line.strip_suffix("\r\n").unwrap().to_owned(),
            Step::Wait => "wait".to_owned(),
            Step::Transfer => "transfer".to_owned(),
            Step::Done => "done".to_owned(),
            Step::Connect(_) => unreachable!(),
        });
    }
    Ok(said)
}

const LOGIN: [(u16, &str); 4] = [(220, "hi"), (331, "name?"), (230, "in"), (200, "binary")];

#[test]
fn a_file_is_fetched_from_where_it_is_asked() {
    let mut it = Dialogue::new(&url("ftp://a/x%20y/z"), 100, Some(500)).unwrap();
    let said = converse(&mut it, &LOGIN).unwrap();
    assert_eq!(said, ["USER anonymous", "PASS fluvial@", "TYPE I", "SIZE x y/z"]);
    let rest =
        [(213, "500"), (229, "Extended (|||4660|)"), (350, "ok"), (150, "here"), (226, "sent")];
    let said = converse(&mut it, &rest).unwrap();
    assert_eq!(said, ["EPSV", "connect 4660", "REST 100", "RETR x y/z", "transfer", "done"]);
    assert!(it.is_idle());
    // Again, from the start; its size is known.
    let again = it.again(&url("ftp://a/x%20y/z"), 0, Some(500)).unwrap();
    assert_eq!(again, Step::Send("EPSV\r\n".to_owned()));
    let rest = [(229, "(|||1|)"), (150, ""), (426, "you left")];
    assert_eq!(converse(&mut it, &rest).unwrap(), ["connect 1", "RETR x y/z", "transfer", "done"]);
}

#[test]
fn old_servers_are_understood_and_not_believed() {
    let mut it = Dialogue::new(&url("ftp://me:p%40ss@a/f"), 0, None).unwrap();
    let said = converse(&mut it, &LOGIN).unwrap();
    assert_eq!(said, ["USER me", "PASS p@ss", "TYPE I", "EPSV"]);
    // The address in it is somebody else's: only the port is taken.
    let rest = [(500, "what?"), (227, "Entering (10,0,0,1,18,52).")];
    assert_eq!(converse(&mut it, &rest).unwrap(), ["PASV", "connect 4660", "RETR f"]);
}

#[test]
fn what_a_server_refuses_is_named() {
    let check = |replies: &[(u16, &str)], expected: Fault| {
        let mut it = Dialogue::new(&url("ftp://a/f"), 5, Some(9)).unwrap();
        assert_eq!(converse(&mut it, replies), Err(expected), "{replies:?}");
    };
    let after_login = |more: &[(u16, &'static str)]| [&LOGIN[..], more].concat();
    check(&[(421, "too many")], Fault::Busy(None));
    check(&[(530, "too many")], Fault::Busy(None));
    check(&[(220, ""), (530, "no anonymous")], Fault::FtpRefused("530 no anonymous".into()));
    check(&after_login(&[(550, "no file")]), Fault::FtpRefused("550 no file".into()));
    check(&after_login(&[(213, "8")]), Fault::WrongSize { is: 8, should: 9 });
    check(&after_login(&[(500, ""), (229, "nonsense")]), Fault::Ftp("229 nonsense".into()));
    check(&after_login(&[(500, ""), (229, "(|||0|)")]), Fault::Ftp("229 (|||0|)".into()));
    check(&after_login(&[(500, ""), (229, "(|||1|)"), (502, "no")]), Fault::NoRanges);
    check(&vec![(120, "wait"); 65], Fault::Ftp("no end of replies".into()));
    for bad in ["ftp://a/x%0d%0aDELE%20y", "ftp://a/%ff", "ftp://u%0a:p@a/f"] {
        assert!(Dialogue::new(&url(bad), 0, None).is_err(), "{bad}");
    }
}

#[test]
fn replies_come_in_pieces_and_of_many_lines() {
    let text = b"220-hello\r\n 220 not yet\r\n221 nor this\r\n220 now\r\n331 next\r\n";
    for cut in 0..text.len() {
        let mut it = Replies::default();
        it.handle_received(&text[..cut]).unwrap();
        let mut got: Vec<Reply> = std::iter::from_fn(|| it.poll().unwrap()).collect();
        it.handle_received(&text[cut..]).unwrap();
        got.extend(std::iter::from_fn(|| it.poll().unwrap()));
        assert_eq!(got, [reply(220, "now"), reply(331, "next")], "cut at {cut}");
    }
    for bad in ["HTTP/1.1 400 Bad\r\n", "22\r\n", "999 x\r\n", "220x\r\n", "\r\n"] {
        let mut it = Replies::default();
        it.handle_received(bad.as_bytes()).unwrap();
        assert!(it.poll().is_err(), "{bad}");
    }
    let mut endless = Replies::default();
    endless.handle_received(b"220-x\r\n").unwrap();
    assert!(endless.handle_received(&vec![b'x'; REPLY_MAX]).is_err());
}
