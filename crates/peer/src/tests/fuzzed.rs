use proptest::collection::vec;
use proptest::prelude::*;

use crate::{fuzz_sequence, fuzz_stream};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn arbitrary_bytes_never_panic(data in vec(any::<u8>(), 0..400)) {
        fuzz_stream(&data);
    }

    #[test]
    fn message_like_bytes_never_panic(
        mode in any::<[u8; 2]>(),
        messages in vec((0..24u8, vec(any::<u8>(), 0..60)), 0..20),
    ) {
        let mut data = mode.to_vec();
        for (id, body) in messages {
            data.extend((body.len() as u32 + 1).to_be_bytes());
            data.push(id);
            data.extend(body);
        }
        fuzz_stream(&data);
    }

    #[test]
    fn every_request_ends_exactly_once(mode in any::<u8>(), steps in vec(step(), 0..300)) {
        let mut data = vec![mode];
        data.extend(steps.concat());
        fuzz_sequence(&data);
    }
}

/// Steps that stay within the torrent most of the time, so that they reach something.
fn step() -> impl Strategy<Value = [u8; 3]> {
    let tame = (0..40u8, 0..20u8, 0..2u8).prop_map(|(op, a, b)| [op, a, b]);
    let opening = Just([28, 0, 0]);
    prop_oneof![12 => tame, 1 => opening, 1 => any::<[u8; 3]>()]
}
