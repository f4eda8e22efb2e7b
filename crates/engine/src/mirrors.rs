use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};

use mirror::{Fault, Fetch, LINES_MAX, LineId, Mirror};
use peer::{CloseReason, Telling};
use stdx::{ConnId, Duration};

use crate::egress::Egress;
use crate::link::{LinkInput, Mailbox, Surroundings};
use crate::mind::Input;

use ftp::FtpLine;
use http::HttpLine;
use meter::Meter;

mod dial;
mod ftp;
mod http;
mod meter;

/// Things said by the connections of one mirror that may wait; beyond it they read no more.
const SAID_MAX: usize = 32;
/// How long a server may take to say anything.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// What a connection has to say.
#[derive(Debug)]
struct Said {
    line: LineId,
    /// Of which fetch.
    serial: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Content.
    Data(Bytes),
    /// So many bytes that are no content.
    Overhead(u64),
    /// It is over; the connection may be good for more.
    End(Result<(), Fault>, Option<Box<Kept>>),
}

/// A connection to a server that stays open.
#[derive(Debug)]
enum Kept {
    Http(HttpLine),
    Ftp(FtpLine),
}

/// One of a mirror's connections, as its task sees it.
#[derive(Debug, Default)]
struct Line {
    serial: u64,
    kept: Option<Box<Kept>>,
    task: Option<AbortHandle>,
}

/// What a fetch needs of its surroundings.
struct Errand {
    fetch: Fetch,
    /// The user named the mirror.
    typed: bool,
    egress: Egress,
    meter: Meter,
    say: Sender<Said>,
    serial: u64,
    /// Bytes of the file were told.
    has_given: bool,
}

impl Errand {
    /// Whether a server that content names is at an address that is not to be dealt with.
    fn is_forbidden(&self, ip: IpAddr) -> bool {
        !self.typed && self.egress.forbidden().holds(ip)
    }

    /// Says something; false when nobody listens any more.
    async fn say(&mut self, what: What) -> bool {
        self.has_given |= matches!(what, What::Data(_));
        let Self { fetch, serial, say, .. } = self;
        say.send(Said { line: fetch.line, serial: *serial, what }).await.is_ok()
    }
}

/// One mirror: its core, its connections, and the way to the mind.
pub(crate) struct MirrorLink {
    conn: ConnId,
    mirror: Mirror,
    inbox: Receiver<LinkInput>,
    mailbox: Mailbox,
    around: Surroundings,
    egress: Egress,
    lines: [Line; LINES_MAX],
    /// The fetches under way; they end with this.
    fetches: JoinSet<()>,
    say: Sender<Said>,
    said: Receiver<Said>,
    telling: Telling,
}

impl MirrorLink {
    pub(crate) fn new(
        conn: ConnId,
        mirror: Mirror,
        (mailbox, inbox): (Mailbox, Receiver<LinkInput>),
        around: Surroundings,
        egress: Egress,
    ) -> Self {
        let (say, said) = channel(SAID_MAX);
        Self {
            conn,
            mirror,
            inbox,
            mailbox,
            telling: Telling::new(around.clock.now()),
            around,
            egress,
            lines: Default::default(),
            fetches: JoinSet::new(),
            say,
            said,
        }
    }

    /// Runs until the mirror is of no more use, or is no longer wanted, and tells the mind why.
    pub(crate) async fn run(mut self) {
        let reason = match self.turns().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        self.fetches.shutdown().await;
        // What came before the end still counts.
        let last = self.mirror.poll_batch();
        let _gone = self.around.mind.send(Input::Closed(self.conn, last, reason)).await;
    }

    async fn turns(&mut self) -> Result<Infallible, CloseReason> {
        loop {
            if self.mailbox.has_overflowed() {
                return Err(CloseReason::Transport("it does not keep up".to_owned()));
            }
            self.mirror.handle_timeout(self.around.clock.now());
            self.act();
            self.report().await?;
            self.wait().await?;
        }
    }

