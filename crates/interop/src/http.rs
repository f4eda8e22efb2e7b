//! One HTTP exchange after another, as plain as can be: for clients' interfaces and trackers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header by its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Asks for `target`; `body` makes it a POST.
pub(crate) fn ask(
    server: SocketAddr,
    target: &str,
    headers: &str,
    body: Option<&[u8]>,
) -> Result<Answer> {
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.0\r\nHost: {server}\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    let request = [request.as_bytes(), body].concat();
    let bytes = exchange(server, &request)?;
    parse(&bytes).with_context(|| format!("no HTTP answer from {server}: {} bytes", bytes.len()))
}

/// Sends bytes and reads until the server has no more to say.
pub(crate) fn exchange(server: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let unreachable = || format!("no answer from {server}");
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT).with_context(unreachable)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(request).with_context(unreachable)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).with_context(unreachable)?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end + 4..].to_vec() })
}
