use std::collections::BTreeMap;
use std::ops::Range;

use mirror::{Address, Kind, LineId};
use netem::{Access, NodeId, Path, PipeId};
use stdx::{ConnId, Duration, FileIndex, Instant};

use super::bytes::Run;
use super::link::Chunk;
use super::{NodeIndex, World};
use crate::Source;

/// The most that is written to a pipe at once.
const CHUNK: u64 = 32 * 1024;
/// Seconds after which a server that is too busy wants to be asked again.
const RETRY_AFTER: u64 = 5;

/// A mirror's number within its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorIndex(pub u32);

impl MirrorIndex {
    /// The number as a `usize`, for slices.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// A mirror: a web server that has all of the content, and answers requests for parts of files.
#[derive(Clone, Debug)]
pub struct MirrorSpec {
    /// Its access link, shared by all its connections.
    pub access: Access,
    /// From the server to the middle of the network.
    pub delay: Duration,
    /// How likely each of its answers has a wrong byte in it.
    pub lies: f64,
    /// Answers under way at a time; to more it says that it is too busy.
    pub answers_max: usize,
    /// It gives whole files only, whatever part is asked for.
    pub whole_files: bool,
    /// From when until when, after the beginning of the world, nobody is there.
    pub down: Range<Duration>,
}

impl MirrorSpec {
    /// An honest one that sends at most so many bytes per second.
    pub fn new(rate: u64) -> Self {
        Self {
            access: Access { up: Some(rate), down: None },
            delay: Duration::from_millis(10),
            lies: 0.0,
            answers_max: usize::MAX,
            whole_files: false,
            down: Duration::ZERO..Duration::ZERO,
        }
    }
}

/// A server.
#[derive(Debug)]
pub(crate) struct Web {
    pub(crate) spec: MirrorSpec,
    pub(crate) address: Address,
    net: NodeId,
    /// By the paths that they are asked for.
    files: BTreeMap<String, FileIndex>,
    answers: usize,
    /// Answers that had something wrong in them.
    pub(crate) lied: u32,
    /// Bytes of content that it sent.
    sent: u64,
}

impl Web {
    pub(crate) fn new(index: MirrorIndex, spec: MirrorSpec, net: NodeId, source: &Source) -> Self {
        let url = format!("http://mirror-{}.example/", index.0);
        let address = Address::files(&url, false).expect("a URL");
        debug_assert_eq!(address.kind, Kind::Files);
        let info = source.info();
        let all = (0..info.layout().files().len()).map(|at| FileIndex(at as u32));
        let files = all.map(|file| (address.of_file(info, file).path().to_owned(), file)).collect();
        Self { spec, address, net, files, answers: 0, lied: 0, sent: 0 }
    }

    fn is_down(&self, now: Instant) -> bool {
        self.spec.down.contains(&now.since(Instant::ZERO))
    }

    /// The head of the answer to a request, and which bytes of the piece space follow.
    fn answer(&self, request: &str, source: &Source) -> (String, Range<u64>) {
        let layout = source.info().layout();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let Some(file) = self.files.get(path).and_then(|file| layout.file(*file)) else {
            return ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(), 0..0);
        };
        if self.answers >= self.spec.answers_max {
            let head = format!(
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER}\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            return (head, 0..0);
        }
        let (offset, whole) = (file.offset, file.length);
        let range = range_of(request, whole).filter(|_| !self.spec.whole_files);
        let Some((first, last)) = range.filter(|(_, last)| *last < whole) else {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {whole}\r\n\r\n");
            return (head, offset..offset + whole);
        };
        let length = last + 1 - first;
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n\
             Content-Range: bytes {first}-{last}/{whole}\r\n\r\n"
        );
        (head, offset + first..offset + last + 1)
    }
}

fn range_of(request: &str, whole: u64) -> Option<(u64, u64)> {
    let range = request.lines().find_map(|line| line.strip_prefix("Range: bytes="))?;
    let (first, last) = range.split_once('-')?;
    let last = if last.is_empty() { whole.checked_sub(1)? } else { last.parse().ok()? };
    Some((first.parse().ok()?, last))
}

/// An answer on its way to whoever asked.
#[derive(Debug)]
pub(crate) struct Answer {
    web: MirrorIndex,
    /// Which of a node's connections asked, by its mirror and its line.
    pub(crate) to: (NodeIndex, ConnId, LineId),
    head: Vec<u8>,
    /// What is still to be sent of the piece space.
    left: Range<u64>,
    /// Where in it a byte is wrong.
    wrong: Option<u64>,
    /// The server is through with it.
    ended: bool,
}

