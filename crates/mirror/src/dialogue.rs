use percent_encoding::percent_decode_str;

use crate::{Fault, Url};

/// The longest reply that is read, in bytes: greetings can be long.
pub const REPLY_MAX: usize = 64 * 1024;
/// Replies on the way to one file; a server that has more to say is not listened to.
const REPLIES_MAX: u32 = 64;

/// One reply of an FTP server (RFC 959 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its three digits.
    pub code: u16,
    /// Its last line, without them.
    pub text: String,
}

/// Takes replies apart as their bytes come.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    bytes: Vec<u8>,
}

impl Replies {
    /// Takes bytes in.
    ///
    /// # Errors
    /// When the reply grows beyond [`REPLY_MAX`].
    pub fn handle_received(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.bytes.len() + bytes.len() > REPLY_MAX {
            return Err(Fault::Ftp("a reply without end".to_owned()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next reply, once it is whole.
    ///
    /// # Errors
    /// When it is none.
    pub fn poll(&mut self) -> Result<Option<Reply>, Fault> {
        let mut from = 0;
        let mut first: Option<u16> = None;
        while let Some(length) = self.bytes[from..].iter().position(|&byte| byte == b'\n') {
            let line = self.bytes[from..from + length].trim_ascii_end();
            from += length + 1;
            let code = code_of(line);
            let ends = line.get(3).is_none_or(|&byte| byte == b' ');
            let begun = first.is_some();
            let Some(code) = code.filter(|&code| first.is_none_or(|it| it == code && ends)) else {
                if begun {
                    continue;
                }
                return Err(Fault::Ftp(shown(line)));
            };
            if !ends {
                first = Some(code);
                continue;
            }
            let text = shown(line.get(4..).unwrap_or_default());
            self.bytes.drain(..from);
            return Ok(Some(Reply { code, text }));
        }
        Ok(None)
    }
}

fn code_of(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let separated = line.get(3).is_none_or(|byte| b" -".contains(byte));
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    separated.then_some(code).filter(|code| (100..700).contains(code))
}

/// What people may see of a line.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars().filter(|char| !char.is_control()).take(120).collect()
}

/// What to do next on an FTP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait for the next reply.
    Wait,
    /// Send this line, its end included, and wait for the reply.
    Send(String),
    /// Connect to this port of the *same* host for the bytes, then call
    /// [`Dialogue::handle_connected`]. What address the server gives with it is of no interest: it
    /// could be anybody's.
    Connect(u16),
    /// The bytes come over the second connection.
    Transfer,
    /// The bytes are through, and the connection is ready for another file.
    Done,
}

/// Where a [`Dialogue`] stands: what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    User,
    Password,
    Binary,
    Size,
    Extended,
    Passive,
    Connecting,
    Rest,
    Retrieve,
    Transferring,
    Idle,
}

/// Leads through FTP to the bytes of one file (RFC 959, RFC 2428, RFC 3659): a login, then for each
/// run of bytes a passive connection and where to begin.
#[derive(Clone, Debug)]
pub struct Dialogue {
    stage: Stage,
    user: String,
    password: String,
    path: String,
    from: u64,
    whole: Option<u64>,
    /// The file whose size was looked at last.
    sized: Option<String>,
    /// The server does not know `EPSV`.
    plain: bool,
    heard: u32,
}

impl Dialogue {
    /// For a new connection. Begin by waiting for the greeting.
    ///
    /// # Errors
    /// When the URL has characters in it that FTP cannot say.
    pub fn new(url: &Url, from: u64, whole: Option<u64>) -> Result<Self, Fault> {
        let (user, password) =
            match url.user().map(|user| user.split_once(':').unwrap_or((user, ""))) {
                Some((user, password)) => (decoded(user)?, decoded(password)?),
                None => ("anonymous".to_owned(), "fluvial@".to_owned()),
            };
        let path = decoded(&url.path()[1..])?;
        Ok(Self {
            stage: Stage::Greeting,
            user,
            password,
            path,
            from,
            whole,
            sized: None,
            plain: false,
            heard: 0,
        })
    }

    /// Goes on with another run of bytes over the same connection, once [`Step::Done`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn again(&mut self, url: &Url, from: u64, whole: Option<u64>) -> Result<Step, Fault> {
        (self.path, self.from, self.whole) = (decoded(&url.path()[1..])?, from, whole);
        self.heard = 0;
        Ok(self.look())
    }

