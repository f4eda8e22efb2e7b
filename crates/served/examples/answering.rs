//! What a tracker's times are beside: a program that answers each datagram at once, and knows
//! nothing. What its slowest answers wait for is the machine.
//!
//! `cargo run --release -p served --example answering -- ADDRESS`
//!
//! Answers are well-formed (BEP 15) and name nobody. One call takes a datagram and one sends its
//! answer.

use std::error::Error;
use std::net::UdpSocket;

use socket2::SockRef;

/// Longer than any request.
const BUFFER: usize = 2_048;
/// What the system is asked to keep until it is read, in bytes: as much as of a tracker.
const KEPT: usize = 4 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("write ADDRESS")?;
    let socket = UdpSocket::bind(address)?;
    SockRef::from(&socket).set_recv_buffer_size(KEPT)?;
    let mut request = [0; BUFFER];
    loop {
        let (length, from) = socket.recv_from(&mut request)?;
        if let Some((answer, length)) = answer(&request[..length]) {
            socket.send_to(&answer[..length], from)?;
        }
    }
}

/// The answer to a request, and its length: its action and its transaction, then a connection id,
/// or the interval and the counts of a swarm.
fn answer(request: &[u8]) -> Option<([u8; 20], usize)> {
    const CONNECT: [u8; 4] = [0; 4];
    const INTERVAL: u32 = 1_800;
    let mut answer = [0; 20];
    let action = request.get(8..12)?;
    answer[..8].copy_from_slice(request.get(8..16)?);
    if action == CONNECT {
        return Some((answer, 16));
    }
    answer[8..12].copy_from_slice(&INTERVAL.to_be_bytes());
    Some((answer, 20))
}
