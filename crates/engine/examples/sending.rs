//! How blocks get from the page cache to a connection most cheaply: what a seeder's choice rests
//! on.
//!
//! `cargo run --release -p engine --example sending -- FILE`
//!
//! Sends the file over loopback in blocks of 16 KiB with their heads, once in each way in turns,
//! and prints for each the processor time of the sending thread and the rate.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Instant;
use std::{env, thread};

use rustix::net::SendFlags;

const BLOCK: usize = 16 << 10;
const HEAD: [u8; 13] = [0, 0, 0x40, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0];
/// Blocks of a burst: what one connection has to send at a time, mostly.
const BURST: usize = 64;
const ROUNDS: usize = 5;

type Way = fn(&File, u64, usize, &mut TcpStream, &mut [Vec<u8>]) -> io::Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("name a file of some hundred MiB")?;
    let file = File::open(path)?;
    let ways: [(&str, Way); 3] =
        [("preadv, writev", copy), ("sendfile", send_file), ("sendfile, heads apart", send_apart)];
    for round in 0..ROUNDS {
        for (name, way) in ways {
            let [sender, receiver, rate] = measure(&file, way)?;
            println!(
                "{round} {name:22} CPU s/GiB: sender {sender:.3}, receiver {receiver:.3}; \
                 {rate:6.0} MiB/s"
            );
        }
    }
    Ok(())
}

/// Processor seconds of both threads for each GiB, and MiB per second.
fn measure(file: &File, way: Way) -> Result<[f64; 3], Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    near.set_nodelay(true)?;
    let mut far = listener.accept()?.0;
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while far.read(&mut buffer).is_ok_and(|n| n > 0) {}
        cpu().unwrap_or(f64::NAN)
    });
    let mut blocks = vec![vec![0; BLOCK]; BURST];
    let (length, burst) = (file.metadata()?.len(), (BURST * BLOCK) as u64);
    let (start, before) = (Instant::now(), cpu()?);
    for at in (0..length / burst).map(|n| n * burst) {
        way(file, at, BURST, &mut near, &mut blocks)?;
    }
    let used = cpu()? - before;
    drop(near);
    let received = reader.join().map_err(|_| "the reader failed")?;
    let gibibytes = (length / burst) as f64 / 1024.0;
    let rate = gibibytes * 1024.0 / start.elapsed().as_secs_f64();
    Ok([used / gibibytes, received / gibibytes, rate])
}

/// Seconds that this thread has run.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().ok_or("no figures")?.parse()?;
    Ok(nanoseconds / 1e9)
}

/// Into blocks with one call, out of them with another.
fn copy(
    file: &File,
    at: u64,
    _: usize,
    to: &mut TcpStream,
    blocks: &mut [Vec<u8>],
) -> io::Result<()> {
    let mut places: Vec<IoSliceMut<'_>> = blocks.iter_mut().map(|it| IoSliceMut::new(it)).collect();
    let read = rustix::io::preadv(file, &mut places, at)?;
    assert_eq!(read, BURST * BLOCK, "the file is long enough");
    let mut slices: Vec<IoSlice<'_>> =
        blocks.iter().flat_map(|block| [IoSlice::new(&HEAD), IoSlice::new(block)]).collect();
    let mut left = &mut slices[..];
    while !left.is_empty() {
        let written = to.write_vectored(left)?;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

/// Each block by the kernel, its head in front of it.
fn send_file(
    file: &File,
    at: u64,
    count: usize,
    to: &mut TcpStream,
    _: &mut [Vec<u8>],
) -> io::Result<()> {
    for n in 0..count {
        rustix::net::send(to.as_fd(), &HEAD, SendFlags::MORE)?;
        send_all(file, at + (n * BLOCK) as u64, BLOCK, to)?;
    }
    Ok(())
}

/// What no protocol with heads can do: the least that could be had.
fn send_apart(
    file: &File,
    at: u64,
    count: usize,
    to: &mut TcpStream,
    _: &mut [Vec<u8>],
) -> io::Result<()> {
    send_all(file, at, count * BLOCK, to)
}

fn send_all(file: &File, mut at: u64, mut left: usize, to: &TcpStream) -> io::Result<()> {
    while left > 0 {
        left -= rustix::fs::sendfile(to, file, Some(&mut at), left)?;
    }
    Ok(())
}