    /// Takes a reply.
    ///
    /// # Errors
    /// When the server refuses, or says what makes no sense.
    pub fn handle_reply(&mut self, reply: &Reply) -> Result<Step, Fault> {
        self.heard += 1;
        if self.heard > REPLIES_MAX {
            return Err(Fault::Ftp("no end of replies".to_owned()));
        }
        if reply.code == 421 || (reply.code == 530 && self.stage == Stage::Greeting) {
            return Err(Fault::Busy(None));
        }
        match (self.stage, reply.code) {
            // Positive and preliminary: more follows.
            // Some say 426 and then 226.
            (Stage::Greeting, 100..=199) | (Stage::Idle, _) => Ok(Step::Wait),
            (Stage::Greeting, 200..=299) => {
                let line = format!("USER {}\r\n", self.user);
                Ok(self.send(Stage::User, line))
            }
            (Stage::User, 331 | 332) => {
                let line = format!("PASS {}\r\n", self.password);
                Ok(self.send(Stage::Password, line))
            }
            (Stage::User | Stage::Password, 200..=299) => {
                Ok(self.send(Stage::Binary, "TYPE I\r\n".to_owned()))
            }
            (Stage::Binary, 200..=299) => Ok(self.look()),
            (Stage::Size, code) => self.sized(code, reply),
            (Stage::Extended, 229) => {
                let port = extended_port(&reply.text).ok_or_else(|| refused(reply))?;
                self.stage = Stage::Connecting;
                Ok(Step::Connect(port))
            }
            (Stage::Extended, 500..=599) => {
                self.plain = true;
                Ok(self.send(Stage::Passive, "PASV\r\n".to_owned()))
            }
            (Stage::Passive, 227) => {
                let port = passive_port(&reply.text).ok_or_else(|| refused(reply))?;
                self.stage = Stage::Connecting;
                Ok(Step::Connect(port))
            }
            (Stage::Rest, 300..=399) => Ok(self.retrieve()),
            (Stage::Rest, 500..=599) => Err(Fault::NoRanges),
            (Stage::Retrieve, 100..=199) => {
                self.stage = Stage::Transferring;
                Ok(Step::Transfer)
            }
            (Stage::Retrieve | Stage::Password | Stage::User, 500..=599) => {
                Err(Fault::FtpRefused(said(reply)))
            }
            // 226 when all is sent, 426 or 451 when we stopped it before its end.
            (Stage::Transferring, 200..=299 | 400..=499) => {
                self.stage = Stage::Idle;
                Ok(Step::Done)
            }
            _ => Err(refused(reply)),
        }
    }

    /// The second connection stands.
    pub fn handle_connected(&mut self) -> Step {
        if self.stage != Stage::Connecting {
            return Step::Wait;
        }
        if self.from == 0 {
            return self.retrieve();
        }
        let line = format!("REST {}\r\n", self.from);
        self.send(Stage::Rest, line)
    }

    /// Whether the connection waits for another file.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// Looks at the file's size, where that is not known to be right.
    fn look(&mut self) -> Step {
        if self.whole.is_none() || self.sized.as_ref() == Some(&self.path) {
            return self.passive();
        }
        let line = format!("SIZE {}\r\n", self.path);
        self.send(Stage::Size, line)
    }

    fn sized(&mut self, code: u16, reply: &Reply) -> Result<Step, Fault> {
        let is = reply.text.trim().parse::<u64>().ok().filter(|_| code == 213);
        match (is, self.whole) {
            (Some(is), Some(should)) if is != should => {
                return Err(Fault::WrongSize { is, should });
            }
            _ if code == 550 => return Err(Fault::FtpRefused(said(reply))),
            // Not every server can tell.
            _ => self.sized = Some(self.path.clone()),
        }
        Ok(self.passive())
    }

    fn passive(&mut self) -> Step {
        if self.plain {
            return self.send(Stage::Passive, "PASV\r\n".to_owned());
        }
        self.send(Stage::Extended, "EPSV\r\n".to_owned())
    }

    fn retrieve(&mut self) -> Step {
        let line = format!("RETR {}\r\n", self.path);
        self.send(Stage::Retrieve, line)
    }

    fn send(&mut self, stage: Stage, line: String) -> Step {
        self.stage = stage;
        Step::Send(line)
    }
}

fn refused(reply: &Reply) -> Fault {
    Fault::Ftp(said(reply))
}

fn said(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.text)
}

/// A part of a URL as FTP says it. A line's end in it would begin another command.
fn decoded(text: &str) -> Result<String, Fault> {
    let wrong = || Fault::FtpRefused("no name that FTP could say".to_owned());
    let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong())?;
    if text.chars().any(char::is_control) { Err(wrong()) } else { Ok(text.into_owned()) }
}

/// The port of `(|||port|)` (RFC 2428 §3).
fn extended_port(text: &str) -> Option<u16> {
    let inner = text.split_once('(')?.1.split_once(')')?.0;
    let mark = inner.chars().next()?;
    let mut fields = inner.split(mark);
    let port = fields.nth(3)?;
    port.parse().ok().filter(|&port| port > 0)
}

/// The port of `h1,h2,h3,h4,p1,p2` (RFC 959 §4.1.2), parentheses or not.
fn passive_port(text: &str) -> Option<u16> {
    let digits = |char: char| char.is_ascii_digit() || char == ',';
    let numbers = text.split(|char| !digits(char)).find(|part| part.matches(',').count() == 5)?;
    let numbers: Vec<u8> = numbers.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [.., high, low] = numbers[..] else { return None };
    Some(u16::from_be_bytes([high, low])).filter(|&port| port > 0)
}

#[cfg(test)]
mod tests;
