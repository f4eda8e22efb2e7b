use crate::{Limits, Mode, decode};

#[test]
fn smoke() {
    assert!(decode(b"d3:cow3:mooe", Mode::Strict, Limits::MESSAGE).is_ok());
}
