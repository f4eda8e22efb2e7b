use std::net::IpAddr;

use hash::Sha1Digest;

use super::{count, pieces};

fn set(ip: &str, of: u32, many: u32) -> Vec<u32> {
    let ip: IpAddr = ip.parse().unwrap();
    let set = pieces(ip, &Sha1Digest([0xaa; 20]), of, many);
    set.into_iter().map(|piece| piece.0).collect()
}

#[test]
fn the_set_is_that_of_the_specification() {
    let expected = [1059, 431, 808, 1217, 287, 376, 1188, 353, 508];
    assert_eq!(set("80.4.4.200", 1313, 7), expected[..7]);
    assert_eq!(set("80.4.4.200", 1313, 9), expected);
}

#[test]
fn neighbours_get_the_same_pieces_and_locals_none() {
    assert_eq!(set("80.4.4.1", 1313, 7), set("80.4.4.200", 1313, 7));
    assert_ne!(set("80.4.5.1", 1313, 7), set("80.4.4.200", 1313, 7));
    assert_eq!(set("2001:db8:1:2::3", 99, 5), set("2001:db8:1:2:ffff::4", 99, 5));
    assert_ne!(set("2001:db8:1:3::3", 99, 5), set("2001:db8:1:2::3", 99, 5));
    let locals = ["127.0.0.1", "10.1.2.3", "192.168.7.1", "169.254.1.1", "::1", "fe80::1"];
    for local in locals.into_iter().chain(["fd00::1", "::ffff:10.0.0.1"]) {
        assert_eq!(set(local, 1313, 7), [0; 0], "{local}");
    }
}

#[test]
fn small_torrents_end_the_search() {
    for of in 0..6 {
        assert!(set("80.4.4.200", of, 5).len() as u32 <= of);
    }
    assert_eq!(set("80.4.4.200", 5, 0), [0; 0]);
}

#[test]
fn large_pieces_are_not_given_away() {
    let table = [(16 << 10, 5), (256 << 10, 4), (1 << 20, 1), (2 << 20, 0), (0, 5)];
    for (length, expected) in table {
        assert_eq!(count(length), expected, "{length}");
    }
}