impl World {
    /// Adds a mirror, which those nodes know that start from then on.
    pub fn add_mirror(&mut self, spec: MirrorSpec) -> MirrorIndex {
        let index = MirrorIndex(self.webs.len() as u32);
        if spec.lies > 0.0 && !std::mem::replace(&mut self.has_liars, true) {
            self.nodes.iter_mut().for_each(|node| node.store.set_trusting(false));
        }
        let net = self.net.add_node(spec.access);
        self.webs.push(Web::new(index, spec, net, &self.source));
        index
    }

    /// One way between a node and a mirror.
    pub(super) fn way_to(&self, node: NodeIndex, web: MirrorIndex) -> Duration {
        self.nodes[node.get()].spec.delay + self.webs[web.get()].spec.delay
    }

    /// A request reaches a server. Returns the pipe by which the answer comes; `None` when nobody
    /// is there.
    pub(super) fn handle_get(
        &mut self,
        web: MirrorIndex,
        to: (NodeIndex, ConnId, LineId),
        request: &str,
    ) -> Option<PipeId> {
        let (now, delay) = (self.now, self.way_to(to.0, web));
        let source = std::sync::Arc::clone(&self.source);
        let server = &mut self.webs[web.get()];
        if server.is_down(now) {
            return None;
        }
        let (head, left) = server.answer(request, &source);
        server.answers += 1;
        let lies = !left.is_empty() && self.rng.chance(server.spec.lies);
        server.lied += u32::from(lies);
        let wrong = lies.then(|| left.start + self.rng.below(left.end - left.start));
        let node = &self.nodes[to.0.get()];
        let rates = server.spec.access.up.into_iter().chain(node.spec.access.down);
        let window = self.config.window_for(rates.min(), delay);
        let path = Path { delay, window, loss: self.config.loss };
        let pipe = self.net.open(server.net, node.net, path);
        let answer = Answer { web, to, head: head.into_bytes(), left, wrong, ended: false };
        self.answers.insert(pipe, answer);
        self.serve(pipe);
        Some(pipe)
    }

    /// Sends as much of an answer as goes.
    pub(super) fn serve(&mut self, pipe: PipeId) {
        let now = self.now;
        loop {
            let room = self.net.free_space(pipe);
            let Some(answer) = self.answers.get_mut(&pipe).filter(|answer| !answer.ended) else {
                return;
            };
            let breaks_off = self.webs[answer.web.get()].is_down(now);
            let head = std::mem::take(&mut answer.head);
            let runs = if !head.is_empty() && !breaks_off {
                vec![Run::Bytes(head)]
            } else if answer.left.is_empty() || breaks_off {
                let ended = self.net.write(now, pipe, 0, Chunk::Fin);
                debug_assert!(ended.is_ok(), "the end of a stream takes no room");
                return self.served(pipe);
            } else if room == 0 {
                return;
            } else {
                let start = answer.left.start;
                let end = answer.left.end.min(start + room.min(CHUNK));
                answer.left.start = end;
                self.webs[answer.web.get()].sent += end - start;
                let mut bytes = self.source.space(start..end).to_vec();
                if let Some(at) = answer.wrong.filter(|at| (start..end).contains(at)) {
                    bytes[(at - start) as usize] ^= 1;
                }
                vec![Run::Bytes(bytes)]
            };
            let size = runs.iter().map(Run::len).sum();
            // A head may find less room than it takes: it is the first of its pipe.
            let written = self.net.write(now, pipe, size, Chunk::Data(runs));
            debug_assert!(written.is_ok(), "written within the free space");
        }
    }

    /// Bytes of content that a mirror has sent, needed or not.
    pub fn sent_by_mirror(&self, mirror: MirrorIndex) -> u64 {
        self.webs[mirror.get()].sent
    }

    /// The server is through with an answer, or whoever asked is.
    fn served(&mut self, pipe: PipeId) {
        if let Some(answer) = self.answers.get_mut(&pipe).filter(|answer| !answer.ended) {
            answer.ended = true;
            self.webs[answer.web.get()].answers -= 1;
        }
    }

    /// Who asked wants no more of an answer, or has it all.
    pub(super) fn close_answer(&mut self, pipe: PipeId) {
        self.served(pipe);
        self.answers.remove(&pipe);
        self.net.close(self.now, pipe);
    }
}
