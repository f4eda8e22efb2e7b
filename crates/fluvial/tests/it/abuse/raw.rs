//! A peer of bare bytes on a socket, which says what a test wants.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const CHOKE: u8 = 0;
pub(crate) const UNCHOKE: u8 = 1;
pub(crate) const INTERESTED: u8 = 2;
pub(crate) const NOT_INTERESTED: u8 = 3;
pub(crate) const HAVE: u8 = 4;
pub(crate) const BITFIELD: u8 = 5;
pub(crate) const REQUEST: u8 = 6;
pub(crate) const PIECE: u8 = 7;
pub(crate) const CANCEL: u8 = 8;
pub(crate) const PORT: u8 = 9;
pub(crate) const SUGGEST: u8 = 13;
pub(crate) const HAVE_ALL: u8 = 14;
pub(crate) const HAVE_NONE: u8 = 15;
pub(crate) const REJECT: u8 = 16;
pub(crate) const ALLOWED_FAST: u8 = 17;
pub(crate) const EXTENDED: u8 = 20;
pub(crate) const HASH_REQUEST: u8 = 21;
pub(crate) const HASHES: u8 = 22;
pub(crate) const HASH_REJECT: u8 = 23;

/// The number under which Fluvial takes `ut_metadata`.
pub(crate) const UT_METADATA: u8 = 1;

/// Reserved bits: nothing; the extension protocol and the fast extension; these and v2.
pub(crate) const PLAIN: [u8; 8] = [0; 8];
pub(crate) const FULL: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x04];
pub(crate) const V2: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x14];

/// One message, length first.
pub(crate) fn message(id: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 + 1).to_be_bytes();
    [&length[..], &[id], payload].concat()
}

/// Numbers as most messages hold them.
pub(crate) fn numbers(id: u8, numbers: &[u32]) -> Vec<u8> {
    let payload: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    message(id, &payload)
}

pub(crate) fn handshake(reserved: [u8; 8], info_hash: &[u8; 20], peer_id: &[u8; 20]) -> Vec<u8> {
    [b"\x13BitTorrent protocol", &reserved[..], info_hash, peer_id].concat()
}

/// A connection, of which the other end thinks what it likes.
pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Connects from an address of its own.
    pub(crate) fn connect(from: Ipv4Addr, to: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        Self::over(socket.into())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends; whether the other end still took it is seen by what comes back.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends, whatever becomes of it.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes);
    }

    /// Sends without end, up to a bound, until the other end has had enough.
    pub(crate) fn flood(&mut self, bytes: &[u8], times: usize) {
        let batch = bytes.repeat(64);
        for _ in 0..times / 64 {
            // Answers are taken, so that it is not their number that ends it.
            self.drain();
            if !self.send(&batch) {
                return;
            }
        }
    }

    fn drain(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
        let mut bytes = [0; 16_384];
        while matches!(self.stream.read(&mut bytes), Ok(1..)) {}
        self.stream.set_nonblocking(false).unwrap();
    }

    /// The other end's handshake: its info-hash and peer id; `None` when it closes instead.
    pub(crate) fn greeting(&mut self) -> Option<([u8; 20], [u8; 20])> {
        let mut bytes = [0; 68];
        self.stream.read_exact(&mut bytes).ok()?;
        Some((bytes[28..48].try_into().unwrap(), bytes[48..].try_into().unwrap()))
    }

    /// The next message but keep-alives: its number and payload; `None` when the connection ends.
    pub(crate) fn next(&mut self) -> Option<(u8, &[u8])> {
        loop {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).ok()?;
            let length = u32::from_be_bytes(length) as usize;
            self.buffer.resize(length, 0);
            self.stream.read_exact(&mut self.buffer).ok()?;
            if let Some((&id, payload)) = self.buffer.split_first() {
                // Borrowed anew: the loop would hold it otherwise.
                let length = payload.len();
                return Some((id, &self.buffer[1..=length]));
            }
        }
    }

    /// Waits for a message of this kind; false when the connection ends before.
    pub(crate) fn wait_for(&mut self, wanted: u8) -> bool {
        while let Some((id, _)) = self.next() {
            if id == wanted {
                return true;
            }
        }
        false
    }

    /// Waits for the other end to close.
    pub(crate) fn closed(&mut self) -> bool {
        let mut bytes = [0; 16_384];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}
