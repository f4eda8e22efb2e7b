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
        // First the bitfield, then an unchoke.
        let mut data = vec![mode, 27, 0xff, 0xff, 24, 0, 0];
        data.extend(steps.concat());
        fuzz_sequence(&data);
    }
}

/// Steps that break no rule most of the time, so that a run is long enough to reach something.
fn step() -> impl Strategy<Value = [u8; 3]> {
    let tame = (0..40u8, 0..10u8, 0..2u8).prop_filter_map("breaks the rules", |(op, a, b)| {
        // A second bitfield or have all ends the connection.
        (op != 27 && op != 28).then_some([op, a, b])
    });
    prop_oneof![200 => tame, 1 => any::<[u8; 3]>()]
}
