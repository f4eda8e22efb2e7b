use std::collections::VecDeque;

use mirror::{Asked, Fault, Fetch, Head, Judgement, LINES_MAX, LineId, Mirror, Url, judge};
use netem::PipeId;
use peer::{CloseReason, Order, Report, Telling};
use session::OpenMirror;
use stdx::{ConnId, Duration, Instant};

use super::bytes::Run;
use super::link::Chunk;
use super::web::MirrorIndex;
use super::{Event, NodeIndex, World};

/// The longest head of an answer that is read, in bytes.
const HEAD_MAX: usize = 4_096;
/// Zeros, of the payload of a light source.
const ZEROS: [u8; 1024] = [0; 1024];

/// A mirror of whom a node heard nothing good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorFailure {
    /// Which one.
    pub mirror: MirrorIndex,
    /// What the session says of it.
    pub message: String,
    /// It is not asked again, or not for long.
    pub left_out: bool,
}

/// A node's connections to one mirror, and the core that decides over them.
#[derive(Debug)]
pub(crate) struct MirrorEnd {
    pub(crate) core: Mirror,
    pub(crate) web: MirrorIndex,
    lines: [Line; LINES_MAX],
    telling: Telling,
    timer: Option<Instant>,
    /// When the last batch reaches the mind, and the last order this end: neither overtakes.
    to_mind: Instant,
    to_link: Instant,
}

/// One of its connections.
#[derive(Debug, Default)]
struct Line {
    /// Counts what was asked over it.
    serial: u64,
    /// It is there, and needs not be made first.
    open: bool,
    exchange: Option<Exchange>,
    /// An answer that goes on, of which nothing is asked for now.
    rest: Option<Exchange>,
}

/// A request, and its answer as far as it is here.
#[derive(Debug)]
struct Exchange {
    url: Url,
    asked: Asked,
    request: String,
    pipe: Option<PipeId>,
    head: Vec<u8>,
    /// Where in the file the next byte stands, once the head is judged.
    at: Option<u64>,
    /// Bytes that are no content that was asked for, since they were counted last.
    vain: u64,
    inbox: VecDeque<Run>,
    fin: bool,
}

/// How an exchange ends.
enum Ended {
    Done,
    Failed(Fault),
}

impl Exchange {
    fn new(fetch: Fetch) -> Self {
        let Fetch { url, asked, .. } = fetch;
        let range = asked.range().map_or(String::new(), |it| format!("Range: {it}\r\n"));
        let (target, host) = (url.target(), url.authority());
        Self {
            asked,
            request: format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{range}\r\n"),
            url,
            pipe: None,
            head: Vec::new(),
            at: None,
            vain: 0,
            inbox: VecDeque::new(),
            fin: false,
        }
    }

    /// Whether what a fetch asks for is to come by this answer, too.
    fn leads_to(&self, fetch: &Fetch) -> bool {
        let ahead = self.at.is_some_and(|at| at <= fetch.asked.from);
        ahead && fetch.asked.streamed && self.url == fetch.url
    }

    /// Whether it is to be kept for what comes behind.
    fn goes_on(&self) -> bool {
        self.asked.goes_on() && self.at == Some(self.asked.to)
    }

    /// Reads what has come. `data` takes content.
    fn read(&mut self, mut data: impl FnMut(&[u8])) -> Option<Ended> {
        while self.at.is_none_or(|at| at < self.asked.to) {
            let Some(mut run) = self.inbox.pop_front() else {
                // What is missing then, the core sees by itself.
                return self.fin.then_some(Ended::Done);
            };
            let bytes = match &run {
                Run::Bytes(bytes) => bytes,
                Run::Zeros(count) => &ZEROS[..ZEROS.len().min(*count as usize)],
            };
            let used = match self.take(bytes, &mut data) {
                Ok(used) => used,
                Err(fault) => return Some(Ended::Failed(fault)),
            };
            run.split_to(used);
            if run.len() > 0 {
                self.inbox.push_front(run);
            }
        }
        Some(Ended::Done)
    }