    async fn wait(&mut self) -> Result<(), CloseReason> {
        let due = self.telling.due(self.mirror.totals());
        let deadline = self.mirror.poll_timeout().into_iter().chain(due).min();
        tokio::select! {
            input = self.inbox.recv() => self.take(input.ok_or(CloseReason::Stopped)?)?,
            // It never ends while we hold a way to it ourselves.
            Some(said) = self.said.recv() => {
                self.hear(said)?;
                while let Ok(said) = self.said.try_recv() {
                    self.hear(said)?;
                }
            }
            Some(ended) = self.fetches.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    return Err(CloseReason::Transport("internal error".to_owned()));
                }
            }
            () = self.around.clock.sleep_until(deadline) => {}
        }
        Ok(())
    }

    fn take(&mut self, input: LinkInput) -> Result<(), CloseReason> {
        match input {
            LinkInput::Order(order) => self.mirror.handle_order(self.around.clock.now(), order),
            // Nobody asks for these here.
            LinkInput::Grant(..) | LinkInput::Read(_) => Ok(()),
        }
    }

    fn hear(&mut self, said: Said) -> Result<(), CloseReason> {
        let Said { line, serial, what } = said;
        let now = self.around.clock.now();
        let it = &mut self.lines[line.0];
        match what {
            What::Overhead(bytes) => self.mirror.handle_overhead(bytes),
            _ if serial != it.serial => {}
            What::Data(data) => self.mirror.handle_data(line, &data),
            What::End(result, kept) => {
                (it.kept, it.task) = (kept, None);
                match result {
                    Ok(()) => self.mirror.handle_done(now, line)?,
                    Err(fault) => {
                        let url = self.mirror.address().url.to_string();
                        tracing::debug!(url, line = line.0, "mirror: {fault}");
                        self.mirror.handle_fault(now, line, &fault)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins and ends fetches as the core wishes.
    fn act(&mut self) {
        while let Some(line) = self.mirror.poll_abort() {
            let it = &mut self.lines[line.0];
            it.serial += 1;
            if let Some(task) = it.task.take() {
                task.abort();
            }
        }
        while let Some(fetch) = self.mirror.poll_fetch() {
            let it = &mut self.lines[fetch.line.0];
            it.serial += 1;
            let kept = it.kept.take();
            let errand = Errand {
                typed: self.mirror.address().typed,
                egress: self.egress.clone(),
                meter: Meter::new(Arc::clone(&self.around.throttle), self.around.reading.clone()),
                say: self.say.clone(),
                serial: it.serial,
                has_given: false,
                fetch,
            };
            it.task = Some(self.fetches.spawn(run(errand, kept)));
        }
    }

    /// Tells the mind what happened, if there is anything to tell.
    async fn report(&mut self) -> Result<(), CloseReason> {
        let (now, batch) = (self.around.clock.now(), self.mirror.poll_batch());
        if !self.telling.is_news(now, &batch) {
            return Ok(());
        }
        let input = Input::Batch(self.conn, batch);
        self.around.mind.send(input).await.map_err(|_| CloseReason::Stopped)
    }
}

/// Does one fetch, over the connection that is kept or a new one.
async fn run(mut errand: Errand, kept: Option<Box<Kept>>) {
    let ftp = errand.fetch.url.scheme() == mirror::Scheme::Ftp;
    let (result, kept) = if ftp {
        let kept = kept.and_then(|kept| match *kept {
            Kept::Ftp(line) => Some(line),
            Kept::Http(_) => None,
        });
        let (result, kept) = ftp::fetch(&mut errand, kept).await;
        (result, kept.map(Kept::Ftp))
    } else {
        let kept = kept.and_then(|kept| match *kept {
            Kept::Http(line) => Some(line),
            Kept::Ftp(_) => None,
        });
        let (result, kept) = http::fetch(&mut errand, kept).await;
        (result, kept.map(Kept::Http))
    };
    errand.say(What::End(result, kept.map(Box::new))).await;
}
