use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialogue::Step;
use crate::error::ProxyError;
use crate::target::Target;

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 8 << 10;

/// HTTP's CONNECT, from our side.
#[derive(Debug)]
pub(crate) struct Connect {
    request: Option<Vec<u8>>,
    head: Vec<u8>,
    is_open: bool,
}

impl Connect {
    pub(crate) fn new(user: Option<(&[u8], &[u8])>, target: &Target) -> Self {
        let proof = user.map_or_else(String::new, |(name, password)| {
            let word = STANDARD.encode([name, b":", password].concat());
            format!("Proxy-Authorization: Basic {word}\r\n")
        });
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{proof}\r\n");
        Self { request: Some(request.into_bytes()), head: Vec::new(), is_open: false }
    }

    pub(crate) fn step(&mut self) -> Step {
        match self.request.take() {
            Some(request) => Step::Send(request),
            None if self.is_open => Step::Done(None),
            // Nobody knows how long the head is, and what follows it is not ours.
            None => Step::Read(1),
        }
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Result<(), ProxyError> {
        self.head.extend_from_slice(bytes);
        let begins = self.head.iter().zip(b"HTTP/1.").all(|(is, should)| is == should);
        if !begins || self.head.len() > HEAD_MAX {
            return Err(ProxyError::NoProxy);
        }
        if !self.head.ends_with(b"\r\n\r\n") && !self.head.ends_with(b"\n\n") {
            return Ok(());
        }
        let status = self.head.split(|byte| *byte == b' ').nth(1);
        let status = status.and_then(|it| std::str::from_utf8(it.get(..3)?).ok()?.parse().ok());
        match status.ok_or(ProxyError::NoProxy)? {
            200..=299 => {
                self.is_open = true;
                Ok(())
            }
            407 => Err(ProxyError::WantsUser),
            status => Err(ProxyError::Status(status)),
        }
    }
}
