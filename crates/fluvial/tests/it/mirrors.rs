//! Web and FTP servers as sources, good ones and bad ones.

mod servers;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Place, assert_same, noise, tree};

use servers::{Ftp, Web, drain, give, say};

const SIZE: usize = 600_000;

/// A torrent of one file, and the file.
fn torrent(place: &Place, size: usize, more: &[&str]) -> (PathBuf, String) {
    let file = place.file("x y.bin", size);
    (file.clone(), torrent_of(place, &file, more))
}

fn torrent_of(place: &Place, path: &Path, more: &[&str]) -> String {
    let torrent = place.path("x.torrent").to_str().unwrap().to_owned();
    let _new = fs::remove_file(&torrent);
    let args = ["create", path.to_str().unwrap(), "-o", &torrent, "--piece-length", "16KiB"];
    let made = place.run(&[&args, more].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    torrent
}

/// Bytes that came from mirrors, by the beginning of their URL.
fn bytes_from(complete: &Value, url: &str) -> u64 {
    let sources = complete["sources"].as_array().unwrap().iter();
    let ours = sources.filter(|it| it["address"].as_str().is_some_and(|at| at.starts_with(url)));
    ours.inspect(|it| assert_eq!(it["kind"], "web")).filter_map(|it| it["bytes"].as_u64()).sum()
}

#[test]
fn a_mirror_alone_brings_everything() {
    for flags in [&["--format", "v1"][..], &["--format", "v2"], &["--format", "hybrid"]] {
        let place = Place::new();
        let (file, torrent) = torrent(&place, SIZE, flags);
        let bytes = fs::read(&file).unwrap();
        let (web, ftp) = (Web::good(bytes.clone()), Ftp::new(bytes, |_| None));
        for (url, folder) in [(web.url("/mirror"), "web"), (ftp.url("/pub/"), "ftp")] {
            for more in [&[][..], &["--sequential"]] {
                let folder = format!("{folder}{}", more.len());
                let flags = [&["--web-seed", &url][..], more].concat();
                let mut get = place.get(&torrent, &folder, &flags);
                let complete = get.wait_for("complete");
                assert_eq!(bytes_from(&complete, &url), SIZE as u64, "{complete}");
                assert_eq!(get.exit_code(), Some(0));
                assert_same(&file, &place.path(&format!("{folder}/x y.bin")));
            }
        }
    }
}

#[test]
fn files_of_a_tree_are_asked_for_by_their_names() {
    let place = Place::new();
    let root = place.folder("the tree ä");
    tree(&root, 30);
    let torrent = torrent_of(&place, &root, &[]);
    let parent = root.parent().unwrap().to_owned();
    let web = Web::new(move |head, stream| {
        let path = head.split(' ').nth(1).unwrap();
        let bytes = path.split('%').enumerate().flat_map(|(at, part)| match at {
            0 => part.as_bytes().to_vec(),
            _ => [&[u8::from_str_radix(&part[..2], 16).unwrap()], &part.as_bytes()[2..]].concat(),
        });
        // The head came in lower case; names differ in nothing else.
        let path = String::from_utf8(bytes.collect()).unwrap();
        let found = find(&parent, path.trim_start_matches("/pub/"));
        give(head, stream, &fs::read(found).unwrap());
    });
    let url = web.url("/pub");
    let mut get = place.get(&torrent, "some", &["--web-seed", &url, "--files", "1"]);
    get.wait_for("complete");
    let some = web.heads().len();
    let mut get = place.get(&torrent, "all", &["--web-seed", &url]);
    let complete = get.wait_for("complete");
    assert!(web.heads().len() > some + 20, "one file is not all of them");
    assert!(bytes_from(&complete, &url) > 0);
    assert_same(&root, &place.path("all/the tree ä"));
}

/// The path below `folder` that is `lower` in lower case.
fn find(folder: &Path, lower: &str) -> PathBuf {
    lower.split('/').fold(folder.to_owned(), |folder, name| {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let same = |path: &PathBuf| {
            path.file_name().unwrap().to_str().unwrap().to_ascii_lowercase() == name
        };
        let mut entries = entries.filter(same);
        entries.next().unwrap_or_else(|| panic!("no {name} in {folder:?}"))
    })
}

#[test]
fn bad_mirrors_are_named_and_good_ones_go_on() {
    let place = Place::new();
    let (file, torrent) = torrent(&place, SIZE, &[]);
    let bytes = fs::read(&file).unwrap();
    let good = Web::good(bytes.clone());
    let part = |text: &'static str| {
        Web::new(move |_, stream| {
            say(stream, text.as_bytes());
        })
    };
    let short = bytes;
    let rows: Vec<(&str, Web, bool)> = vec![
        ("404 Not Found", part("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), true),
        ("416 Range", part("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n"), true),
        (
            "redirects more than 5 times",
            part("HTTP/1.1 302 On\r\nLocation: /on\r\nContent-Length: 0\r\n\r\n"),
            true,
        ),
        (
            "redirects to where we do not go",
            part("HTTP/1.1 302 On\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
            true,
        ),
        (
            "encoded as `gzip`",
            part("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 600000\r\n\r\n"),
            true,
        ),
        ("has 7 bytes", part("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1234567"), true),
        ("another range", part("HTTP/1.1 206 OK\r\nContent-Length: 9\r\n\r\n123456789"), true),
        ("too busy", part("HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"), false),
        ("500 Internal", part("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), false),
        ("mirror", part("SSH-2.0-OpenSSH_9\r\n\r\n"), false),
        ("mirror", Web::new(|_, stream| drain_headers(stream)), false),
        ("mirror", Web::new(|_, stream| drop(stream.shutdown(std::net::Shutdown::Both))), false),
        ("banned", Web::good(noise(9, SIZE)), true),
        (
            "too soon",
            Web::new(move |head, stream| {
                let Some((from, to)) = servers::range(head) else { return };
                let range = format!("bytes {from}-{to}/{SIZE}");
                let head = format!("HTTP/1.1 206 OK\r\nContent-Range: {range}\r\n\r\n");
                say(stream, head.as_bytes());
                say(stream, &short[from as usize..from as usize + 100]);
                let _ended = stream.shutdown(std::net::Shutdown::Both);
            }),
            false,
        ),
    ];
    for (at, (says, bad, left_out)) in rows.into_iter().enumerate() {
        let url = bad.url("/bad");
        let folder = format!("{at}");
        let mut alone = place.get(&torrent, &folder, &["--web-seed", &url]);
        let failed = alone.wait_for("mirror_failed");
        assert_eq!(failed["address"].as_str(), Some(&*url), "{failed}");
        assert_eq!(failed["left_out"], left_out, "{says}: {failed}");
        let reason = failed["reason"].as_str().unwrap();
        assert!(says == "mirror" || reason.contains(says), "{says}: {reason}");
        alone.kill();
        let (bad, fine) = (bad.url("/bad"), good.url("/good"));
        let flags = ["--web-seed", &bad, "--web-seed", &fine];
        let mut get = place.get(&torrent, &folder, &flags);
        get.wait_for("complete");
        assert_same(&file, &place.path(&format!("{folder}/x y.bin")));
    }
}

/// A head without end.
fn drain_headers(stream: &mut std::net::TcpStream) {
    say(stream, b"HTTP/1.1 206 Partial Content\r\n");
    while say(stream, b"X-More: and more and more and more and more and more\r\n") {}
    drain(stream);
}

#[test]
fn servers_without_ranges_are_read_from_the_beginning() {
    let place = Place::new();
    let (file, torrent) = torrent(&place, 8 * SIZE, &[]);
    let bytes = fs::read(&file).unwrap();
    let whole = bytes.clone();
    let web = Web::new(move |_, stream| {
        say(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 8 * SIZE).as_bytes());
        say(stream, &whole);
    });
    let no_rest = |line: &str| line.starts_with("REST").then(|| "502 no\r\n".to_owned());
    let ftp = Ftp::new(bytes, no_rest);
    for url in [web.url("/whole"), ftp.url("/whole")] {
        let folder = url.split(':').next().unwrap();
        let flags = ["--web-seed", &url, "--down-limit", "1500kB/s"];
        let mut get = place.get(&torrent, folder, &flags);
        while get.wait_for("progress")["done"].as_u64().unwrap() < 2_000_000 {}
        get.kill();
        let mut get = place.get(&torrent, folder, &["--web-seed", &url]);
        let complete = get.wait_for("complete");
        let again = bytes_from(&complete, &url);
        assert!(again < 8 * SIZE as u64 - 500_000, "{again} once more");
        assert_same(&file, &place.path(&format!("{folder}/x y.bin")));
    }
    let asked = web.heads().len();
    assert!(asked <= 8, "two lives, and {asked} requests");
}

#[test]
fn odd_answers_that_hold_the_bytes_are_good_enough() {
    let place = Place::new();
    let (file, torrent) = torrent(&place, SIZE, &[]);
    let bytes = fs::read(&file).unwrap();
    let (whole, endless, old) = (bytes.clone(), bytes.clone(), bytes.clone());
    let rows = [
        Web::new(move |_, stream| {
            say(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes());
            say(stream, &whole);
        }),
        Web::new(move |head, stream| {
            let (from, to) = servers::range(head).unwrap_or((0, SIZE as u64 - 1));
            let range = format!("bytes {from}-{to}/*");
            let head = format!("HTTP/1.1 206 OK\r\nContent-Range: {range}\r\n\r\n");
            say(stream, head.as_bytes());
            while say(stream, &endless[from as usize..]) {}
        }),
        Web::new(move |_, stream| {
            say(stream, b"HTTP/1.0 200 OK\r\n\r\n");
            say(stream, &old);
            let _ended = stream.shutdown(std::net::Shutdown::Both);
        }),
    ];
    for (at, web) in rows.iter().enumerate() {
        let mut get = place.get(&torrent, &at.to_string(), &["--web-seed", &web.url("/odd")]);
        get.wait_for("complete");
        assert_same(&file, &place.path(&format!("{at}/x y.bin")));
    }
    let target = Web::good(bytes);
    let there = target.url("/there?key=1");
    let redirect = Web::new(move |_, stream| {
        let text = format!("HTTP/1.1 302 There\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n");
        say(stream, text.as_bytes());
    });
    let url = redirect.url("/here").replace("http://", "http://me:secret@");
    let mut get = place.get(&torrent, "moved", &["--web-seed", &url]);
    get.wait_for("complete");
    assert!(redirect.heads().iter().all(|head| head.contains("authorization: basic")));
    assert!(target.heads().iter().all(|head| !head.contains("authorization")), "no secrets there");
    // What the torrent names may not lead to services nearby, where a person may.
    let named = torrent_of(&place, &file, &["--web-seed", &redirect.url("/here")]);
    let mut get = place.get(&named, "named", &[]);
    let failed = get.wait_for("mirror_failed");
    assert!(failed["reason"].as_str().unwrap().contains("may not name"), "{failed}");
}

#[test]
fn bad_ftp_servers_are_named() {
    let place = Place::new();
    let (file, torrent) = torrent(&place, SIZE, &[]);
    let bytes = fs::read(&file).unwrap();
    let at = |command: &'static str, text: &'static str| {
        move |line: &str| {
            let here = if command.is_empty() { line.is_empty() } else { line.starts_with(command) };
            here.then(|| text.to_owned())
        }
    };
    for (says, left_out, command, text) in [
        ("SSH-2.0", false, "", "SSH-2.0-OpenSSH_9\r\n"),
        ("too busy", false, "", "421 too many\r\n"),
        ("530 no anonymous", true, "PASS", "530 no anonymous\r\n"),
        ("550 no such file", true, "SIZE", "550 no such file\r\n"),
        ("has 7 bytes", true, "SIZE", "213 7\r\n"),
        ("229 nonsense", false, "EPSV", "229 nonsense\r\n"),
    ] {
        let ftp = Ftp::new(bytes.clone(), at(command, text));
        let mut get = place.get(&torrent, says, &["--web-seed", &ftp.url("/x")]);
        let failed = get.wait_for("mirror_failed");
        let reason = failed["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{says}: {reason}");
        assert_eq!(failed["left_out"], left_out, "{says}");
    }
    // A server that names another host for the bytes is asked for them itself.
    let ftp = Ftp::new(bytes, |line| match line {
        "EPSV" => Some("500 what?\r\n".to_owned()),
        "PASV" => Some("227 Entering Passive Mode (198,18,0,9,HIGH,LOW)\r\n".to_owned()),
        _ => None,
    });
    let mut get = place.get(&torrent, "old", &["--web-seed", &ftp.url("/x")]);
    get.wait_for("complete");
    assert_same(&file, &place.path("old/x y.bin"));
}

#[test]
fn what_is_here_is_not_fetched_again() {
    const BIG: usize = 24 << 20;
    let place = Place::new();
    let (file, torrent) = torrent(&place, BIG, &[]);
    let web = Web::good(fs::read(&file).unwrap());
    let url = web.url("/x");
    let mut get = place.get(&torrent, "there", &["--web-seed", &url, "--down-limit", "6MB/s"]);
    let done = loop {
        let done = get.wait_for("progress")["done"].as_u64().unwrap_or(0);
        if done > 8 << 20 {
            break done;
        }
    };
    get.interrupt();
    assert_eq!(get.exit_code(), Some(1));
    let before = web.heads().len();
    let mut get = place.get(&torrent, "there", &["--web-seed", &url]);
    get.wait_for("complete");
    let heads = web.heads();
    let again = heads[before..].iter().filter_map(|head| servers::range(head));
    let again: u64 = again.map(|(from, to)| to - from + 1).sum();
    assert!(again <= BIG as u64 - done, "{again} bytes asked for with {done} here");
    assert!(web.bytes_asked() >= BIG as u64);
    assert_same(&file, &place.path("there/x y.bin"));
}

#[test]
fn a_mirror_that_nobody_answers_for_is_named_to_people() {
    let place = Place::new();
    let (_, torrent) = torrent(&place, SIZE, &[]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/x");
    let mut get = place.get(&torrent, "there", &["--web-seed", &url, "--give-up", "3s"]);
    let line = get.wait_for_line("mirror http");
    assert!(line.contains("refused") && line.contains("trying again"), "{line}");
    let error = get.wait_for("error");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&url), "{message}");
    let wrong = place.run(&["get", &torrent, "--web-seed", "gopher://x/"]);
    assert_eq!(wrong.status.code(), Some(2), "wrong usage");
}
