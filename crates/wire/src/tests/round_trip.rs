use hash::Sha256Digest;
use proptest::collection::vec;
use proptest::prelude::*;
use stdx::{BLOCK_LENGTH, Buf, PieceIndex, Pool};

use super::{decode_all, describe, range};
use crate::{Decoder, HashRequest, Landing, Message, WireError};

/// A message with its own content, since a [`Message`] borrows.
#[derive(Clone, Debug)]
enum Owned {
    Bare(u8),
    Piece(u8, u32),
    Ranged(u8, u32, u32, u32),
    Port(u16),
    Bits(Vec<u8>),
    Extended(u8, Vec<u8>),
    Block(u32, u32, Vec<u8>),
    Hashes(u8, [u32; 4], [u8; 32], u8),
}

impl Owned {
    fn message(&self) -> Message<'_> {
        match self {
            Self::Bare(0) => Message::KeepAlive,
            Self::Bare(1) => Message::Choke,
            Self::Bare(2) => Message::Unchoke,
            Self::Bare(3) => Message::Interested,
            Self::Bare(4) => Message::NotInterested,
            Self::Bare(5) => Message::HaveAll,
            Self::Bare(_) => Message::HaveNone,
            Self::Piece(0, piece) => Message::Have(PieceIndex(*piece)),
            Self::Piece(1, piece) => Message::Suggest(PieceIndex(*piece)),
            Self::Piece(_, piece) => Message::AllowedFast(PieceIndex(*piece)),
            Self::Ranged(0, p, b, l) => Message::Request(range(*p, *b, *l)),
            Self::Ranged(1, p, b, l) => Message::Cancel(range(*p, *b, *l)),
            Self::Ranged(_, p, b, l) => Message::Reject(range(*p, *b, *l)),
            Self::Port(port) => Message::Port(*port),
            Self::Bits(bits) => Message::Bitfield(bits),
            Self::Extended(id, payload) => Message::Extended(*id, payload),
            Self::Block(piece, begin, data) => {
                let range = range(*piece, *begin, data.len() as u32);
                Message::Piece(range, Buf::copy_of(data))
            }
            Self::Hashes(kind, words, root, count) => {
                let [base_layer, index, length, proof_layers] = *words;
                let root = Sha256Digest(*root);
                let request = HashRequest { root, base_layer, index, length, proof_layers };
                match kind {
                    0 => Message::HashRequest(request),
                    1 => Message::HashReject(request),
                    _ => Message::Hashes(request, vec![root; usize::from(*count)]),
                }
            }
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    prop_oneof![
        (0..7u8).prop_map(Owned::Bare),
        (0..3u8, any::<u32>()).prop_map(|(kind, piece)| Owned::Piece(kind, piece)),
        (0..3u8, any::<u32>(), any::<u32>(), any::<u32>())
            .prop_map(|(kind, p, b, l)| Owned::Ranged(kind, p, b, l)),
        any::<u16>().prop_map(Owned::Port),
        vec(any::<u8>(), 0..60).prop_map(Owned::Bits),
        (any::<u8>(), vec(any::<u8>(), 0..60)).prop_map(|(id, data)| Owned::Extended(id, data)),
        (any::<u32>(), any::<u32>(), vec(any::<u8>(), 0..200))
            .prop_map(|(piece, begin, data)| Owned::Block(piece, begin, data)),
        (any::<[u32; 4]>(), any::<[u8; 32]>(), 0..3u8, 0..4u8)
            .prop_map(|(words, root, kind, count)| Owned::Hashes(kind, words, root, count)),
    ]
}

fn encode_all(messages: &[Owned]) -> (Vec<u8>, Vec<String>) {
    let mut bytes = Vec::new();
    for owned in messages {
        owned.message().encode(&mut bytes);
    }
    let texts = messages.iter().map(|owned| describe(&owned.message()));
    (bytes, texts.collect())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(messages in vec(owned(), 0..20)) {
        let (bytes, texts) = encode_all(&messages);
        prop_assert_eq!(decode_all(&bytes, &[]), Ok(texts));
    }

    #[test]
    fn every_cut_gives_the_same(messages in vec(owned(), 1..4)) {
        let (bytes, texts) = encode_all(&messages);
        for cut in 0..=bytes.len() {
            prop_assert_eq!(decode_all(&bytes, &[cut]), Ok(texts.clone()), "cut at {}", cut);
        }
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(decode_all(&bytes, &every), Ok(texts));
    }

    #[test]
    fn any_cuts_give_the_same(
        messages in vec(owned(), 0..12),
        mut cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (bytes, texts) = encode_all(&messages);
        let mut cuts: Vec<_> = cuts.drain(..).map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode_all(&bytes, &cuts), Ok(texts));
    }

    #[test]
    fn garbage_never_panics_and_cuts_do_not_matter(
        bytes in vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = decode_all(&bytes, &[]);
        prop_assert_eq!(decode_all(&bytes, &[cut.index(bytes.len() + 1)]), whole);
    }

    #[test]
    fn direct_reads_give_the_same(messages in vec(owned(), 1..8), step in 1..40usize) {
        let (bytes, texts) = encode_all(&messages);
        prop_assert_eq!(decode_direct(&bytes, step), texts);
    }
}

