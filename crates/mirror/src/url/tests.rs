use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn urls_are_taken_apart() {
    let check = |text: &str, host: &str, port: u16, target: &str, authority: &str| {
        let url = url(text);
        assert_eq!((url.host(), url.port()), (host, port), "{text}");
        assert_eq!((&*url.target(), &*url.authority()), (target, authority), "{text}");
    };
    check("http://a.example", "a.example", 80, "/", "a.example");
    check("HTTPS://a.example/x?y#z", "a.example", 443, "/x?y", "a.example");
    check(" ftp://a.example:2121/x/ ", "a.example", 2121, "/x/", "a.example:2121");
    check("http://[::1]:8080/a", "::1", 8080, "/a", "[::1]:8080");
    check("http://u:p@a.example?q", "a.example", 80, "/?q", "a.example");
    check("http://a.example/ü|", "a.example", 80, "/%C3%BC%7C", "a.example");
    check("http://a.example/a%20b", "a.example", 80, "/a%20b", "a.example");
    for bad in [
        "",
        "a.example/x",
        "gopher://a/",
        "http://",
        "http:///x",
        "http://a:0/",
        "http://a:x/",
        "http://a:99999/",
        "http://[::1/",
        "http://[x]/",
        "http://a b/",
        "http://a/\r\nb",
        "http://a<b>/",
    ] {
        assert!(bad.parse::<Url>().is_err(), "{bad}");
    }
    assert!(format!("http://a/{}", "x".repeat(5_000)).parse::<Url>().is_err());
}

#[test]
fn people_see_no_secrets() {
    let secret = url("http://me:pass@a.example/x?token=1");
    assert_eq!(secret.to_string(), "http://a.example/x");
    assert!(!format!("{secret:?}").contains("pass"));
}

#[test]
fn redirects_lead_where_they_say() {
    let base = url("https://u:p@a.example/b/c?d");
    let check = |location: &str, expected: &str, user: Option<&str>| {
        let next = base.redirect(location).unwrap();
        assert_eq!((next.to_string(), next.user()), (expected.to_owned(), user), "{location}");
    };
    check("/x", "https://a.example/x", Some("u:p"));
    check("x", "https://a.example/b/x", Some("u:p"));
    check("https://A.example/x", "https://A.example/x", Some("u:p"));
    // Another server, a plainer way, another port: they get no password.
    check("//b.example/x", "https://b.example/x", None);
    check("http://a.example/x", "http://a.example/x", None);
    check("https://a.example:444/x", "https://a.example:444/x", None);
    check("https://v:q@b.example/x", "https://b.example/x", None);
    assert_eq!(base.redirect("?e").unwrap().target(), "/b/c?e");
    for bad in ["ftp://a.example/", "file:///etc/passwd", "javascript:1", "http://"] {
        assert!(base.redirect(bad).is_err(), "{bad}");
    }
}

#[test]
fn content_leads_to_no_services_nearby() {
    let (global, local): (IpAddr, IpAddr) =
        ("198.18.0.1".parse().unwrap(), "192.168.0.1".parse().unwrap());
    let (plain, query) = (url("http://a/x"), url("http://a/x?y"));
    assert!(plain.may_contact(global) && query.may_contact(global));
    assert!(plain.may_contact(local) && !query.may_contact(local));
    assert!(!plain.may_contact("224.0.0.1".parse().unwrap()));
    assert!(plain.may_follow(local, local, false) && !query.may_follow(local, local, false));
    assert!(query.may_follow(local, local, true), "the user led there");
    for typed in [false, true] {
        assert!(!plain.may_follow(global, local, typed), "never inward");
        assert!(plain.may_follow(local, global, typed) && plain.may_follow(global, global, typed));
    }
}
