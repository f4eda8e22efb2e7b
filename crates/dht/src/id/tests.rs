use super::*;

fn id(first: u8, last: u8) -> Id {
    let mut bytes = [0; 20];
    (bytes[0], bytes[19]) = (first, last);
    Id(bytes)
}

#[test]
fn distances_are_those_of_xor() {
    for (one, other, bits, share) in [
        (id(0, 0), id(0, 0), 160, 0.0),
        (id(0, 0), id(0, 1), 159, 0.0),
        (id(0, 0), id(0x80, 0), 0, 0.5),
        (id(0x80, 0), id(0xc0, 0), 1, 0.25),
        (id(0xff, 0), id(0xfe, 9), 7, 1.0 / 256.0),
    ] {
        assert_eq!(one.common_bits(other), bits, "{one} {other}");
        assert_eq!(other.common_bits(one), bits);
        assert!((one.distance(other).share() - share).abs() < 1e-12);
    }
}

#[test]
fn a_random_id_beside_another_shares_exactly_as_many_bits_as_asked_for() {
    let mut rng = Rng::new(1);
    for bits in 0..160 {
        let me = Id::random(&mut rng);
        assert_eq!(me.random_beside(bits, &mut rng).common_bits(me), bits);
        assert_eq!(me.flipped(bits).common_bits(me), bits);
    }
    assert_eq!(id(0b1010_0000, 0).bits(0, 3), 0b101);
    assert_eq!(id(0b1010_0000, 0).bits(1, 3), 0b010);
}
