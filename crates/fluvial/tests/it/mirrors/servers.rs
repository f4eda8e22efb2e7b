//! Mirrors as they should be, and as they should not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a hostile server does with a request: its head, and where to answer.
pub(crate) type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// An HTTP server, and what it was asked for.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// Answers as told; each connection takes one request after the other.
    pub(crate) fn new(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&asked), Arc::new(answer));
        let address = listen(move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Some(head) = head(&mut reader) {
                log.lock().unwrap().push(head.clone());
                answer(&head, &mut stream);
            }
        });
        Self { address, asked }
    }

    /// Serves one file as it should.
    pub(crate) fn good(bytes: Vec<u8>) -> Self {
        Self::new(move |head, stream| give(head, stream, &bytes))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Bytes that were asked for in ranges, all in all.
    pub(crate) fn bytes_asked(&self) -> u64 {
        let ranges = self.heads().into_iter().filter_map(|head| range(&head));
        ranges.map(|(from, to)| to - from + 1).sum()
    }
}

/// Answers a request for a range, or all, of `bytes`.
pub(crate) fn give(head: &str, stream: &mut TcpStream, bytes: &[u8]) {
    let whole = bytes.len();
    let (status, from, to) = match range(head) {
        Some((from, to)) => ("206 Partial Content", from as usize, to as usize),
        None => ("200 OK", 0, whole - 1),
    };
    let length = to - from + 1;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\
         Content-Range: bytes {from}-{to}/{whole}\r\n\r\n"
    );
    say(stream, head.as_bytes());
    say(stream, &bytes[from..=to]);
}

/// Says something; the other side may have had enough.
pub(crate) fn say(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// First and last byte of a `Range` header.
pub(crate) fn range(head: &str) -> Option<(u64, u64)> {
    let line = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
    let (from, to) = line.split_once('-')?;
    Some((from.parse().ok()?, to.trim().parse().ok()?))
}

/// The head of the next request, in lower case.
fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            return Some(head.to_lowercase());
        }
        head.push_str(&line);
    }
}

/// An FTP server that answers each command as told; `None` is as a good one would.
pub(crate) struct Ftp {
    pub(crate) address: SocketAddr,
}

impl Ftp {
    pub(crate) fn new(
        bytes: Vec<u8>,
        answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let (bytes, answer) = (Arc::new(bytes), Arc::new(answer));
        let address = listen(move |stream| {
            let _hung_up = serve(stream, &bytes, &*answer);
        });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ftp://{}{path}", self.address)
    }
}

fn serve(
    mut stream: TcpStream,
    bytes: &[u8],
    answer: &dyn Fn(&str) -> Option<String>,
) -> std::io::Result<()> {
    let data = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = data.local_addr()?.port();
    let greeting = answer("").unwrap_or("220-hello\r\n220 here\r\n".to_owned());
    stream.write_all(greeting.as_bytes())?;
    let mut from = 0;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if let Some(text) = answer(&line) {
            let text = text.replace("HIGH,LOW", &format!("{},{}", port >> 8, port & 0xff));
            stream.write_all(text.as_bytes())?;
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let text = match word {
            "USER" => "331 password?".to_owned(),
            "PASS" => "230 in".to_owned(),
            "TYPE" => "200 ok".to_owned(),
            "SIZE" => format!("213 {}", bytes.len()),
            "EPSV" => format!("229 Extended Passive Mode (|||{port}|)"),
            "REST" => {
                from = rest.parse().unwrap();
                "350 from there".to_owned()
            }
            "RETR" => {
                stream.write_all(b"150 here it comes\r\n")?;
                let (mut there, _) = data.accept()?;
                let whole = there.write_all(&bytes[std::mem::take(&mut from)..]).is_ok();
                drop(there);
                if whole { "226 sent" } else { "426 you left" }.to_owned()
            }
            _ => "502 no".to_owned(),
        };
        stream.write_all(format!("{text}\r\n").as_bytes())?;
    }
    Ok(())
}

/// Hands every connection to a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads and drops what comes, until the other side has had enough.
pub(crate) fn drain(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|n| n > 0) {}
}
