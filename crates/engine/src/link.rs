use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::watch;

use disk::Disk;
use peer::{CloseReason, Peer, Telling};
use session::Flow;
use stdx::{BlockRange, ConnId, Instant, Pool};

use crate::clock::Clock;
use crate::conduit::Conduit;
use crate::greet::Greeter;
use crate::mind::Input;
use crate::stream::Stream;
use crate::throttle::{Line, Throttle};

use socket::Allowance;

mod mailbox;
mod socket;

pub(crate) use mailbox::{LinkInput, Mailbox};

/// Inputs taken in before the socket gets its turn.
const TURN_MAX: usize = 256;

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) mind: Sender<Input>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) pool: Pool,
    /// False while the disk is behind and no socket may be read.
    pub(crate) reading: watch::Receiver<bool>,
}

/// One connection: a socket, its `Peer`, and the way to the mind.
pub(crate) struct Link {
    conn: ConnId,
    conduit: Conduit,
    /// By itself, for a task has a place for all that it may come to hold, more than once for some.
    peer: Box<Peer>,
    inbox: Receiver<LinkInput>,
    /// The way to `inbox`, for those that answer us.
    mailbox: Mailbox,
    around: Surroundings,
    /// Up and down, as [`Flow`] counts them.
    allowance: [Allowance; 2],
    telling: Telling,
}

impl Link {
    pub(crate) fn new(
        conn: ConnId,
        conduit: Conduit,
        mut peer: Box<Peer>,
        (mailbox, inbox): (Mailbox, Receiver<LinkInput>),
        around: Surroundings,
    ) -> Self {
        peer.set_carrier(conduit.carrier());
        let telling = Telling::new(around.clock.now());
        Self {
            conn,
            conduit,
            peer,
            inbox,
            mailbox,
            around,
            allowance: [Allowance::default(); 2],
            telling,
        }
    }

    /// Finds out what somebody speaks who connected to us, and goes on with it.
    pub(crate) async fn answer(
        conn: ConnId,
        (stream, greeter): (Stream, Greeter),
        mut peer: Box<Peer>,
        (mailbox, mut inbox): (Mailbox, Receiver<LinkInput>),
        around: Surroundings,
    ) {
        // What it takes to begin is not kept until the end.
        let beginning = begin(stream, &greeter, &mut peer, &mut inbox, around.clock);
        match Box::pin(beginning).await {
            Ok(conduit) => {
                Self::new(conn, conduit, peer, (mailbox, inbox), around).run().await;
            }
            Err(reason) => {
                let last = peer.poll_batch();
                let _gone = around.mind.send(Input::Closed(conn, last, reason)).await;
            }
        }
    }

    /// Runs the connection to its end and tells the mind why it ended.
    pub(crate) async fn run(mut self) {
        self.around.throttle.join(self.conn, Line::Link(self.mailbox.clone()));
        let reason = match self.turns().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        self.around.throttle.leave(self.conn);
        for flow in [Flow::Up, Flow::Down] {
            self.around.throttle.give_back(flow, self.allowance[flow as usize].bytes);
        }
        // What came before the end still counts: blocks received, bytes moved.
        let last = self.peer.poll_batch();
        let _gone = self.around.mind.send(Input::Closed(self.conn, last, reason)).await;
    }

    async fn turns(&mut self) -> Result<Infallible, CloseReason> {
        loop {
            if self.mailbox.has_overflowed() {
                return Err(CloseReason::Transport("it does not keep up".to_owned()));
            }
            // Here and not only below: a socket that is always ready must not hold time up.
            let now = self.now();
            if self.peer.poll_timeout().is_some_and(|due| due <= now) {
                self.peer.handle_timeout(now)?;
            }
            self.start_reads();
            self.report().await?;
            self.release_unusable();
            self.wait().await?;
        }
    }

