use super::*;
use crate::{HttpAction, Passkeys, Route};

const ONES: &str = "0101010101010101010101010101010101010101";

fn ones() -> Sha1Digest {
    Sha1Digest([1; 20])
}

#[test]
fn lists_are_read_line_by_line() {
    let check = |text: &str, count: usize| {
        let list = AccessList::parse(text).unwrap();
        assert_eq!((list.len(), list.is_empty()), (count, count == 0), "{text:?}");
        assert_eq!(list.contains(&ones()), count > 0, "{text:?}");
    };
    check("", 0);
    check("\n# nothing\n  \r\n", 0);
    check(ONES, 1);
    check(&format!("\u{feff}{ONES}\r\n\t{ONES} # twice\r\n"), 1);
    check(&format!("{ONES}{}", "ff".repeat(12)), 1);
    check(&format!("{ONES}\n{}", "aB".repeat(20)), 2);
}

#[test]
fn faulty_lines_are_named() {
    let check = |text: &str, expected: &str| {
        assert_eq!(AccessList::parse(text).unwrap_err().to_string(), expected);
    };
    let said = "expected an info-hash of 40 or 64 hexadecimal digits, found";
    check("\n01", &format!("line 2: {said} \"01\""));
    check(
        &format!("{ONES}\n#\n{ONES} {ONES}"),
        &format!("line 3: {said} \"{ONES} {}\"", &ONES[..29]),
    );
    check("\u{1b}[2J", &format!("line 1: {said} \" [2J\""));
    let long = "é".repeat(60);
    assert!(AccessList::parse(&long).is_err());
}

#[test]
fn deny_beats_allow() {
    let list = || Some(AccessList::parse(ONES).unwrap());
    let check = |access: Access, hash: u8, expected: Result<(), RetryIn>| {
        let said = access.check(&Sha1Digest([hash; 20]));
        assert_eq!(said.map_err(|failure| failure.retry.unwrap()), expected);
    };
    check(Access::default(), 1, Ok(()));
    check(Access::new(list(), None), 1, Ok(()));
    check(Access::new(list(), None), 2, Err(UNLISTED_RETRY));
    check(Access::new(None, list()), 1, Err(RetryIn::Never));
    check(Access::new(None, list()), 2, Ok(()));
    check(Access::new(list(), list()), 1, Err(RetryIn::Never));
    check(Access::new(list(), list()), 2, Err(UNLISTED_RETRY));
}

#[test]
fn routes_name_a_resource_and_perhaps_a_passkey() {
    use HttpAction::{Announce, Scrape};
    let check = |path: &str, expected: Option<(HttpAction, Option<&str>)>| {
        let route = Route::parse(path).map(|route| (route.action, route.passkey));
        assert_eq!(route, expected, "{path}");
    };
    check("/announce", Some((Announce, None)));
    check("/scrape?info_hash=/x/", Some((Scrape, None)));
    check("/k3y/announce", Some((Announce, Some("k3y"))));
    check("/k3y/scrape?x", Some((Scrape, Some("k3y"))));
    check("/announce/k-3._~Y", Some((Announce, Some("k-3._~Y"))));
    check("/announce/scrape", Some((Announce, Some("scrape"))));
    for path in
        ["", "/", "announce", "/announce/", "//announce", "/a/b", "/a/b/announce", "/%41/announce"]
    {
        check(path, None);
    }
    check(&format!("/{}/announce", "k".repeat(128)), Some((Announce, Some(&"k".repeat(128)))));
    check(&format!("/{}/announce", "k".repeat(129)), None);
}

#[test]
fn passkeys_let_in_who_names_one() {
    let passkeys = Passkeys::parse("alpha # Ann\n\nbeta\n").unwrap();
    let check = |path: &str, expected: Result<(), RetryIn>| {
        let said = passkeys.check(Route::parse(path));
        assert_eq!(said.map_err(|failure| failure.retry.unwrap()), expected, "{path}");
    };
    check("/alpha/announce", Ok(()));
    check("/announce/beta", Ok(()));
    check("/gamma/announce", Err(UNLISTED_RETRY));
    check("/Alpha/announce", Err(UNLISTED_RETRY));
    check("/announce", Err(RetryIn::Never));
    check("/announce?passkey=alpha", Err(RetryIn::Never));
    check("", Err(RetryIn::Never));
    assert_eq!((passkeys.len(), passkeys.is_empty()), (2, false));
    let error = Passkeys::parse("alpha\nsecret word\n").unwrap_err().to_string();
    assert!(error.starts_with("line 2: ") && !error.contains("secret"), "{error}");
}
