//! Bencode and torrents: a file of 10,000 pieces and 1,000 files is read.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};

use bencode::{Limits, Mode, Value};
use gates::{at_most, torrent};
use metainfo::Metainfo;

const DECODE_MAX: u64 = 2_920_000;
const PARSE_MAX: u64 = 15_600_000;

const LIMITS: Limits = Limits { depth: 16, tokens: 100_000, size: 1 << 20 };

fn file() -> Vec<u8> {
    torrent(10_000, 256 << 10, 1_000)
}

// Bencode alone: every value is looked at.
#[library_benchmark(config = at_most(DECODE_MAX))]
#[bench::of_1000_files(file())]
fn decode(file: Vec<u8>) -> (Vec<u8>, u64) {
    let value = bencode::decode(black_box(&file), Mode::Strict, LIMITS).expect("it is bencode");
    let sum = sum(value);
    (file, sum)
}

#[library_benchmark(config = at_most(PARSE_MAX))]
#[bench::of_1000_files(file())]
fn parse(file: Vec<u8>) -> (Vec<u8>, Metainfo) {
    let parsed = Metainfo::parse(black_box(&file)).expect("it is a torrent");
    (file, parsed)
}

/// Of all integers and lengths of strings.
fn sum(value: Value<'_>) -> u64 {
    if let Some(dict) = value.as_dict() {
        return dict.iter().map(|(key, value)| key.len() as u64 + sum(value)).sum();
    }
    if let Some(list) = value.as_list() {
        return list.iter().map(sum).sum();
    }
    value.as_uint().unwrap_or_else(|| value.as_bytes().map_or(0, |it| it.len() as u64))
}

library_benchmark_group!(name = torrents, benchmarks = [decode, parse]);

main!(library_benchmark_groups = torrents);
