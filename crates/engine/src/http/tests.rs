use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// A server that answers whatever is asked with one text, and tells what it was asked.
struct Site {
    address: SocketAddr,
    asked: UnboundedReceiver<String>,
}

impl Site {
    async fn new(listen: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                let mut bytes = [0; 1024];
                while !head.ends_with(b"\r\n\r\n")
                    && head.first().is_none_or(|&first| first == b'G')
                {
                    match stream.read(&mut bytes).await {
                        Ok(n) if n > 0 => head.extend(&bytes[..n]),
                        _ => break,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let answer = answer(&head);
                tell.send(head).unwrap();
                // The client may have gone on its way.
                let _gone = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, asked }
    }

    async fn local(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::new("127.0.0.1:0", answer).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn next(&mut self) -> String {
        self.asked.try_recv().expect("it was asked")
    }
}

fn body(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn bodies_are_read_whole_and_within_the_limit() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let until_close = "HTTP/1.0 200 OK\r\n\r\nhello world";
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello world";
    for (answer, limit, expected) in [
        (body("hello world"), 11, Ok("hello world")),
        (chunked.to_owned(), 11, Ok("hello world")),
        (until_close.to_owned(), 11, Ok("hello world")),
        (body(""), 0, Ok("")),
        (body("hello world"), 10, Err("longer than 10 bytes")),
        (chunked.to_owned(), 10, Err("longer than 10 bytes")),
        (until_close.to_owned(), 10, Err("longer than 10 bytes")),
        (cut.to_owned(), 20, Err("no usable answer")),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(), 9, Err("answered 404")),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(), 9, Err("answered 302")),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), 9, Err("no usable answer")),
        (String::new(), 9, Err("no usable answer")),
    ] {
        let shown = answer.clone();
        let site = Site::local(move |_| answer.clone()).await;
        match (fetch(&Egress::default(), &site.url("/a"), limit).await, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected.as_bytes(), "{shown}"),
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "{shown}: {text}");
                assert!(text.contains("127.0.0.1"), "names the host: {text}");
            }
            (got, expected) => panic!("{shown}: {got:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn requests_say_who_asks_and_for_what() {
    let mut site = Site::local(|_| body("x")).await;
    fetch(&Egress::default(), &site.url("/a/b.torrent?k=v%20w#part"), 10).await.unwrap();
    let head = site.next().to_lowercase();
    assert!(head.starts_with("get /a/b.torrent?k=v%20w http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", site.address)), "{head}");
    assert!(head.contains("user-agent: fluvial/"), "{head}");
}

#[tokio::test]
async fn an_address_of_ipv6_is_reached() {
    let Ok(probe) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    drop(probe);
    let mut site = Site::new("[::1]:0", |_| body("six")).await;
    assert_eq!(fetch(&Egress::default(), &site.url("/"), 10).await.unwrap(), b"six");
    let head = site.next().to_lowercase();
    assert!(head.contains(&format!("host: {}\r\n", site.address)), "{head}");
}

#[tokio::test]
async fn redirects_are_followed_a_few_times() {
    let mut site = Site::local(|head| match head.split(' ').nth(1) {
        Some("/end") => body("there"),
        Some(path) => {
            let left: u32 = path.trim_start_matches('/').parse().unwrap();
            redirect(&if left == 1 { "/end".to_owned() } else { format!("/{}", left - 1) })
        }
        None => String::new(),
    })
    .await;
    assert_eq!(fetch(&Egress::default(), &site.url("/5"), 10).await.unwrap(), b"there");
    let error = fetch(&Egress::default(), &site.url("/6"), 10).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirects(_)), "{error}");
    while site.asked.try_recv().is_ok() {}
}

#[tokio::test]
async fn user_names_go_nowhere() {
    let mut there = Site::local(|_| body("there")).await;
    let to = there.url("/b");
    let mut here = Site::local(move |_| redirect(&to)).await;
    let url = format!("http://user:secret@{}/a", here.address);
    assert_eq!(fetch(&Egress::default(), &url, 10).await.unwrap(), b"there");
    for head in [here.next(), there.next()] {
        let head = head.to_lowercase();
        assert!(!head.contains("secret") && !head.contains("authorization"), "{head}");
    }
}

#[tokio::test]
async fn a_redirect_may_be_forbidden() {
    let there = Site::local(|_| body("there")).await;
    let to = there.url("/b");
    let here = Site::local(move |_| redirect(&to)).await;
    let first_only = |_: &str, _: IpAddr, from: Option<IpAddr>| from.is_none();
    let error =
        get(&Egress::default(), &here.url("/a"), 10, FETCH_TIMEOUT, &first_only).await.unwrap_err();
    assert!(matches!(&error, FetchError::Forbidden(url) if *url == there.url("/b")), "{error}");
    for bad in ["ftp://127.0.0.1/", "file:///etc/passwd", "http://", "mailto:x"] {
        let here = Site::local(move |_| redirect(bad)).await;
        let error = fetch(&Egress::default(), &here.url("/"), 10).await.unwrap_err();
        assert!(matches!(error, FetchError::Url(_)), "{bad}: {error}");
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let any = |_: &str, _: IpAddr, _: Option<IpAddr>| true;
    let error =
        get(&Egress::default(), &url, 10, Duration::from_millis(50), &any).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(&Egress::default(), &format!("http://{address}/"), 10).await.unwrap_err();
    let says = format!("cannot connect to `127.0.0.1` port {}", address.port());
    assert!(error.to_string().contains(&says), "{error}");
    let error = fetch(&Egress::default(), "http://no.such.name.invalid/", 10).await.unwrap_err();
    assert!(error.to_string().contains("`no.such.name.invalid`"), "{error}");
}

#[tokio::test]
async fn https_speaks_tls() {
    let mut site = Site::local(|_| "no TLS here\r\n".to_owned()).await;
    let url = format!("https://{}/", site.address);
    let error = fetch(&Egress::default(), &url, 10).await.unwrap_err();
    assert!(matches!(error, FetchError::Insecure { .. }), "{error}");
    assert!(site.next().starts_with('\u{16}'), "a TLS handshake record");
}

#[test]
fn locations_are_resolved() {
    for (base, next, expected) in [
        ("http://h/a/b?q", "c", "http://h/a/c"),
        ("http://h/a/b?q", "?r", "http://h/a/b?r"),
        ("http://h/a/b?q", "/c?d", "http://h/c?d"),
        ("http://h/a/b?q", "//other/c", "http://other/c"),
        ("https://h:1/a", "//other/c", "https://other/c"),
        ("http://h/a/b?q", "https://other/c#d", "https://other/c"),
        ("http://h/a/b?q", "c?to=http://other/", "http://h/a/c?to=http://other/"),
        ("http://h/a/b?q", "", "http://h/a/b?q"),
        ("http://u:p@h:8/a", "b", "http://h:8/b"),
        ("http://[::1]:8/a", "/b", "http://[::1]:8/b"),
        ("http://h", "b", "http://h/b"),
    ] {
        assert_eq!(Target::parse(base).unwrap().join(next), expected, "{base} + {next}");
    }
}

#[test]
fn secrets_are_not_shown() {
    for (url, expected) in [
        ("http://h/a", "http://h/a"),
        ("http://u:p@h:8/a@b?passkey=1#x", "http://h:8/a@b"),
        ("http://u:p@h?x@y", "http://h"),
        ("mailto:x", "mailto:x"),
        ("", ""),
    ] {
        assert_eq!(shown(url), expected);
    }
    assert_eq!(shown(&"x".repeat(999)).len(), 200);
}
