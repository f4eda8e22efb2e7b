use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::dialogue::{Command, Step};
use crate::error::ProxyError;
use crate::target::Target;
use crate::url::WORD_MAX;

const VERSION: u8 = 5;
/// That of the exchange of user name and password (RFC 1929 §2).
const USER_VERSION: u8 = 1;

const NO_PROOF: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTED: u8 = 0xff;

pub(crate) const IPV4: u8 = 1;
pub(crate) const NAME: u8 = 3;
pub(crate) const IPV6: u8 = 4;

/// SOCKS5, from our side.
#[derive(Debug)]
pub(crate) struct Socks {
    user: Option<(Vec<u8>, Vec<u8>)>,
    /// What is asked for.
    request: Vec<u8>,
    /// What is to be sent next.
    out: Option<Vec<u8>>,
    state: State,
}

/// What is waited for.
#[derive(Debug)]
enum State {
    Method,
    User,
    /// Up to the kind of the address.
    Reply,
    /// How long the name is.
    Length,
    /// The rest: an address of this kind, and a port.
    Bound(u8, usize),
    Done(Target),
}

impl Socks {
    pub(crate) fn new(
        user: Option<(&[u8], &[u8])>,
        command: Command,
        target: &Target,
    ) -> Result<Self, ProxyError> {
        let code = match command {
            Command::Connect => 1,
            Command::Associate => 3,
        };
        let mut request = vec![VERSION, code, 0];
        put_target(target, &mut request)?;
        let methods: &[u8] = match user {
            Some(_) => &[VERSION, 2, NO_PROOF, USER_AND_PASSWORD],
            None => &[VERSION, 1, NO_PROOF],
        };
        let user = user.map(|(name, password)| (name.to_vec(), password.to_vec()));
        Ok(Self { user, request, out: Some(methods.to_vec()), state: State::Method })
    }

    pub(crate) fn step(&mut self) -> Step {
        if let Some(out) = self.out.take() {
            return Step::Send(out);
        }
        match &self.state {
            State::Method | State::User => Step::Read(2),
            State::Reply => Step::Read(4),
            State::Length => Step::Read(1),
            State::Bound(_, length) => Step::Read(*length),
            State::Done(bound) => Step::Done(Some(bound.clone())),
        }
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        self.state = match (&self.state, bytes) {
            // The proxies' answer to a password bears its own version, or SOCKS5's.
            (State::Method, [VERSION, NO_PROOF]) | (State::User, [USER_VERSION | VERSION, 0]) => {
                self.ask()
            }
            (State::Method, [VERSION, USER_AND_PASSWORD]) if let Some(user) = &self.user => {
                let word = |word: &[u8]| [&[word.len() as u8], word].concat();
                self.out = Some([vec![USER_VERSION], word(&user.0), word(&user.1)].concat());
                State::User
            }
            (State::Method, [VERSION, NONE_ACCEPTED]) => {
                let named = self.user.is_some();
                return Err(if named { ProxyError::Denied } else { ProxyError::WantsUser });
            }
            (State::User, [USER_VERSION | VERSION, _]) => return Err(ProxyError::Denied),
            (State::Reply, [VERSION, 0, _, IPV4]) => State::Bound(IPV4, 4 + 2),
            (State::Reply, [VERSION, 0, _, IPV6]) => State::Bound(IPV6, 16 + 2),
            (State::Reply, [VERSION, 0, _, NAME]) => State::Length,
            (State::Reply, [VERSION, code, _, _]) if *code != 0 => {
                return Err(ProxyError::Refused(*code));
            }
            (State::Length, [length]) => State::Bound(NAME, usize::from(*length) + 2),
            (State::Bound(kind, _), bytes) => {
                State::Done(read_target(*kind, bytes).ok_or(ProxyError::NoProxy)?)
            }
            _ => return Err(ProxyError::NoProxy),
        };
        Ok(())
    }

    fn ask(&mut self) -> State {
        self.out = Some(std::mem::take(&mut self.request));
        State::Reply
    }
}

/// Writes the kind of the address, the address and the port (RFC 1928 §5).
pub(crate) fn put_target(target: &Target, out: &mut Vec<u8>) -> Result<(), ProxyError> {
    let port = match target {
        Target::Address(address) => {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => {
                    out.push(IPV4);
                    out.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(IPV6);
                    out.extend(ip.octets());
                }
            }
            address.port()
        }
        Target::Name(name, port) => {
            let length = Some(name.len()).filter(|length| (1..=WORD_MAX).contains(length));
            let length = length.ok_or(ProxyError::LongName)?;
            out.extend([NAME, length as u8]);
            out.extend(name.as_bytes());
            *port
        }
    };
    out.extend(port.to_be_bytes());
    Ok(())
}

/// Reads an address of this kind and a port, and nothing after it; a name without its length.
pub(crate) fn read_target(kind: u8, bytes: &[u8]) -> Option<Target> {
    let (host, port) = bytes.split_last_chunk()?;
    let port = u16::from_be_bytes(*port);
    let ip: IpAddr = match kind {
        IPV4 => Ipv4Addr::from(<[u8; 4]>::try_from(host).ok()?).into(),
        IPV6 => Ipv6Addr::from(<[u8; 16]>::try_from(host).ok()?).into(),
        NAME => return Some(Target::Name(String::from_utf8(host.to_vec()).ok()?, port)),
        _ => return None,
    };
    Some(Target::Address(SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests;
