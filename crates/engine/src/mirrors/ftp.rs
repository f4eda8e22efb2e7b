use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use mirror::{Dialogue, Fault, Replies, Reply, Step, is_too_slow};
use stdx::Duration;

use super::{Errand, SILENT_MAX, What, dial};

/// Read from the second connection at a time.
const READ_MAX: usize = 64 * 1024;
/// How long a server may take to see that a file is no longer read.
const FAREWELL: Duration = Duration::from_secs(3);

/// A control connection (RFC 959).
#[derive(Debug)]
pub(super) struct FtpLine {
    control: TcpStream,
    ip: IpAddr,
    replies: Replies,
    dialogue: Dialogue,
}

/// Fetches a part of a file. Returns the connection if it is good for more.
pub(super) async fn fetch(
    errand: &mut Errand,
    kept: Option<FtpLine>,
) -> (Result<(), Fault>, Option<FtpLine>) {
    if let Some(mut line) = kept {
        let asked = errand.fetch.asked;
        let next = line.dialogue.again(&errand.fetch.url, asked.from, asked.whole);
        match line.carry_out(errand, next).await {
            // The server had hung up meanwhile.
            Err(Fault::Network(_) | Fault::Busy(_)) => {}
            result => return (result, Some(line).filter(|line| line.dialogue.is_idle())),
        }
    }
    match FtpLine::open(errand).await {
        Ok(mut line) => {
            let result = line.carry_out(errand, Ok(Step::Wait)).await;
            (result, Some(line).filter(|line| line.dialogue.is_idle()))
        }
        Err(fault) => (Err(fault), None),
    }
}

impl FtpLine {
    async fn open(errand: &Errand) -> Result<Self, Fault> {
        let (url, asked, typed) = (&errand.fetch.url, errand.fetch.asked, errand.typed);
        let dialogue = Dialogue::new(url, asked.from, asked.whole)?;
        let (control, ip) =
            dial::connect(&errand.egress, url, |ip| typed || url.may_contact(ip)).await?;
        Ok(Self { control, ip, replies: Replies::default(), dialogue })
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
                    transfer(errand, stream).await?;
                    // The bytes are here; what the server thinks of it decides whether it is asked
                    // again over this connection.
                    if let Ok(reply) = self.reply(FAREWELL).await {
                        let _closed = self.dialogue.handle_reply(&reply);
                    }
                    return Ok(());
                }
                Step::Done => return Ok(()),
            };
        }
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

/// Takes the bytes that are asked for, and ends the transfer there.
async fn transfer(errand: &mut Errand, mut stream: TcpStream) -> Result<(), Fault> {
    let mut need = errand.fetch.asked.length();
    let (mut got, mut waited) = (0, Duration::ZERO);
    let mut buffer = BytesMut::new();
    while need > 0 {
        errand.meter.ready().await;
        buffer.reserve(READ_MAX);
        let since = Instant::now();
        let read = timeout(SILENT_MAX, stream.read_buf(&mut buffer)).await;
        let n = read.map_err(|_| Fault::Silent)?.map_err(|error| broken(&error))? as u64;
        waited += since.elapsed();
        if n == 0 {
            return Err(Fault::Short);
        }
        errand.meter.pay(n).await;
        got += n;
        let mut bytes = buffer.split().freeze();
        bytes.truncate(usize::try_from(need).unwrap_or(usize::MAX));
        need -= bytes.len() as u64;
        errand.say(What::Data(bytes)).await;
        if is_too_slow(got, waited) {
            return Err(Fault::Silent);
        }
    }
    Ok(())
}

fn broken(error: &std::io::Error) -> Fault {
    Fault::Network(error.to_string())
}
