use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Place, Running, noise, tree};

/// An answer as it came.
struct Answer {
    status: u16,
    /// By name, in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("text")
    }
}

/// A share of something, and where its page is.
struct Share {
    running: Running,
    ready: serde_json::Value,
    address: String,
}

impl Share {
    fn of(place: &Place, path: &Path, more: &[&str]) -> Self {
        let path = path.to_str().unwrap();
        let args = ["share", path, "--listen", "127.0.0.1:0", "--no-discovery"];
        let mut running = place.start(&[&args, more].concat());
        let ready = running.wait_for("ready");
        let page = ready["page"].as_str().expect("a page");
        let address = page.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        let address = address.expect("the root of an HTTP server").to_owned();
        Self { running, ready, address }
    }

    fn connect(&self) -> TcpStream {
        connect(&self.address)
    }

    fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.ask("GET", path, headers)
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        ask(&self.address, method, path, headers)
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(address: &str, method: &str, path: &str, headers: &[&str]) -> Answer {
    let mut stream = connect(address);
    let host = format!("Host: {address}");
    let fixed = [&*host, "Connection: close"];
    let head = [&fixed, headers].concat().join("\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    read(stream).expect("a whole answer")
}

/// Reads an answer; `None` when its body is shorter than its head says.
fn read(stream: TcpStream) -> Option<Answer> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = Vec::new();
    let ended = stream.read_to_end(&mut body);
    let answer = Answer { status, headers, body };
    assert_eq!(answer.header("transfer-encoding"), "", "bodies have lengths");
    let length: usize = answer.header("content-length").parse().unwrap_or(0);
    // The answer to HEAD has none.
    let whole = answer.body.len() == length || answer.body.is_empty();
    (ended.is_ok() && whole).then_some(answer)
}

#[test]
fn the_page_shows_what_is_shared_and_how_to_get_it() {
    let place = Place::new();
    let root = place.folder("tree <b>");
    tree(&root, 30);
    let share = Share::of(&place, &root, &["--torrent", "out.torrent", "--format", "hybrid"]);
    let page = share.get("/", &[]);
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src"));
    let text = page.text();
    let magnet = share.ready["magnet"].as_str().unwrap().replace('&', "&amp;");
    for part in [
        "<h1><bdi>tree &lt;b&gt;</bdi></h1>",
        "30 files",
        "1 seeding",
        &format!("fluvial get '{magnet}'"),
        &format!("href=\"{magnet}\""),
        share.ready["info_hash"].as_str().unwrap(),
        share.ready["info_hash_v2"].as_str().unwrap(),
        "href=\"/tree%20%3Cb%3E.torrent\"",
        "href=\"/files/tree%20%3Cb%3E/plain-0\"",
        "<svg",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let torrent = share.get("/tree%20%3Cb%3E.torrent", &[]);
    assert_eq!(torrent.header("content-type"), "application/x-bittorrent");
    assert!(torrent.body == fs::read(place.path("out.torrent")).unwrap());
    assert!(!torrent.body.windows(8).any(|window| window == b"url-list"), "no web seed in it");
    let tracker = share.ready["tracker"][0].as_str().unwrap();
    assert_eq!(tracker, format!("http://{}/announce", share.address));
}

#[test]
fn paths_from_several_places_are_one_folder_on_the_page() {
    let place = Place::new();
    let file = place.file("one/a.bin", 70_000);
    place.file("two/deep/b.bin", 50_000);
    let (one, two) = ("one/a.bin", place.path("two/deep"));
    let share = Share::of(&place, Path::new(one), &[two.to_str().unwrap(), "--name", "set"]);
    let page = share.get("/", &[]);
    assert!(page.text().contains("<h1><bdi>set</bdi></h1>"));
    for (link, path) in [("set/a.bin", &file), ("set/deep/b.bin", &two.join("b.bin"))] {
        assert!(page.text().contains(&format!("href=\"/files/{link}\"")), "{link}");
        let answer = share.get(&format!("/files/{link}"), &["Range: bytes=1000-"]);
        assert_eq!(answer.status, 206);
        assert!(answer.body == fs::read(path).unwrap()[1_000..], "{link}");
    }
}

#[test]
fn every_file_can_be_downloaded_by_the_link_on_the_page() {
    let place = Place::new();
    let root = place.folder("tree");
    tree(&root, 120);
    let share = Share::of(&place, &root, &[]);
    let page = share.get("/", &[]);
    let links: Vec<&str> = page
        .text()
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with("/files/"))
        .collect();
    assert_eq!(links.len(), 120);
    for link in links {
        let answer = share.get(link, &[]);
        assert_eq!(answer.status, 200, "{link}");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("sandbox"));
        let path = unescape(link.strip_prefix("/files/").unwrap());
        assert!(answer.body == fs::read(place.path(&path)).unwrap(), "{path}");
        let disposition = answer.header("content-disposition");
        let name = disposition.split("filename*=UTF-8''").nth(1).map(unescape);
        let name = name.unwrap_or_else(|| disposition.split('"').nth(1).unwrap().to_owned());
        assert!(path.ends_with(&format!("/{name}")), "{path}: {disposition}");
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn parts_of_files_are_given_as_asked() {
    let place = Place::new();
    let file = place.file("release.bin", 1_000_000);
    let bytes = fs::read(&file).unwrap();
    let share = Share::of(&place, &file, &[]);
    let path = "/files/release.bin";
    let whole = share.get(path, &[]);
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    assert!(whole.body == bytes);
    let (tag, date) = (whole.header("etag"), whole.header("last-modified"));
    let cases = [
        (vec!["Range: bytes=0-0"], 206, 0..1),
        (vec!["Range: bytes=300000-699999"], 206, 300_000..700_000),
        (vec!["Range: bytes=999990-"], 206, 999_990..1_000_000),
        (vec!["Range: bytes=-7"], 206, 999_993..1_000_000),
        (vec!["Range: bytes=0-1,5-6"], 200, 0..1_000_000),
        (vec!["Range: nonsense"], 200, 0..1_000_000),
        (vec!["Range: bytes=5-9", "If-Range: \"other\""], 200, 0..1_000_000),
    ];
    for (headers, status, range) in cases {
        let answer = share.get(path, &headers);
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(answer.body == bytes[range.clone()], "{headers:?}");
        let named = format!("bytes {}-{}/1000000", range.start, range.end - 1);
        let named = if status == 206 { named } else { String::new() };
        assert_eq!(answer.header("content-range"), named, "{headers:?}");
    }
    let same = format!("If-Range: {tag}");
    assert_eq!(share.get(path, &["Range: bytes=5-9", &same]).body, bytes[5..10]);
    let beyond = share.get(path, &["Range: bytes=1000000-"]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */1000000"));
    for known in [format!("If-None-Match: {tag}"), format!("If-Modified-Since: {date}")] {
        let answer = share.get(path, &[&known]);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), tag);
    }
    assert_eq!(share.get(path, &["If-Match: \"other\""]).status, 412);
}

#[test]
fn odd_requests_get_short_answers() {
    let place = Place::new();
    let root = place.folder("tree");
    fs::write(root.join("a"), b"inside").unwrap();
    fs::write(place.path("secret"), b"outside").unwrap();
    std::os::unix::fs::symlink("a", root.join("link")).unwrap();
    let share = Share::of(&place, &root, &["--format", "v1"]);
    let cases = [
        ("GET", "/files/tree/a", 200),
        ("HEAD", "/files/tree/a", 200),
        ("HEAD", "/", 200),
        ("GET", "/?page=2", 404),
        ("GET", "/files/tree/", 404),
        ("GET", "/files/tree/link", 404),
        ("GET", "/files/tree/../../secret", 404),
        ("GET", "/files/tree/..%2f..%2fsecret", 404),
        ("GET", "/files/%2e%2e/secret", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/metrics", 404),
        ("POST", "/", 405),
        ("DELETE", "/files/tree/a", 405),
        ("GET", "/announce", 200),
    ];
    for (method, path, status) in cases {
        let answer = share.ask(method, path, &[]);
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(!answer.body.windows(7).any(|window| window == b"outside"), "{path}");
        assert!(answer.body.len() < 10_000, "{path}: {} bytes", answer.body.len());
        assert_eq!(answer.body.is_empty(), method == "HEAD", "{method} {path}");
        assert_ne!(answer.header("content-length"), "0", "{method} {path}");
    }
    let mut stream = share.connect();
    stream.write_all(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000)).as_bytes()).unwrap();
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[test]
fn what_has_changed_is_not_given_out() {
    let place = Place::new();
    let root = place.folder("tree");
    for name in ["stays", "grows", "goes", "is replaced"] {
        fs::write(root.join(name), noise(1, 50_000)).unwrap();
    }
    let share = Share::of(&place, &root, &[]);
    fs::write(root.join("grows"), noise(2, 50_001)).unwrap();
    fs::remove_file(root.join("goes")).unwrap();
    fs::remove_file(root.join("is replaced")).unwrap();
    std::os::unix::fs::symlink("stays", root.join("is replaced")).unwrap();
    for (name, status, word) in [
        ("stays", 200, ""),
        ("grows", 409, "changed"),
        ("goes", 410, "gone"),
        ("is%20replaced", 410, "gone"),
    ] {
        let answer = share.get(&format!("/files/tree/{name}"), &[]);
        assert_eq!(answer.status, status, "{name}");
        assert!(word.is_empty() || answer.text().contains(word), "{name}");
    }
}

#[test]
fn what_proves_right_again_is_given_again() {
    let place = Place::new();
    let file = place.file("touched.bin", 100_000);
    let share = Share::of(&place, &file, &[]);
    let right = fs::read(&file).unwrap();
    fs::write(&file, &right).unwrap();
    fs::File::open(&file).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = share.get("/files/touched.bin", &[]);
        if answer.status == 200 {
            assert_eq!(answer.body, right);
            return;
        }
        assert!(Instant::now() < deadline, "it is still {}", answer.status);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_file_that_changes_on_the_way_ends_the_download() {
    let place = Place::new();
    let file = place.file("big.bin", 40 << 20);
    let share = Share::of(&place, &file, &["--up-limit", "20MB/s"]);
    let mut stream = share.connect();
    let host = &share.address;
    write!(stream, "GET /files/big.bin HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut some = [0; 10_000];
    stream.read_exact(&mut some).unwrap();
    fs::write(&file, b"other").unwrap();
    let mut rest = Vec::new();
    let _reset = stream.read_to_end(&mut rest);
    assert!(rest.len() < 39 << 20, "{} bytes came", rest.len());
}

#[test]
fn downloads_count_under_the_upload_limit() {
    let place = Place::new();
    let file = place.file("limited.bin", 2_000_000);
    let mut share = Share::of(&place, &file, &["--up-limit", "1MB/s"]);
    let began = Instant::now();
    // Two at once, from one limit.
    std::thread::scope(|scope| {
        for range in ["0-999999", "1000000-"] {
            let (address, range) = (&share.address, format!("Range: bytes={range}"));
            scope.spawn(move || {
                let answer = ask(address, "GET", "/files/limited.bin", &[&range]);
                assert_eq!((answer.status, answer.body.len()), (206, 1_000_000));
            });
        }
    });
    let least = (2_000_000.0 - 150_000.0) / 1e6;
    let took = began.elapsed().as_secs_f64();
    assert!(took >= least, "2 MB at 1 MB/s in {took} s");
    share.running.interrupt();
    assert_eq!(share.running.exit_code(), Some(0));
}

#[test]
fn an_unfinished_download_does_not_hold_up_the_end() {
    let place = Place::new();
    let file = place.file("slow.bin", 5_000_000);
    let mut share = Share::of(&place, &file, &["--up-limit", "100KB/s"]);
    let mut stream = share.connect();
    let host = &share.address;
    write!(stream, "GET /files/slow.bin HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1_000]).unwrap();
    share.running.interrupt();
    assert_eq!(share.running.exit_code(), Some(0));
    assert!(read(stream).is_none(), "the download did not end early");
}

#[test]
fn without_a_tracker_there_is_no_page() {
    let place = Place::new();
    let file = place.file("release.iso", 1_000);
    let args = ["share", file.to_str().unwrap(), "--listen", "127.0.0.1:0", "--no-tracker"];
    let ready = place.start(&args).wait_for("ready");
    assert_eq!(
        (&ready["page"], &ready["tracker"]),
        (&serde_json::json!(null), &serde_json::json!([]))
    );
}
