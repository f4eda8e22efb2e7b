//! Announces over connections that are kept, as long as the tracker keeps them.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use socket2::{Domain, Protocol, Socket, Type};

use load::{Load, Token};
use stdx::Instant;

/// Bytes of one answer, at most: head, and two hundred peers.
const ANSWER_MAX: usize = 16 * 1024;
/// Events taken by one call.
const EVENTS: usize = 256;
/// A tracker that does not take a connection for so long is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Connections, one for each host of the crowd.
pub(super) struct Connections {
    tracker: SocketAddrV4,
    /// `Host:` and path, as in the tracker's URL.
    host: String,
    path: String,
    lines: Vec<Line>,
    /// Those with nothing under way.
    idle: Vec<u32>,
    epoll: std::os::fd::OwnedFd,
    events: Vec<epoll::Event>,
    /// Whether the tracker closes what it answered, though it may not say so.
    closes: bool,
}

#[derive(Debug, Default)]
struct Line {
    stream: Option<TcpStream>,
    asked: Option<Token>,
    request: String,
    answer: Vec<u8>,
    /// Answered, but for the end of the connection, which is the tracker's to make.
    ending: bool,
}

impl Connections {
    /// None is open yet.
    ///
    /// # Errors
    /// When the system has nothing to wait for many with.
    pub(super) fn new(tracker: SocketAddrV4, host: &str, path: &str, count: u32) -> Result<Self> {
        Ok(Self {
            tracker,
            host: host.to_owned(),
            path: path.to_owned(),
            lines: (0..count).map(|_| Line::default()).collect(),
            idle: (0..count).collect(),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS),
            closes: false,
        })
    }

    /// Sends up to `most` requests over connections with nothing under way; returns how many.
    pub(super) fn send(
        &mut self,
        load: &mut Load,
        most: u64,
        due: impl Fn(u64) -> Instant,
    ) -> Result<u64> {
        let mut sent = 0;
        while sent < most {
            let Some(at) = self.idle.pop() else {
                break;
            };
            // A connection whose peers have all joined stays out until the next stage.
            let Some((token, url)) = load.next_http(at, &self.path, due(sent)) else {
                continue;
            };
            let request = format!("GET {url} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
            let line = &mut self.lines[at as usize];
            (line.asked, line.request) = (Some(token), request);
            self.ask(at, load)?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Lets all connections take part again.
    pub(super) fn begin(&mut self) {
        let free = |line: &Line| line.asked.is_none() && !line.ending;
        let numbered = (0..).zip(&self.lines);
        self.idle = numbered.filter(|(_, line)| free(line)).map(|(at, _)| at).collect();
    }

    /// Sends the request of a connection, over another one if that was closed meanwhile.
    fn ask(&mut self, at: u32, load: &Load) -> Result<()> {
        loop {
            let fresh = self.lines[at as usize].stream.is_none();
            if fresh {
                self.open(at, load)?;
            }
            let line = &mut self.lines[at as usize];
            line.answer.clear();
            let stream = line.stream.as_mut().expect("it is open");
            match stream.write_all(line.request.as_bytes()) {
                Ok(()) => return Ok(()),
                Err(error) if fresh => return Err(error.into()),
                Err(_) => line.stream = None,
            }
        }
    }

    fn open(&mut self, at: u32, load: &Load) -> Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        if self.tracker.ip().is_loopback() {
            // Ports are of an address, and each host has its own: they do not run out.
            socket.set_reuse_address(true)?;
            let host = load.crowd().address(at);
            socket.bind(&SocketAddrV4::new(host, 0).into())?;
        }
        socket.connect_timeout(&self.tracker.into(), CONNECT_PATIENCE)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let stream: TcpStream = socket.into();
        let data = EventData::new_u64(at.into());
        epoll::add(&self.epoll, &stream, data, EventFlags::IN | EventFlags::RDHUP)?;
        self.lines[at as usize].stream = Some(stream);
        Ok(())
    }

    /// Hands the crowd the answers that have come.
    pub(super) fn receive(&mut self, load: &mut Load, clock: impl Fn() -> Instant) -> Result<()> {
        self.events.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, Some(&at_once)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<u32> = self.events.iter().map(|it| it.data.u64() as u32).collect();
        for &at in &ready {
            self.read(at, load, &clock)?;
        }
        Ok(())
    }

    fn read(&mut self, at: u32, load: &mut Load, clock: impl Fn() -> Instant) -> Result<()> {
        let line = &mut self.lines[at as usize];
        let Some(stream) = &mut line.stream else {
            return Ok(());
        };
        let mut bytes = [0; 4_096];
        let ended = match stream.read(&mut bytes) {
            Ok(0) => true,
            Ok(length) => {
                line.answer.extend_from_slice(&bytes[..length]);
                false
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => true,
        };
        let whole = whole_answer(&line.answer, ended);
        if let Some((body, keeps)) = &whole
            && let Some(token) = line.asked.take()
        {
            load.handle_http(clock(), token, body);
            line.ending = self.closes || !keeps;
            if !line.ending {
                self.idle.push(at);
            }
        }
        if ended {
            line.stream = None;
            if line.asked.is_some() && line.answer.is_empty() {
                // It was closed before it read the request, which a client sends again.
                self.closes = true;
                return self.ask(at, load);
            }
            // What was asked and half answered is lost; the crowd notices in time.
            if line.asked.take().is_some() | std::mem::take(&mut line.ending) {
                self.idle.push(at);
            }
        }
        if line.answer.len() > ANSWER_MAX {
            bail!("the tracker answers without end");
        }
        Ok(())
    }
}

/// The body of an answer that is there in full, and whether the connection stays.
fn whole_answer(answer: &[u8], ended: bool) -> Option<(&[u8], bool)> {
    let head_end = answer.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..head_end]).ok()?.to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length = field("content-length:").and_then(|text| text.parse::<usize>().ok());
    let body = &answer[head_end..];
    let keeps = head.starts_with("http/1.1") && field("connection:") != Some("close");
    match length {
        Some(length) if body.len() >= length => Some((&body[..length], keeps && !ended)),
        None if ended => Some((body, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_at_its_length_or_with_the_connection() {
        let kept = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd";
        assert_eq!(whole_answer(kept, false), Some((&b"abc"[..], true)));
        assert_eq!(whole_answer(&kept[..kept.len() - 2], false), None);
        let closed = b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(whole_answer(closed, false), Some((&b"abc"[..], false)));
        let old = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(whole_answer(old, false), None);
        assert_eq!(whole_answer(old, true), Some((&b"abc"[..], false)));
        assert_eq!(whole_answer(b"HTTP/1.1 200 OK\r\n", true), None);
    }
}
