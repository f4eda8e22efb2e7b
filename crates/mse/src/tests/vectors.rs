//! One handshake, computed by an implementation of its own (Python's integers, an RC4 that is
//! checked by the well-known vectors).

use super::*;

const PUBLIC_A: &str = "389bc48e68bf78fa3e8ee968a352c453b84d01cdab50dfcee5ec2874ae517c08\
    8b4dfa42a7ba2676484eeb33caba3d7fdf40032e68c6bfd0a3e3b7e3d3cfca1a\
    1ca6feb910bea586069c5b3c01c3e6f0602151ae71139305900b46d10a6921fa";
const PUBLIC_B: &str = "e30b7acb884c98d35a28baced6be5966d8e3d79a2f193798fca4dc1830af1dcb\
    6f1d9dc07aa7c89081ada0cb43145539894a06de2e28238922b1fada6fed05fd\
    6ba3f864c93eaa366580cf23c1b353ed86996f825de18bd9c82b1d83c7e552f3";
const SECRET: &str = "2a1dc5414434f00426b1987f9cd418047f30ac09975eab49721e435154ad00b0\
    b3d0b18548febbfa55271dc17bdcbf8db7480767b7db03334b4a2898e1dee7e9\
    ce6f31fc123ac23315ef4ed6ac4f9e4ab575550158da9f63dc9502d7fbfbfd02";
const THIRD: &str = "38f9d1f32d91aacf3c368e4a9ec3dea98d05ea087c4c2d6073d7de6df2331b13\
    8cef435ccf7696eaf562737ae8ff071e57c138d9bc89f4efb545ea2d14e7743b\
    69ac";
const ANSWER: &str = "886954f6ce3f844157e94f58";
const BEHIND: &str = "c0513e4f";

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

#[test]
fn keys_and_secrets_are_right() {
    let (a, b) = (PrivateKey::new(&entropy(200)), PrivateKey::new(&entropy(100)));
    assert_eq!(a.public().as_slice(), bytes(PUBLIC_A));
    assert_eq!(b.public().as_slice(), bytes(PUBLIC_B));
    assert_eq!(a.secret(&b.public()).unwrap().as_slice(), bytes(SECRET));
    assert_eq!(b.secret(&a.public()).unwrap().as_slice(), bytes(SECRET));
}

#[test]
fn a_handshake_is_right() {
    let mut far = Responder::new(entropy(100), Methods::RC4);
    let first = [bytes(PUBLIC_A), vec![9; 77]].concat();
    assert!(far.handle(&first, &ours).unwrap().is_none());
    let output = far.take_output();
    assert_eq!(output[..KEY_LENGTH], bytes(PUBLIC_B));
    assert!(output.len() <= KEY_LENGTH + 512);
    let third = [bytes(THIRD), bytes(BEHIND)].concat();
    let outcome = far.handle(&third, &ours).unwrap().unwrap();
    assert_eq!(outcome.received, b"hellomore");
    assert_eq!(far.take_output()[..12], bytes(ANSWER));
}
