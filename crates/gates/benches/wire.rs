//! The peer protocol as bytes: what a leecher receives and what it sends.

#![allow(missing_docs, unused_qualifications, clippy::exit, reason = "so the macros have it")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};

use gates::at_most;
use stdx::{BLOCK_LENGTH, BlockRange, Buf, PieceIndex, Pool};
use wire::{Decoder, Landing, Message, WireError};

const BLOCKS_MAX: u64 = 4_110_000;
const SMALL_MAX: u64 = 4_800_000;
const LAND_MAX: u64 = 325_000;
const ENCODE_MAX: u64 = 1_460_000;

const BLOCKS: u32 = 1_024;
const BLOCKS_OF_PIECE: u32 = 16;
/// Messages without a payload, of which most are announcements of pieces.
const SMALL: u32 = 16_384;
/// What one read of a socket brings.
const READ: usize = 64 << 10;
const PLACES_OF_READ: usize = 16;

/// A connection that is being read from.
struct Receiver {
    decoder: Decoder,
    pool: Pool,
    stream: Vec<u8>,
}

/// Blocks that were read to where they stay.
struct Landed {
    decoder: Decoder,
    pool: Pool,
    reads: Vec<Landing>,
}

fn range(block: u32) -> BlockRange {
    let piece = PieceIndex(block / BLOCKS_OF_PIECE);
    BlockRange { piece, begin: block % BLOCKS_OF_PIECE * BLOCK_LENGTH, length: BLOCK_LENGTH }
}

/// Enough for all blocks, so that none is made while instructions are counted.
fn pool() -> Pool {
    let pool = Pool::new(BLOCKS as usize);
    let all: Vec<Buf> = (0..BLOCKS).map(|_| pool.take()).collect();
    drop(all);
    pool
}

fn blocks() -> impl Iterator<Item = Message<'static>> {
    let payload = || Buf::copy_of(&[7; BLOCK_LENGTH as usize]);
    (0..BLOCKS).map(move |block| Message::Piece(range(block), payload()))
}

fn receiver<'a>(messages: impl Iterator<Item = Message<'a>>) -> Receiver {
    let mut stream = Vec::new();
    messages.for_each(|message| message.encode(&mut stream));
    Receiver { decoder: Decoder::new(), pool: pool(), stream }
}

/// What comes between blocks.
fn small() -> impl Iterator<Item = Message<'static>> {
    (0..SMALL).map(|n| match n % 16 {
        0 => Message::Request(range(n)),
        4 => Message::Unchoke,
        8 => Message::KeepAlive,
        12 => Message::Extended(1, &[b'x'; 100]),
        _ => Message::Have(PieceIndex(n)),
    })
}

fn landed() -> Landed {
    let pool = pool();
    let mut blocks = blocks();
    let reads = (0..BLOCKS as usize / PLACES_OF_READ).map(|_| {
        let mut landing = Landing::default();
        let mut room: Vec<&mut [u8]> = landing.room(PLACES_OF_READ, &pool).collect();
        for (place, block) in room.chunks_exact_mut(2).zip(&mut blocks) {
            let mut bytes = Vec::new();
            block.encode(&mut bytes);
            let (head, payload) = bytes.split_at(place[0].len());
            place[0].copy_from_slice(head);
            place[1].copy_from_slice(payload);
        }
        landing
    });
    let reads = reads.collect();
    Landed { decoder: Decoder::new(), pool, reads }
}

fn requests() -> Vec<Message<'static>> {
    let request = |block| Message::Request(range(block));
    let have = |block| Message::Have(range(block).piece);
    (0..SMALL / 2).flat_map(|block| [request(block), have(block)]).collect()
}

#[library_benchmark]
#[bench::blocks(args = (receiver(blocks())), config = at_most(BLOCKS_MAX))]
#[bench::small(args = (receiver(small())), config = at_most(SMALL_MAX))]
fn decode(mut it: Receiver) -> (Receiver, u32) {
    let mut messages = 0;
    for mut read in it.stream.chunks(READ) {
        while let Some(message) = it.decoder.decode(&mut read, &it.pool).expect("it is right") {
            black_box(message);
            messages += 1;
        }
    }
    (it, messages)
}

#[library_benchmark(config = at_most(LAND_MAX))]
#[bench::blocks(landed())]
fn land(mut it: Landed) -> (Landed, u32) {
    let mut messages = 0;
    for landing in &mut it.reads {
        let take = |message: Message<'_>| {
            black_box(message);
            messages += 1;
            Ok::<(), WireError>(())
        };
        let filled = PLACES_OF_READ * Landing::PLACE;
        it.decoder.decode_landed(landing, filled, &it.pool, take).expect("it is right");
    }
    (it, messages)
}

#[library_benchmark(config = at_most(ENCODE_MAX))]
#[bench::requests(requests())]
fn encode(messages: Vec<Message<'static>>) -> (Vec<Message<'static>>, Vec<u8>) {
    let mut out = Vec::with_capacity(1 << 20);
    for message in &messages {
        black_box(message).encode(&mut out);
    }
    (messages, out)
}

library_benchmark_group!(name = messages, benchmarks = [decode, land, encode]);

main!(library_benchmark_groups = messages);