    /// Takes bytes off the front; returns how many.
    fn take(&mut self, bytes: &[u8], data: &mut impl FnMut(&[u8])) -> Result<u64, Fault> {
        let Some(at) = &mut self.at else {
            let used = self.take_head(bytes)?;
            self.vain += used;
            return Ok(used);
        };
        let Asked { from, to, .. } = self.asked;
        let limit = if *at < from { from } else { to } - *at;
        let used = limit.min(bytes.len() as u64);
        if *at < from {
            self.vain += used;
        } else {
            data(&bytes[..used as usize]);
        }
        *at += used;
        Ok(used)
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        self.head.extend_from_slice(bytes);
        let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else {
            let endless = self.head.len() > HEAD_MAX;
            return if endless { Err(Fault::WrongRange) } else { Ok(bytes.len() as u64) };
        };
        let rest = self.head.split_off(end + 4);
        match judged(&self.asked, &String::from_utf8_lossy(&self.head)) {
            Judgement::Take { skip } => self.at = Some(self.asked.from - skip),
            Judgement::Refuse(fault) => return Err(fault),
            Judgement::Follow(to) => return Err(Fault::Redirect(to)),
        }
        Ok((bytes.len() - rest.len()) as u64)
    }
}

fn judged(asked: &Asked, head: &str) -> Judgement {
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let number = |name: &str| header(name)?.parse().ok();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    judge(
        asked,
        &Head {
            status,
            length: number("Content-Length"),
            range: header("Content-Range"),
            retry_after: number("Retry-After"),
            ..Head::default()
        },
    )
}

impl World {
    /// A node begins to ask a mirror.
    pub(super) fn open_mirror(&mut self, node: NodeIndex, open: OpenMirror) {
        let OpenMirror { conn, address, info } = open;
        let Some(web) = self.webs.iter().position(|web| web.address.url == address.url) else {
            return self.require(false, || format!("{node} asks a mirror that nobody named"));
        };
        let (now, rng) = (self.now, self.rng.fork());
        let end = MirrorEnd {
            core: Mirror::new(info, address, self.pool.clone(), rng),
            web: MirrorIndex(web as u32),
            lines: Default::default(),
            telling: Telling::new(now),
            timer: None,
            to_mind: now,
            to_link: now,
        };
        if let Some(mind) = &mut self.nodes[node.get()].mind {
            mind.mirrors.insert(conn, end);
        }
        self.pump_mirror(node, conn);
    }

    fn mirror_end(&mut self, node: NodeIndex, conn: ConnId) -> Option<&mut MirrorEnd> {
        self.nodes[node.get()].mind.as_mut()?.mirrors.get_mut(&conn)
    }

    /// Whether a connection of a node is one to a mirror.
    pub(super) fn is_mirror(&self, node: NodeIndex, conn: ConnId) -> bool {
        let mind = self.nodes[node.get()].mind.as_ref();
        mind.is_some_and(|mind| mind.mirrors.contains_key(&conn))
    }

    /// Orders reach a mirror's core.
    pub(super) fn order_mirror(&mut self, node: NodeIndex, conn: ConnId, orders: Vec<Order>) {
        let now = self.now;
        for order in orders {
            let Some(end) = self.mirror_end(node, conn) else {
                return;
            };
            if let Err(reason) = end.core.handle_order(now, order) {
                return self.end_mirror(node, conn, reason);
            }
        }
        self.pump_mirror(node, conn);
    }

    /// Sends orders on their way to a mirror's core.
    pub(super) fn send_to_mirror(&mut self, node: NodeIndex, conn: ConnId, orders: Vec<Order>) {
        let after = self.config.boundary_delay(&mut self.rng);
        let at = self.now + after;
        let Some(end) = self.mirror_end(node, conn) else {
            return;
        };
        end.to_link = at.max(end.to_link);
        let at = end.to_link;
        self.schedule_at(node, at, Event::Orders { conn, orders });
    }

    /// A request has reached the server.
    pub(super) fn handle_asked(
        &mut self,
        node: NodeIndex,
        (conn, line): (ConnId, LineId),
        serial: u64,
    ) {
        let Some(end) = self.mirror_end(node, conn) else {
            return;
        };
        let (web, it) = (end.web, &end.lines[line.0]);
        let Some(exchange) = it.exchange.as_ref().filter(|_| it.serial == serial) else {
            return;
        };
        let request = exchange.request.clone();
        let pipe = self.handle_get(web, (node, conn, line), &request);
        let now = self.now;
        let Some(end) = self.mirror_end(node, conn) else {
            return;
        };
        let it = &mut end.lines[line.0];
        if let Some(exchange) = it.exchange.as_mut().filter(|_| pipe.is_some()) {
            (it.open, exchange.pipe) = (true, pipe);
            return;
        }
        it.exchange = None;
        let fault = Fault::Network("connection refused".into());
        if let Err(reason) = end.core.handle_fault(now, line, &fault) {
            return self.end_mirror(node, conn, reason);
        }
        self.pump_mirror(node, conn);
    }