/// Decodes as a driver with `readv` does: the rest of a block first, `step` bytes at a time.
fn decode_direct(mut bytes: &[u8], step: usize) -> Vec<String> {
    let pool = Pool::new(4);
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let n = step.min(bytes.len());
        let (mut input, rest) = bytes.split_at(n);
        bytes = rest;
        if let Some(room) = decoder.direct() {
            let direct = room.len().min(n);
            room[..direct].copy_from_slice(&input[..direct]);
            input = &input[direct..];
            if let Some((range, data)) = decoder.direct_filled(direct) {
                out.push(describe(&Message::Piece(range, data)));
            }
        }
        while let Some(message) = decoder.decode(&mut input, &pool).unwrap() {
            out.push(describe(&message));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn landed_reads_give_the_same(
        messages in vec(prop_oneof![2 => full_block(), 1 => owned()], 1..12),
        reads in vec((1..60_000usize, 0..5usize), 1..12),
    ) {
        let (bytes, texts) = encode_all(&messages);
        prop_assert_eq!(decode_landed(&bytes, &reads), texts);
    }
}

fn full_block() -> impl Strategy<Value = Owned> {
    (0..9u32, any::<u8>())
        .prop_map(|(piece, byte)| Owned::Block(piece, 0, vec![byte; BLOCK_LENGTH as usize]))
}

/// Decodes as a driver does that expects blocks: so many bytes at a time, with room for so many
/// blocks where there may be some, over and over.
fn decode_landed(mut bytes: &[u8], reads: &[(usize, usize)]) -> Vec<String> {
    let (pool, mut landing) = (Pool::new(4), Landing::default());
    let (mut decoder, mut out) = (Decoder::new(), Vec::new());
    for (n, blocks) in reads.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (mut input, later) = bytes.split_at((*n).min(bytes.len()));
        bytes = later;
        let blocks = if decoder.may_land() { *blocks } else { 0 };
        let direct = take(&mut input, decoder.direct().unwrap_or_default());
        if let Some((range, data)) = decoder.direct_filled(direct) {
            out.push(describe(&Message::Piece(range, data)));
        }
        let landed = landing.room(blocks, &pool).map(|room| take(&mut input, room)).sum();
        let each = |message: Message<'_>| {
            out.push(describe(&message));
            Ok::<(), WireError>(())
        };
        decoder.decode_landed(&mut landing, landed, &pool, each).unwrap();
        while let Some(message) = decoder.decode(&mut input, &pool).unwrap() {
            out.push(describe(&message));
        }
    }
    out
}

/// Fills `room` from the front of `input`, as far as it goes; how many bytes.
fn take(input: &mut &[u8], room: &mut [u8]) -> usize {
    let (taken, rest) = input.split_at(room.len().min(input.len()));
    room[..taken.len()].copy_from_slice(taken);
    *input = rest;
    taken.len()
}

#[test]
fn blocks_that_land_stay_where_they_are() {
    let pool = Pool::new(8);
    let (mut decoder, mut landing) = (Decoder::new(), Landing::default());
    let block = |piece| {
        let mut bytes = Vec::new();
        let data = Buf::copy_of(&vec![piece as u8; BLOCK_LENGTH as usize]);
        Message::Piece(range(piece, 0, BLOCK_LENGTH), data).encode(&mut bytes);
        bytes
    };
    let bytes = [block(1), block(2)].concat();
    let mut input = &bytes[..bytes.len() - 1];
    let mut places = Vec::new();
    let fill = |room: &mut [u8]| {
        places.push(room.as_ptr());
        take(&mut input, room)
    };
    let landed = landing.room(2, &pool).map(fill).sum();
    let mut blocks = Vec::new();
    let each = |message: Message<'_>| {
        let Message::Piece(_, data) = message else { panic!("{message:?}") };
        blocks.push(data);
        Ok::<(), WireError>(())
    };
    decoder.decode_landed(&mut landing, landed, &pool, each).unwrap();
    assert_eq!(blocks[0].as_ptr(), places[1]);
    assert_eq!(decoder.partial(), BLOCK_LENGTH as usize - 1);
    assert_eq!(decoder.direct().unwrap().len(), 1);
}

#[test]
fn a_full_block_passes_in_one_buffer_of_the_pool() {
    let data = vec![7; BLOCK_LENGTH as usize];
    let mut bytes = Vec::new();
    Message::Piece(range(0, 0, BLOCK_LENGTH), Buf::copy_of(&data)).encode(&mut bytes);
    let (mut decoder, pool) = (Decoder::new(), Pool::new(1));
    let mut input = &bytes[..100];
    assert!(decoder.decode(&mut input, &pool).unwrap().is_none());
    assert_eq!(decoder.partial(), 87);
    let room = decoder.direct().unwrap();
    room.copy_from_slice(&bytes[100..]);
    let left = room.len();
    assert!(decoder.direct_filled(0).is_none());
    let (_, block) = decoder.direct_filled(left).unwrap();
    assert_eq!(&block[..], data);
    assert!(decoder.direct().is_none());
    assert_eq!(decoder.partial(), 0);
}