    /// Waits for whatever comes first, and handles it. What is waiting takes turns by chance, so
    /// that neither the socket nor the mind can shut the other out.
    async fn wait(&mut self) -> Result<(), CloseReason> {
        let (read, write) = self.interest();
        let deadline = self.deadline();
        tokio::select! {
            input = self.inbox.recv() => {
                // It never ends while we hold a way to it ourselves.
                self.handle(input.ok_or(CloseReason::Stopped)?)?;
                for _ in 1..TURN_MAX {
                    let Ok(input) = self.inbox.try_recv() else { break };
                    self.handle(input)?;
                }
            }
            ready = self.conduit.ready(read, write), if read || write => {
                let ready = ready.map_err(|error| CloseReason::Transport(error.to_string()))?;
                let (readable, writable) = ready;
                if readable {
                    self.read()?;
                }
                if writable {
                    self.write()?;
                }
            }
            // The mind lives as long as its links; an error would mean that it has ended.
            changed = self.around.reading.changed() => {
                changed.map_err(|_| CloseReason::Stopped)?;
            }
            // The next turn sees to what is due.
            () = self.around.clock.sleep_until(deadline) => {}
        }
        Ok(())
    }

    /// When to go on even if nothing comes.
    fn deadline(&self) -> Option<Instant> {
        let tell = self.telling.due(self.peer.totals());
        self.peer.poll_timeout().into_iter().chain(tell).min()
    }

    fn handle(&mut self, input: LinkInput) -> Result<(), CloseReason> {
        let now = self.now();
        match input {
            LinkInput::Order(order) => self.peer.handle_order(now, order),
            LinkInput::Grant(flow, bytes) => {
                let allowance = &mut self.allowance[flow as usize];
                allowance.bytes += bytes;
                allowance.asked = false;
                Ok(())
            }
            LinkInput::Read(blocks) => {
                for (range, data) in blocks {
                    self.peer.handle_read(now, range, data);
                }
                Ok(())
            }
        }
    }
}

/// Until it is known what the other side speaks: nothing but orders and time reaches the peer.
async fn begin(
    stream: Stream,
    greeter: &Greeter,
    peer: &mut Peer,
    inbox: &mut Receiver<LinkInput>,
    clock: Clock,
) -> Result<Conduit, CloseReason> {
    let mut answering = std::pin::pin!(greeter.answer(stream));
    loop {
        let deadline = peer.poll_timeout();
        tokio::select! {
            conduit = &mut answering => {
                return conduit.map_err(|error| CloseReason::Transport(error.to_string()));
            }
            input = inbox.recv() => {
                if let LinkInput::Order(order) = input.ok_or(CloseReason::Stopped)? {
                    peer.handle_order(clock.now(), order)?;
                }
            }
            () = clock.sleep_until(deadline) => peer.handle_timeout(clock.now())?,
        }
    }
}

/// The mind's and the disk's side.
impl Link {
    /// Asks the disk for the blocks that are to be sent next.
    fn start_reads(&mut self) {
        let Some(torrent) = self.peer.torrent().map(|torrent| torrent.id) else {
            return;
        };
        let ranges: Vec<BlockRange> = std::iter::from_fn(|| self.peer.poll_read()).collect();
        if ranges.is_empty() {
            return;
        }
        let mailbox = self.mailbox.clone();
        self.around.disk.read(
            torrent,
            ranges,
            Box::new(move |blocks| {
                let _ended = mailbox.put(LinkInput::Read(blocks));
            }),
        );
    }

    /// Tells the mind what happened, if there is anything to tell.
    async fn report(&mut self) -> Result<(), CloseReason> {
        let (now, batch) = (self.now(), self.peer.poll_batch());
        if !self.telling.is_news(now, &batch) {
            return Ok(());
        }
        let input = Input::Batch(self.conn, batch);
        self.around.mind.send(input).await.map_err(|_| CloseReason::Stopped)?;
        // The mind may have only this thread to run on. It has to hear of these blocks before more
        // are read, for it is the mind that says when there are enough.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn now(&self) -> Instant {
        self.around.clock.now()
    }
}

#[cfg(test)]
mod tests;