    /// What a pipe that carries an answer tells.
    pub(super) fn handle_answer_pipe(&mut self, event: netem::Event<Chunk>) {
        let pipe = event.pipe();
        let netem::Event::Delivered { item, .. } = event else {
            return self.serve(pipe);
        };
        let Some((node, conn, line)) = self.answers.get(&pipe).map(|answer| answer.to) else {
            return;
        };
        self.trace.record(self.now, b'w', &[pipe.0, u64::from(node.0)], &[]);
        if let Chunk::Data(runs) = &item {
            for run in runs {
                self.trace.extend(run);
            }
        }
        let it = self.mirror_end(node, conn).map(|end| &mut end.lines[line.0]);
        let exchange = it.and_then(|it| it.exchange.as_mut().or(it.rest.as_mut()));
        if let Some(exchange) = exchange {
            match item {
                Chunk::Data(runs) => exchange.inbox.extend(runs),
                Chunk::Fin => exchange.fin = true,
            }
        }
        self.pump_mirror(node, conn);
    }

    pub(super) fn handle_mirror_timer(&mut self, node: NodeIndex, conn: ConnId, at: Instant) {
        if let Some(end) = self.mirror_end(node, conn).filter(|end| end.timer == Some(at)) {
            end.timer = None;
            self.pump_mirror(node, conn);
        }
    }

    /// Moves all that can move between a mirror and the mind.
    pub(super) fn pump_mirror(&mut self, node: NodeIndex, conn: ConnId) {
        loop {
            if let Err(reason) = self.read_answers(node, conn) {
                return self.end_mirror(node, conn, reason);
            }
            if !self.ask_mirror(node, conn) {
                break;
            }
        }
        self.tell_of_mirror(node, conn);
        let now = self.now;
        let Some(end) = self.mirror_end(node, conn) else {
            return;
        };
        let tell = end.telling.due(end.core.totals());
        let due = end.core.poll_timeout().into_iter().chain(tell).min().map(|due| due.max(now));
        if let Some(at) = due.filter(|&due| end.timer.is_none_or(|armed| due < armed)) {
            end.timer = Some(at);
            self.schedule_at(node, at, Event::MirrorTimer { conn, at });
        }
    }

    fn read_answers(&mut self, node: NodeIndex, conn: ConnId) -> Result<(), CloseReason> {
        let now = self.now;
        let Some(mind) = self.nodes[node.get()].mind.as_mut() else {
            return Ok(());
        };
        let reading = mind.session.reading_allowed();
        let Some(MirrorEnd { core, lines, .. }) = mind.mirrors.get_mut(&conn) else {
            return Ok(());
        };
        core.handle_timeout(now);
        let (mut ended, mut result) = (Vec::new(), Ok(()));
        for (at, line) in lines.iter_mut().enumerate().filter(|_| reading) {
            let Some(exchange) = &mut line.exchange else {
                continue;
            };
            let id = LineId(at);
            let end = exchange.read(|bytes| core.handle_data(id, bytes));
            core.handle_overhead(std::mem::take(&mut exchange.vain));
            let Some(end) = end else {
                continue;
            };
            line.open = matches!(end, Ended::Done) && !exchange.fin;
            let (on, over): (Vec<_>, Vec<_>) =
                line.exchange.take().into_iter().partition(|it| line.open && it.goes_on());
            line.rest = on.into_iter().next();
            ended.extend(over.into_iter().filter_map(|it| it.pipe));
            result = result.and(match end {
                Ended::Done => core.handle_done(now, id),
                Ended::Failed(fault) => core.handle_fault(now, id, &fault),
            });
        }
        for pipe in ended {
            self.close_answer(pipe);
        }
        result
    }

    /// Sends requests on their way, as the core wishes. Returns whether something that was asked
    /// for comes by an answer that is coming already, and may be here.
    fn ask_mirror(&mut self, node: NodeIndex, conn: ConnId) -> bool {
        let Some(web) = self.mirror_end(node, conn).map(|end| end.web) else {
            return false;
        };
        let mut goes_on = false;
        let way = self.way_to(node, web);
        let (mut dropped, mut asked): (Vec<PipeId>, Vec<(LineId, u64, Duration)>) =
            Default::default();
        let Some(end) = self.mirror_end(node, conn) else {
            return false;
        };
        while let Some(line) = end.core.poll_abort() {
            let it = &mut end.lines[line.0];
            (it.serial, it.open) = (it.serial + 1, false);
            let both = it.exchange.take().into_iter().chain(it.rest.take());
            dropped.extend(both.filter_map(|exchange| exchange.pipe));
        }
        while let Some(fetch) = end.core.poll_fetch() {
            let it = &mut end.lines[fetch.line.0];
            it.serial += 1;
            if let Some(mut rest) = it.rest.take() {
                if rest.leads_to(&fetch) {
                    rest.asked = fetch.asked;
                    (it.exchange, goes_on) = (Some(rest), true);
                    continue;
                }
                it.open = false;
                dropped.extend(rest.pipe);
            }
            let line = fetch.line;
            it.exchange = Some(Exchange::new(fetch));
            // A connection is there after one way and back.
            let after = if it.open { way } else { way * 3 };
            asked.push((line, it.serial, after));
        }
        for pipe in dropped {
            self.close_answer(pipe);
        }
        for (line, serial, after) in asked {
            self.schedule(node, after, Event::Asked { conn, line, serial });
        }
        goes_on
    }

