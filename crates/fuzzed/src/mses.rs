use hash::Sha1Digest;
use mse::{Entropy, Initiator, Methods, Outcome, Responder, torrent_key};

use crate::input::Input;

const TORRENT: Sha1Digest = Sha1Digest([7; 20]);
const WORDS: &[u8] = b"the first words";

/// Two sides that shake hands piece by piece over a line on which bytes are changed and put in.
/// Unless that happens, they agree, and the first words arrive.
pub fn fuzz_mse(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.byte().unwrap_or(0);
    let methods = |bits: u8| Methods { plaintext: bits & 1 != 0, rc4: bits & 2 != 0 };
    let (offered, allowed) = (methods(choice), methods(choice >> 2));
    let mut near = Initiator::new(Entropy([choice; 32]), TORRENT, offered, WORDS);
    let mut far = Responder::new(Entropy([choice ^ 255; 32]), allowed);
    let ours = |key: &Sha1Digest| (*key == torrent_key(&TORRENT)).then_some(TORRENT);
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut outcomes = (None, None);
    let mut honest = true;
    while let Some(op) = input.byte() {
        there.extend(near.take_output());
        back.extend(far.take_output());
        match op {
            254 => {
                honest = false;
                there.extend_from_slice(input.slice());
                back.extend_from_slice(input.slice());
            }
            255 => {
                honest = false;
                let place = usize::from(input.short());
                let line = if place % 2 == 0 { &mut there } else { &mut back };
                if let Some(byte) = line.get_mut(place / 2) {
                    *byte ^= 0x55;
                }
            }
            n => {
                let piece: Vec<u8> = there.drain(..there.len().min(n.into())).collect();
                let Ok(outcome) = far.handle(&piece, &ours) else { break };
                outcomes.1 = outcomes.1.or(outcome);
                let piece: Vec<u8> = back.drain(..back.len().min(n.into())).collect();
                let Ok(outcome) = near.handle(&piece) else { break };
                outcomes.0 = outcomes.0.or(outcome);
            }
        }
    }
    if let (true, (Some(near), Some(far))) = (honest, outcomes) {
        agree(near, far);
    }
}

fn agree(near: Outcome, far: Outcome) {
    assert_eq!(far.received, WORDS);
    assert_eq!(near.ciphers.is_some(), far.ciphers.is_some());
    if let (Some(mut near), Some(mut far)) = (near.ciphers, far.ciphers) {
        let mut bytes = *WORDS.first_chunk::<8>().expect("they are longer");
        near.encrypt(&mut bytes);
        far.decrypt(&mut bytes);
        assert_eq!(bytes, WORDS[..8]);
    }
}
