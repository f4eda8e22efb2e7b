use stdx::Rng;

use crate::{Id, IdError, Space};

fn space(bits: u8) -> Space {
    Space::new(bits).expect("a possible space")
}

#[test]
fn between_goes_clockwise() {
    let check = |x: u64, from: u64, to: u64, between: bool, within: bool| {
        let (x, from, to) = (Id::from(x), Id::from(from), Id::from(to));
        assert_eq!(x.is_between(from, to), between, "{x} between {from} and {to}");
        assert_eq!(x.is_within(from, to), within, "{x} within {from} and {to}");
    };
    check(2, 1, 3, true, true);
    check(1, 1, 3, false, false);
    check(3, 1, 3, false, true);
    check(15, 14, 1, true, true);
    check(0, 14, 1, true, true);
    check(1, 14, 1, false, true);
    check(5, 14, 1, false, false);
    check(5, 5, 5, false, true);
    check(4, 5, 5, true, true);
}

#[test]
fn jumps_and_distances_wrap() {
    let check = |bits, id: u64, power, to: u64| {
        let (id, to) = (Id::from(id), Id::from(to));
        assert_eq!(space(bits).jump(id, power), to, "2^{power} from {id} of {bits} bits");
        let mut step = Id::default();
        for _ in 0..1_u32 << power {
            step = space(bits).jump(step, 0);
        }
        assert_eq!(space(bits).distance(id, to), step);
    };
    check(4, 1, 3, 9);
    check(4, 14, 2, 2);
    check(4, 15, 0, 0);
    check(9, 511, 8, 255);
    check(12, 0xfff, 11, 0x7ff);
    let all_ones = Id::from_bytes([0xff; 20]);
    assert_eq!(Space::FULL.jump(all_ones, 0), Id::from(0));
    assert_eq!(Space::FULL.distance(all_ones, Id::from(4)), Id::from(5));
}

#[test]
fn texts_are_read_whole_or_not_at_all() {
    let check = |bits, text: &str, read: Result<u64, IdError>| {
        assert_eq!(space(bits).parse(text), read.map(Id::from), "{text} of {bits} bits");
    };
    check(4, "14", Ok(14));
    check(4, "0xe", Ok(14));
    check(4, "0", Ok(0));
    check(4, "16", Err(IdError::TooLarge(4)));
    check(4, "", Err(IdError::NotANumber));
    check(4, "0x", Err(IdError::NotANumber));
    check(4, "-1", Err(IdError::NotANumber));
    check(4, "1 ", Err(IdError::NotANumber));
    check(64, "18446744073709551615", Ok(u64::MAX));
    check(64, "18446744073709551616", Err(IdError::TooLarge(64)));
    let largest = "1461501637330902918203684832716283019655932542975";
    assert_eq!(Space::FULL.parse(largest), Ok(Id::from_bytes([0xff; 20])));
    let beyond = "1461501637330902918203684832716283019655932542976";
    assert_eq!(Space::FULL.parse(beyond), Err(IdError::TooLarge(160)));
    assert_eq!(Space::FULL.parse(&"9".repeat(1_000)), Err(IdError::TooLarge(160)));
}

#[test]
fn a_digest_is_cut_to_its_first_bits() {
    let digest: [u8; 20] = std::array::from_fn(|at| 0xab_u8.wrapping_add(at as u8));
    assert_eq!(Space::FULL.of_digest(digest), Id::from_bytes(digest));
    assert_eq!(space(8).of_digest(digest), Id::from(0xab));
    assert_eq!(space(4).of_digest(digest), Id::from(0xa));
    assert_eq!(space(12).of_digest(digest), Id::from(0xaba));
    assert_eq!(space(1).of_digest(digest), Id::from(1));
}

#[test]
fn random_points_are_of_the_space() {
    let mut rng = Rng::new(1);
    for bits in 1..=160 {
        let id = space(bits).random(&mut rng);
        assert!(space(bits).contains(id), "{id} of {bits} bits");
    }
    assert_eq!((Space::new(0), Space::new(161)), (None, None));
}

#[test]
fn a_space_has_two_to_the_bits_points() {
    for (bits, room) in [(1, Some(2)), (4, Some(16)), (63, Some(1 << 63)), (64, None), (160, None)]
    {
        assert_eq!(space(bits).room(), room, "{bits} bits");
    }
}

#[test]
fn large_numbers_are_shown_as_digests() {
    assert_eq!(Id::from(14).to_string(), "14");
    assert_eq!(Id::from_bytes([0xab; 20]).to_string(), "ab".repeat(20));
}