    fn tell_of_mirror(&mut self, node: NodeIndex, conn: ConnId) {
        let now = self.now;
        let Some(end) = self.mirror_end(node, conn) else {
            return;
        };
        let mut batch = end.core.poll_batch();
        if !end.telling.is_news(now, &batch) {
            return;
        }
        for report in &mut batch.reports {
            if let Report::Block { range, data } = report {
                self.source.share(*range, data);
            }
        }
        let at = self.tell_at(node, conn);
        self.schedule_at(node, at, Event::Batch { conn, batch });
    }

    /// When the next thing that is told of a mirror reaches the mind.
    fn tell_at(&mut self, node: NodeIndex, conn: ConnId) -> Instant {
        let at = self.now + self.config.boundary_delay(&mut self.rng);
        let Some(end) = self.mirror_end(node, conn) else {
            return at;
        };
        end.to_mind = at.max(end.to_mind);
        end.to_mind
    }

    /// Ends a mirror from this side; the mind is told after all that it was told before.
    fn end_mirror(&mut self, node: NodeIndex, conn: ConnId, reason: CloseReason) {
        self.tell_of_mirror(node, conn);
        let at = self.tell_at(node, conn);
        self.drop_mirror(node, conn);
        let numbers = [u64::from(node.0), conn.0];
        self.trace.record(self.now, b'm', &numbers, reason.to_string().as_bytes());
        self.schedule_at(node, at, Event::Closed { conn, reason });
    }

    /// Takes a mirror's connections away.
    pub(super) fn drop_mirror(&mut self, node: NodeIndex, conn: ConnId) {
        let state = &mut self.nodes[node.get()];
        let Some(end) = state.mind.as_mut().and_then(|mind| mind.mirrors.remove(&conn)) else {
            return;
        };
        *state.from_mirrors.entry(end.web).or_default() += end.core.totals().down_payload;
        let both = |line: Line| line.exchange.into_iter().chain(line.rest);
        let exchanges = end.lines.into_iter().flat_map(both);
        for pipe in exchanges.filter_map(|it| it.pipe) {
            self.close_answer(pipe);
        }
    }

    /// A node's connections to mirrors.
    pub(super) fn mirror_conns(&self, node: NodeIndex) -> Vec<ConnId> {
        let mind = self.nodes[node.get()].mind.iter();
        mind.flat_map(|mind| mind.mirrors.keys().copied()).collect()
    }

    /// A session complains of a mirror: only who lied, or was slow, is left out.
    pub(super) fn mirror_failed(
        &mut self,
        node: NodeIndex,
        url: &str,
        message: String,
        left_out: bool,
    ) {
        let Some(at) = self.webs.iter().position(|web| web.address.url.to_string() == url) else {
            return self.require(false, || format!("{node} names {url}, which is no mirror here"));
        };
        let deserved = self.webs[at].lied > 0 || message == CloseReason::Slow.to_string();
        self.require(!left_out || deserved, || format!("{node} leaves {url} out: {message}"));
        let failure = MirrorFailure { mirror: MirrorIndex(at as u32), message, left_out };
        self.nodes[node.get()].mirror_failures.push(failure);
    }

    /// Payload that a node had from a mirror.
    pub fn from_mirror(&self, node: NodeIndex, mirror: MirrorIndex) -> u64 {
        let state = &self.nodes[node.get()];
        let ended = state.from_mirrors.get(&mirror).copied().unwrap_or(0);
        let ends = state.mind.iter().flat_map(|mind| mind.mirrors.values());
        let open = ends.filter(|end| end.web == mirror).map(|end| end.core.totals().down_payload);
        ended + open.sum::<u64>()
    }

    /// What a node had to complain of about mirrors.
    pub fn mirror_failures(&self, node: NodeIndex) -> &[MirrorFailure] {
        &self.nodes[node.get()].mirror_failures
    }
}
