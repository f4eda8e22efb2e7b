use super::*;

fn url(text: &str) -> TrackerUrl {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn urls_are_taken_apart() {
    let check = |text: &str, scheme, host: &str, port, path: &str| {
        let url = url(text);
        let found = match url.host() {
            Host::Name(name) => name.clone(),
            Host::Ip(ip) => format!("ip {ip}"),
        };
        assert_eq!((url.scheme(), found.as_str()), (scheme, host), "{text}");
        assert_eq!((url.port(), url.path_and_query()), (port, path), "{text}");
    };
    check("http://T.example/announce", Scheme::Http, "t.example", 80, "/announce");
    check(" HTTPS://t.example/a?b=c#d\n", Scheme::Https, "t.example", 443, "/a?b=c");
    check("udp://t.example:6969", Scheme::Udp, "t.example", 6969, "");
    check("udp://[2001:db8::1]:6969/x", Scheme::Udp, "ip 2001:db8::1", 6969, "/x");
    check("http://[::1]/announce", Scheme::Http, "ip ::1", 80, "/announce");
    check("http://127.0.0.1:8000?x=/y", Scheme::Http, "ip 127.0.0.1", 8000, "?x=/y");
    check("http://t.example:/announce", Scheme::Http, "t.example", 80, "/announce");
}

#[test]
fn bad_urls_are_refused() {
    let long = format!("http://t/{}", "a".repeat(MAX_URL));
    let texts = [
        "",
        "t.example/announce",
        "ftp://t/x",
        "wss://t/x",
        "http://",
        "http:///announce",
        "udp://t.example/announce",
        "http://t:0/",
        "http://t:65536/",
        "http://t:+80/",
        "http://t:x/",
        "http://[::1/",
        "http://::1/",
        "http://a b/",
        "http://t/\r\nHost: x",
        "http://user@t/",
        "http://good.example\\@evil/",
        "http://é.example/",
        &long,
    ];
    for text in texts {
        assert!(text.parse::<TrackerUrl>().is_err(), "{text}");
    }
}

#[test]
fn scopes_of_addresses() {
    let check = |scope, ips: &[&str]| {
        for ip in ips {
            assert_eq!(Scope::of(ip.parse().unwrap()), scope, "{ip}");
        }
    };
    let global = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2606:4700::1111"];
    check(Scope::Global, &global);
    let local = [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::10.0.0.1",
        "fe80::1",
        "fec0::1",
        "fd00::1",
        "fc00::1",
        "64:ff9b::a00:1",
        "2002:7f00:1::1",
    ];
    check(Scope::Local, &local);
    check(Scope::Unusable, &["224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1"]);
}

#[test]
fn content_reaches_local_services_by_announce_only() {
    let check = |text: &str, ip: &str, allowed| {
        assert_eq!(content_may_contact(&url(text), ip.parse().unwrap()), allowed, "{text} at {ip}");
    };
    check("http://t/anything?x=y", "1.1.1.1", true);
    check("http://t/announce", "127.0.0.1", true);
    check("http://t/announce.php?passkey=1", "192.168.0.1", true);
    check("udp://t:1/announce", "::1", true);
    check("udp://t:1", "127.0.0.1", false);
    check("http://t/admin?x=/announce", "127.0.0.1", false);
    check("http://t/x/announce", "10.0.0.1", false);
    check("http://t/announce/../admin", "10.0.0.1", false);
    check("http://t/announce/%2E%2e/admin", "10.0.0.1", false);
    check("http://t/announce/..%2fadmin", "10.0.0.1", false);
    check("http://t?/announce", "169.254.169.254", false);
    check("http://t/announce", "224.0.0.1", false);
}

#[test]
fn redirects_never_lead_inward() {
    let check = |from: &str, text: &str, to: &str, allowed| {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        assert_eq!(may_redirect(from, &url(text), to), allowed, "{from} -> {text} at {to}");
    };
    check("1.1.1.1", "http://t/x", "8.8.8.8", true);
    check("1.1.1.1", "http://t/announce", "127.0.0.1", false);
    check("10.0.0.1", "http://t/announce", "10.0.0.2", true);
    check("10.0.0.1", "http://t/admin", "10.0.0.2", false);
    check("10.0.0.1", "http://t/x", "1.1.1.1", true);
    check("1.1.1.1", "udp://t:1/x", "8.8.8.8", false);
}
