use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use mirror::{Asked, Dialogue, Fault, Replies, Reply, Step, Url, is_too_slow};
use stdx::Duration;

use super::http::OVERHEAD_TOLD;
use super::{Errand, SILENT_MAX, What, dial};

/// Read from the second connection at a time.
const READ_MAX: usize = 64 * 1024;
/// How long a server may take to see that a file is no longer read.
const FAREWELL: Duration = Duration::from_secs(3);

/// A file that comes over a second connection.
#[derive(Debug)]
struct Transfer {
    /// Of what.
    url: Url,
    stream: TcpStream,
    /// Read, and not asked for yet.
    ahead: BytesMut,
    /// Where in the file that is.
    at: u64,
}

/// A control connection (RFC 959).
#[derive(Debug)]
pub(super) struct FtpLine {
    control: TcpStream,
    ip: IpAddr,
    replies: Replies,
    dialogue: Dialogue,
    /// What is under way, if more of it may be wanted.
    transfer: Option<Transfer>,
}

/// Fetches a part of a file. Returns the connection if it is good for more.
pub(super) async fn fetch(
    errand: &mut Errand,
    mut kept: Option<FtpLine>,
) -> (Result<(), Fault>, Option<FtpLine>) {
    let asked = errand.fetch.asked;
    if let Some(mut line) = kept.take_if(|line| line.transfer.is_some()) {
        let allowed = asked.streamed && !errand.is_forbidden(line.ip);
        let ahead = |it: &Transfer| allowed && it.url == errand.fetch.url && it.at <= asked.from;
        if let Some(transfer) = line.transfer.take().filter(ahead) {
            let result = line.take(errand, transfer).await;
            return (result, Some(line).filter(FtpLine::is_good));
        }
    }
    if let Some(mut line) = kept.filter(|line| !errand.is_forbidden(line.ip)) {
        let next = line.dialogue.again(&errand.fetch.url, begin(&asked), asked.whole);
        match line.carry_out(errand, next).await {
            // The server had hung up meanwhile. What was told is not told again.
            Err(Fault::Network(_) | Fault::Busy(_)) if !errand.has_given => {}
            result => return (result, Some(line).filter(FtpLine::is_good)),
        }
    }
    match FtpLine::open(errand).await {
        Ok(mut line) => {
            let result = line.carry_out(errand, Ok(Step::Wait)).await;
            (result, Some(line).filter(FtpLine::is_good))
        }
        Err(fault) => (Err(fault), None),
    }
}

/// Where the server is to begin. One without `REST` begins where files do.
fn begin(asked: &Asked) -> u64 {
    if asked.streamed { 0 } else { asked.from }
}

impl FtpLine {
    async fn open(errand: &Errand) -> Result<Self, Fault> {
        let (url, asked, typed) = (&errand.fetch.url, errand.fetch.asked, errand.typed);
        let dialogue = Dialogue::new(url, begin(&asked), asked.whole)?;
        let (control, ip) =
            dial::connect(&errand.egress, url, typed, |ip| typed || url.may_contact(ip)).await?;
        Ok(Self { control, ip, replies: Replies::default(), dialogue, transfer: None })
    }

    /// Whether it is good for more.
    fn is_good(&self) -> bool {
        self.transfer.is_some() || self.dialogue.is_idle()
    }

    async fn carry_out(
        &mut self,
        errand: &mut Errand,
        first: Result<Step, Fault>,
    ) -> Result<(), Fault> {
        let mut step = first?;
        let mut data = None;
        loop {
            step = match step {
                Step::Wait => {
                    let reply = self.reply(SILENT_MAX).await?;
                    self.dialogue.handle_reply(&reply)?
                }
                Step::Send(line) => {
                    self.control
                        .write_all(line.as_bytes())
                        .await
                        .map_err(|error| broken(&error))?;
                    Step::Wait
                }
                Step::Connect(port) => {
                    // To where we are already, whatever address the server gave.
                    data = Some(dial::tcp(&errand.egress, SocketAddr::new(self.ip, port)).await?);
                    self.dialogue.handle_connected()
                }
                Step::Transfer => {
                    let stream = data.take().ok_or(Fault::Short)?;
                    let (url, at) = (errand.fetch.url.clone(), begin(&errand.fetch.asked));
                    let transfer = Transfer { url, stream, ahead: BytesMut::new(), at };
                    return self.take(errand, transfer).await;
                }
                Step::Done => return Ok(()),
            };
        }
    }

    /// Takes of a file what is asked for, and ends the transfer unless more of it may be wanted.
    async fn take(&mut self, errand: &mut Errand, mut transfer: Transfer) -> Result<(), Fault> {
        read(errand, &mut transfer).await?;
        if errand.fetch.asked.goes_on() {
            self.transfer = Some(transfer);
            return Ok(());
        }
        drop(transfer);
        // The bytes are here; what the server thinks of it decides whether it is asked again over
        // this connection.
        if let Ok(reply) = self.reply(FAREWELL).await {
            let _closed = self.dialogue.handle_reply(&reply);
        }
        Ok(())
    }

    async fn reply(&mut self, patience: Duration) -> Result<Reply, Fault> {
        loop {
            if let Some(reply) = self.replies.poll()? {
                return Ok(reply);
            }
            let mut bytes = [0; 4_096];
            let read = timeout(patience, self.control.read(&mut bytes)).await;
            let n = read.map_err(|_| Fault::Silent)?.map_err(|error| broken(&error))?;
            if n == 0 {
                return Err(Fault::Network("the FTP server hangs up".to_owned()));
            }
            self.replies.handle_received(&bytes[..n])?;
        }
    }
}

/// Reads a file past what was not asked for, and to the end of what was.
async fn read(errand: &mut Errand, transfer: &mut Transfer) -> Result<(), Fault> {
    let Asked { from, to, .. } = errand.fetch.asked;
    let Transfer { stream, ahead, at, .. } = transfer;
    let (mut got, mut vain, mut waited) = (0, 0, Duration::ZERO);
    while *at < to {
        if ahead.is_empty() {
            errand.meter.ready().await;
            ahead.reserve(READ_MAX);
            let since = Instant::now();
            let read = timeout(SILENT_MAX, stream.read_buf(ahead)).await;
            let n = read.map_err(|_| Fault::Silent)?.map_err(|error| broken(&error))? as u64;
            waited += since.elapsed();
            if n == 0 {
                return Err(Fault::Short);
            }
            errand.meter.pay(n).await;
            got += n;
        }
        let limit = if *at < from { from } else { to } - *at;
        let length = ahead.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let bytes = ahead.split_to(length).freeze();
        *at += length as u64;
        if *at > from {
            errand.say(What::Data(bytes)).await;
        } else {
            vain += length as u64;
        }
        if vain >= OVERHEAD_TOLD {
            errand.say(What::Overhead(std::mem::take(&mut vain))).await;
        }
        if is_too_slow(got, waited) {
            return Err(Fault::Silent);
        }
    }
    errand.say(What::Overhead(vain)).await;
    Ok(())
}

fn broken(error: &std::io::Error) -> Fault {
    Fault::Network(error.to_string())
}
