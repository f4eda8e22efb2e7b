use std::io::IoSlice;

use proptest::collection::vec;
use proptest::prelude::*;
use stdx::{BlockRange, Buf, PieceIndex, Pool};
use wire::{Decoder, Message};

use super::{Outbox, Sent};

fn block(number: u32, length: u32) -> (BlockRange, Buf) {
    let range = BlockRange { piece: PieceIndex(number), begin: 0, length };
    (range, Buf::copy_of(&vec![number as u8; length as usize]))
}

/// Takes up to `most` bytes.
fn take(outbox: &mut Outbox, most: usize) -> (Vec<u8>, Sent) {
    let mut slices: Vec<IoSlice<'_>> = Vec::new();
    let ready = outbox.poll_transmit(&mut slices);
    let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
    assert_eq!(bytes.len(), ready);
    bytes.truncate(most);
    drop(slices);
    let sent = outbox.handle_sent(bytes.len());
    assert_eq!(sent.payload + sent.protocol, bytes.len() as u64);
    (bytes, sent)
}

fn messages(bytes: &[u8]) -> Vec<String> {
    let (pool, mut decoder, mut input) = (Pool::new(1), Decoder::new(), bytes);
    let mut out = Vec::new();
    while let Some(message) = decoder.decode(&mut input, &pool).unwrap() {
        out.push(match message {
            Message::Piece(range, data) => {
                assert!(data.iter().all(|&byte| byte == range.piece.0 as u8));
                format!("block {}", range.piece)
            }
            Message::Have(piece) => format!("have {piece}"),
            other => panic!("{other:?}"),
        });
    }
    out
}

#[test]
fn messages_overtake_blocks_that_have_not_begun() {
    let mut outbox = Outbox::default();
    for number in 1..=2 {
        let (range, data) = block(number, 100);
        outbox.send_block(range, data);
    }
    let (mut bytes, _) = take(&mut outbox, 20);
    outbox.send(&Message::Have(PieceIndex(7)));
    bytes.extend(take(&mut outbox, usize::MAX).0);
    assert_eq!(messages(&bytes), ["block 1", "have 7", "block 2"]);
    assert!(outbox.is_empty());
    assert_eq!((outbox.block_bytes(), outbox.control_bytes()), (0, 0));
}

#[test]
fn a_block_that_has_begun_is_not_dropped() {
    let mut outbox = Outbox::default();
    let ranges: Vec<_> = (1..=3)
        .map(|number| {
            let (range, data) = block(number, 50);
            outbox.send_block(range, data);
            range
        })
        .collect();
    let (mut bytes, _) = take(&mut outbox, 1);
    assert!(!outbox.drop_block(ranges[0]));
    assert!(outbox.drop_block(ranges[1]));
    assert_eq!(outbox.block_bytes(), 100);
    outbox.drop_blocks();
    assert_eq!(outbox.block_bytes(), 50);
    bytes.extend(take(&mut outbox, usize::MAX).0);
    assert_eq!(messages(&bytes), ["block 1"]);
}

#[test]
fn a_write_gets_at_most_64_slices() {
    let mut outbox = Outbox::default();
    for number in 0..200 {
        let (range, data) = block(number, 10);
        outbox.send_block(range, data);
    }
    let mut slices = Vec::new();
    assert_eq!(outbox.poll_transmit(&mut slices), 32 * 23);
    assert_eq!(slices.len(), 64);
}

proptest! {
    #[test]
    fn whatever_writes_take_the_stream_is_whole(
        steps in vec((0..3u8, 0..60usize), 0..80),
    ) {
        let (mut outbox, mut bytes, mut number) = (Outbox::default(), Vec::new(), 0);
        let (mut blocks, mut haves, mut payload) = (Vec::new(), Vec::new(), 0);
        for (op, size) in steps {
            match op {
                0 => {
                    let (range, data) = block(number, size as u32);
                    outbox.send_block(range, data);
                    blocks.push(format!("block {number}"));
                    number += 1;
                }
                1 => {
                    outbox.send(&Message::Have(PieceIndex(number)));
                    haves.push(format!("have {number}"));
                    number += 1;
                }
                _ => {
                    let (taken, sent) = take(&mut outbox, size);
                    bytes.extend(taken);
                    payload += sent.payload;
                }
            }
        }
        while !outbox.is_empty() {
            let (taken, sent) = take(&mut outbox, usize::MAX);
            bytes.extend(taken);
            payload += sent.payload;
        }
        let all = messages(&bytes);
        let (got_blocks, got_haves): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|text| text.starts_with("block"));
        let expected = bytes.len() - 13 * blocks.len() - 9 * haves.len();
        prop_assert_eq!(payload, expected as u64);
        prop_assert_eq!((got_blocks, got_haves), (blocks, haves));
    }
}
