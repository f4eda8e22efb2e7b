use super::*;

#[test]
fn proxies_are_named_by_url_and_shown_without_the_password() {
    for (text, shown, user) in [
        ("socks5://proxy.example:9050", "socks5://proxy.example:9050", None),
        ("SOCKS5h://192.0.2.7", "socks5://192.0.2.7:1080", None),
        ("http://[2001:db8::1]:3128/", "http://[2001:db8::1]:3128", None),
        ("http://[2001:db8::1]", "http://[2001:db8::1]:8080", None),
        ("socks5://u:p%40:ss@h:1", "socks5://h:1", Some((&b"u"[..], &b"p@:ss"[..]))),
        ("socks5://only%2Fname@h:1", "socks5://h:1", Some((b"only/name", b""))),
    ] {
        let url: ProxyUrl = text.parse().unwrap();
        assert_eq!((url.to_string().as_str(), url.user()), (shown, user), "{text}");
        assert!(!format!("{url:?}").contains("p@"), "{text}");
    }
}

#[test]
fn what_names_no_proxy_is_refused() {
    let long = format!("socks5://{}:1", "h".repeat(256));
    for text in [
        "",
        "proxy.example:1080",
        "https://proxy.example",
        "socks4://proxy.example",
        "socks5://",
        "socks5://:1080",
        "socks5://h:0",
        "socks5://h:70000",
        "socks5://h:1:2",
        "socks5://h\r\nx:1",
        "socks5://[::1",
        "socks5://[::1]x",
        "socks5://:p@h:1",
        "http://h:1/path",
        &long,
        &"x".repeat(2_000),
    ] {
        assert!(text.parse::<ProxyUrl>().is_err(), "{text}");
    }
}
