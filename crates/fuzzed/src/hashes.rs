use hash::{Sha1, Sha256, sha1, sha256, update_both};

use crate::input::Input;

/// Streams at once: more than any processor takes together.
const STREAMS_MAX: usize = 11;

/// Many streams at once, in steps of any lengths, are what each of them is alone.
pub fn fuzz_hash(data: &[u8]) {
    let mut input = Input(data);
    let count = usize::from(input.byte().unwrap_or(0)) % (STREAMS_MAX + 1);
    let mut whole = vec![Vec::new(); count];
    let mut ones = vec![Sha1::new(); count];
    let mut twos = vec![Sha256::new(); count];
    let (mut one, mut two) = (Sha1::new(), Sha256::new());
    while !input.0.is_empty() {
        let step: Vec<Vec<u8>> = (0..count).map(|_| part(&mut input)).collect();
        let parts = || step.iter().map(Vec::as_slice);
        Sha1::update_many(ones.iter_mut().zip(parts()));
        Sha256::update_many(twos.iter_mut().zip(parts()));
        match step.first() {
            Some(first) => update_both(&mut one, &mut two, first),
            None => return,
        }
        for (whole, part) in whole.iter_mut().zip(parts()) {
            whole.extend_from_slice(part);
        }
    }
    let first = whole.first().map_or(&[][..], Vec::as_slice);
    assert_eq!((one.finish(), two.finish()), (sha1(first), sha256(first)));
    for ((whole, one), two) in whole.iter().zip(ones).zip(twos) {
        assert_eq!((one.finish(), two.finish()), (sha1(whole), sha256(whole)));
    }
}

/// A few bytes, some times over.
fn part(input: &mut Input<'_>) -> Vec<u8> {
    let times = input.byte().map_or(0, |byte| usize::from(byte % 16));
    input.slice().repeat(times)
}
