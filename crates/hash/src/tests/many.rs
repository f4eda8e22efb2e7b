use sha1::Digest as _;
use stdx::Rng;

use crate::lanes::{Lane, Processor};
use crate::state::State;
use crate::{Block, Sha1, Sha256, sha256_many, update_both};

/// What this processor has, and less and less of it: each a way of its own to the same hashes.
fn processors() -> [Processor; 4] {
    let all = Processor::detect();
    let plain = Processor { sha: None, avx512: None };
    [all, Processor { avx512: None, ..all }, Processor { sha: None, ..all }, plain]
}

fn bytes(rng: &mut Rng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill(&mut bytes);
    bytes
}

/// Streams of so many blocks, from states of any value, against each on its own with the function
/// that one stream takes.
fn check<S: State + PartialEq + std::fmt::Debug>(
    processor: Processor,
    lengths: &[usize],
    state: fn(&mut Rng) -> S,
) {
    let mut rng = Rng::new(lengths.len() as u64);
    let data: Vec<Vec<u8>> = lengths.iter().map(|&it| bytes(&mut rng, it * 64)).collect();
    let blocks: Vec<&[Block]> = data.iter().map(|it| it.as_chunks().0).collect();
    let before: Vec<S> = lengths.iter().map(|_| state(&mut rng)).collect();
    let mut expected = before.clone();
    for (state, blocks) in expected.iter_mut().zip(&blocks) {
        state.one(blocks);
    }
    let mut found = before;
    let lanes = found.iter_mut().zip(&blocks).map(|(state, blocks)| Lane { state, blocks });
    processor.advance(lanes.collect());
    assert_eq!(found, expected, "{processor:?} {lengths:?}");
}

fn any<const W: usize>(rng: &mut Rng) -> [u32; W] {
    std::array::from_fn(|_| rng.next_u64() as u32)
}

#[test]
fn lanes_do_as_single_streams() {
    let mut rng = Rng::new(7);
    for processor in processors() {
        for count in 0..20 {
            for longest in [1, 2, 9] {
                let lengths: Vec<usize> =
                    (0..count).map(|_| rng.below(longest + 1) as usize).collect();
                check(processor, &lengths, any::<5>);
                check(processor, &lengths, any::<8>);
            }
        }
    }
}

/// All pairs of lengths round the borders of blocks and of padding, and where the streams begin
/// within a block.
#[test]
fn pairs_of_any_lengths() {
    let mut rng = Rng::new(1);
    let lengths = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 191, 192, 193];
    for one in lengths {
        for two in lengths {
            for begun in [0, 1, 63, 64] {
                let head = bytes(&mut rng, begun);
                let (a, b) = (bytes(&mut rng, one), bytes(&mut rng, two));
                in_steps(&[vec![&head, &a], vec![&b]]);
            }
        }
    }
}

#[test]
fn streams_in_random_steps() {
    let mut rng = Rng::new(2);
    for _ in 0..200 {
        let count = rng.index(12);
        let mut stream = || -> Vec<Vec<u8>> {
            let steps = rng.index(6);
            let longest = [3, 70, 500, 5000][rng.index(4)];
            (0..steps)
                .map(|_| (rng.index(longest), rng.next_u64()))
                .map(|(length, seed)| bytes(&mut Rng::new(seed), length))
                .collect()
        };
        let streams: Vec<Vec<Vec<u8>>> = (0..count).map(|_| stream()).collect();
        let streams: Vec<Vec<&[u8]>> =
            streams.iter().map(|it| it.iter().map(Vec::as_slice).collect()).collect();
        in_steps(&streams);
    }
}

/// Hashes each stream's parts, one of each at a time, and compares with plain digests.
fn in_steps<P: AsRef<[u8]>>(streams: &[Vec<P>]) {
    let mut ones = vec![Sha1::new(); streams.len()];
    let mut twos = vec![Sha256::new(); streams.len()];
    let mut boths = vec![(Sha1::new(), Sha256::new()); streams.len()];
    for step in 0..streams.iter().map(Vec::len).max().unwrap_or(0) {
        let part = |stream: &'_ Vec<P>| stream.get(step).map_or(&[][..], P::as_ref).to_vec();
        let parts: Vec<Vec<u8>> = streams.iter().map(part).collect();
        let parts = || parts.iter().map(Vec::as_slice);
        Sha1::update_many(ones.iter_mut().zip(parts()));
        Sha256::update_many(twos.iter_mut().zip(parts()));
        for ((one, two), part) in boths.iter_mut().zip(parts()) {
            update_both(one, two, part);
        }
    }
    let wholes: Vec<Vec<u8>> = streams
        .iter()
        .map(|parts| parts.iter().flat_map(AsRef::as_ref).copied().collect())
        .collect();
    for (at, whole) in wholes.iter().enumerate() {
        let one: [u8; 20] = sha1::Sha1::digest(whole).into();
        let two: [u8; 32] = sha2::Sha256::digest(whole).into();
        assert_eq!(ones[at].clone().finish().0, one);
        assert_eq!(twos[at].clone().finish().0, two);
        let (both_one, both_two) = boths[at].clone();
        assert_eq!((both_one.finish().0, both_two.finish().0), (one, two));
    }
    let wholes: Vec<&[u8]> = wholes.iter().map(Vec::as_slice).collect();
    let twos: Vec<_> = twos.into_iter().map(Sha256::finish).collect();
    assert_eq!(sha256_many(&wholes), twos);
}

#[test]
fn both_of_streams_that_stand_apart() {
    let mut rng = Rng::new(3);
    for (one, two) in [(0, 1), (5, 64), (64, 128), (65, 1)] {
        let (head_one, head_two) = (bytes(&mut rng, one), bytes(&mut rng, two));
        let body = bytes(&mut rng, 1_000);
        let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
        sha1.update(&head_one);
        sha256.update(&head_two);
        update_both(&mut sha1, &mut sha256, &body);
        let plain: [u8; 20] = sha1::Sha1::digest([head_one, body.clone()].concat()).into();
        assert_eq!(sha1.finish().0, plain);
        let plain: [u8; 32] = sha2::Sha256::digest([head_two, body].concat()).into();
        assert_eq!(sha256.finish().0, plain);
    }
}
