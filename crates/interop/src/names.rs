//! A name server that knows one name.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

/// Header of a message (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// A record of type A and class IN for the name in the question, for a minute.
const RECORD: [u8; 12] = [0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];

/// It answers every question for an IPv4 address with the same one, and others with none.
#[derive(Debug)]
pub struct NameServer {
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    /// Begins to answer, where the test is, until the test ends.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(at: Ipv4Addr, answer: Ipv4Addr) -> Result<Self> {
        let socket = UdpSocket::bind((at, 53)).context("no port for a name server")?;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || serve(&socket, answer, &count));
        Ok(Self { asked })
    }

    /// How many questions there were.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn serve(socket: &UdpSocket, address: Ipv4Addr, asked: &AtomicUsize) -> io::Result<()> {
    let mut buffer = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let Some((_, question)) = buffer[..length].split_at_checked(HEADER) else {
            continue;
        };
        asked.fetch_add(1, Ordering::Relaxed);
        let wants_v4 = question.ends_with(&[0, 1, 0, 1]);
        let mut answer = vec![buffer[0], buffer[1], 0x81, 0x80, 0, 1, 0, u8::from(wants_v4)];
        answer.extend([0; 4]);
        answer.extend(question);
        if wants_v4 {
            answer.extend(RECORD);
            answer.extend(address.octets());
        }
        socket.send_to(&answer, from)?;
    }
}
