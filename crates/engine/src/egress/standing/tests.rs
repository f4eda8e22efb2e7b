use super::*;

#[test]
fn what_a_proxy_does_and_what_not_tells_how_it_does() {
    let standing = Standing::new();
    let mut seen = standing.subscribe();
    let mut news = |expected: Option<ProxyStanding>| {
        let changed = seen.has_changed().unwrap().then(|| seen.borrow_and_update().clone());
        assert_eq!(changed, expected);
    };
    let down = |text: &str| Some(ProxyStanding::Down(text.to_owned()));
    standing.did(Command::Connect);
    news(None);
    standing.unreachable(&io::Error::other("gone"));
    news(down("gone"));
    standing.unreachable(&io::Error::other("still gone"));
    news(None);
    // It answers, if only to say that somebody else cannot be reached.
    standing.did_not(Command::Connect, ProxyError::Refused(5), "refused");
    news(Some(ProxyStanding::Fine));
    standing.did_not(Command::Associate, ProxyError::Refused(7), "no");
    news(Some(ProxyStanding::NoDatagrams("no".to_owned())));
    standing.did(Command::Connect);
    news(None);
    standing.did_not(Command::Connect, ProxyError::Denied, "who are you");
    news(down("who are you"));
    standing.did(Command::Associate);
    news(Some(ProxyStanding::Fine));
}
