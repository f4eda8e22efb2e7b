//! How fast one core hashes: one stream after the other, several at once, both hashes at once.
//!
//! `cargo run --release -p hash --example rates`

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "an example meets the world, the crate does not"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hash::{Sha1, Sha256, sha1, sha256, sha256_many, update_both};

/// Of each message: a v2 leaf. All of them stay in the processor's cache.
const LENGTH: usize = 16 << 10;
const MESSAGES: usize = 16;
/// Times that a figure is taken; the best counts, since other work only slows down.
const TRIES: u32 = 9;

fn main() {
    let data: Vec<u8> = (0..MESSAGES * LENGTH).map(|at| (at * 31 + at / 509) as u8).collect();
    let messages: Vec<&[u8]> = data.chunks(LENGTH).collect();
    println!("{} streams at once; GiB/s of one core:", hash::lanes());
    let report = |name: &str, run: &dyn Fn(&[&[u8]])| {
        println!("{name:28} {:6.2}", rate(&messages, run));
    };
    report("SHA-1, one stream", &|all| {
        for it in all {
            hide(sha1(it));
        }
    });
    for count in [2, 4, 8] {
        report(&format!("SHA-1, {count} streams"), &|all| {
            all.chunks(count).for_each(|some| hide(sha1_many(some)));
        });
    }
    report("SHA-256, one stream", &|all| {
        for it in all {
            hide(sha256(it));
        }
    });
    for count in [2, 8] {
        report(&format!("SHA-256, {count} streams"), &|all| {
            all.chunks(count).for_each(|some| hide(sha256_many(some)));
        });
    }
    report("both, one after the other", &|all| {
        for it in all {
            hide((sha1(it), sha256(it)));
        }
    });
    report("both at once", &|all| {
        for it in all {
            both(it);
        }
    });
    report("both, 8 streams", &|all| {
        all.chunks(8).for_each(|some| hide((sha1_many(some), sha256_many(some))));
    });
}

fn sha1_many(messages: &[&[u8]]) -> Vec<hash::Sha1Digest> {
    let mut hashers = vec![Sha1::new(); messages.len()];
    Sha1::update_many(hashers.iter_mut().zip(messages.iter().copied()));
    hashers.into_iter().map(Sha1::finish).collect()
}

/// Keeps the compiler from leaving out what nobody looks at.
fn hide<T>(result: T) {
    black_box(result);
}

fn both(message: &[u8]) {
    let (mut one, mut two) = (Sha1::new(), Sha256::new());
    update_both(&mut one, &mut two, message);
    hide((one.finish(), two.finish()));
}

fn rate(messages: &[&[u8]], run: &dyn Fn(&[&[u8]])) -> f64 {
    let one_try = || {
        let start = Instant::now();
        let mut rounds = 0_u32;
        while start.elapsed() < Duration::from_millis(50) {
            run(messages);
            rounds += 1;
        }
        let bytes = f64::from(rounds) * (MESSAGES * LENGTH) as f64;
        bytes / start.elapsed().as_secs_f64() / f64::from(1 << 30)
    };
    (0..TRIES).map(|_| one_try()).fold(0.0, f64::max)
}
