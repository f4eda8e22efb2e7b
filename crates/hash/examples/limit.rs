//! What no program that makes or checks a torrent can do better: all cores hash content that is in
//! memory already.
//!
//! `cargo run --release -p hash --example limit -- v1|v2|hybrid PIECE_LENGTH FILE`
//!
//! Prints `ready` when the content is in memory, begins at a line on standard input, and prints
//! `hashed`, each as an event on a line.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{env, fs, io, thread};

use hash::{Sha1, sha256_many};

/// Bytes of each stream that are hashed before those of the next: both hashes find them in the
/// processor's cache.
const STRETCH: usize = 16 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [format, piece_length, file] = &args[..] else {
        return Err("write v1|v2|hybrid PIECE_LENGTH FILE".into());
    };
    let content = fs::read(file)?;
    let piece_length: usize = piece_length.parse()?;
    let group = piece_length * hash::lanes();
    println!(r#"{{"event":"ready"}}"#);
    io::stdin().read_line(&mut String::new())?;
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(group) = content.chunks(group).nth(next.fetch_add(1, Relaxed)) {
            hash(group, piece_length, format);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!(r#"{{"event":"hashed"}}"#);
    Ok(())
}

/// Hashes as many pieces as keep a core busy, in one pass.
fn hash(group: &[u8], piece_length: usize, format: &str) {
    let pieces: Vec<&[u8]> = group.chunks(piece_length).collect();
    let mut hashers = vec![Sha1::new(); pieces.len()];
    for start in (0..piece_length).step_by(STRETCH) {
        let parts = pieces.iter().filter_map(|piece| piece.get(start..)?.chunks(STRETCH).next());
        let parts: Vec<&[u8]> = parts.collect();
        if format != "v2" {
            Sha1::update_many(hashers.iter_mut().zip(parts.iter().copied()));
        }
        if format != "v1" {
            black_box(sha256_many(&parts));
        }
    }
    black_box(hashers.into_iter().map(Sha1::finish).collect::<Vec<_>>());
}
