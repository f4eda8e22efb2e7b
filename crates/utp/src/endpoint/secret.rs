use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;
use stdx::Rng;

/// Numbers that nobody can guess from those that were drawn before: a keyed hash of how many that
/// were. The ids and first packet numbers of a connection are all that keeps strangers out of it.
#[derive(Debug)]
pub(super) struct Secret {
    key: SipHasher24,
    drawn: u64,
}

impl Secret {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let key = SipHasher24::new_with_keys(rng.next_u64(), rng.next_u64());
        Self { key, drawn: 0 }
    }

    pub(super) fn draw(&mut self) -> u16 {
        let mut hasher = self.key;
        hasher.write_u64(self.drawn);
        self.drawn += 1;
        hasher.finish() as u16
    }
}
