use super::*;

/// The vectors of BEP 42, and the one for IPv6 of bittorrent.org#76.
const VECTORS: [(&str, u8, &str); 6] = [
    ("124.31.75.21", 1, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
    ("21.75.31.124", 86, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
    ("65.23.51.170", 22, "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
    ("84.124.73.14", 65, "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
    ("43.213.53.83", 90, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
    ("2001:b829:2123:be84:e16c:d6ae:5290:49f1", 4, "0a8ad123be84e16cd6ae529049f1f1bbe9ebb304"),
];

#[test]
fn the_published_ids_are_right_for_their_addresses() {
    let mut rng = Rng::new(7);
    for (ip, last, id) in VECTORS {
        let (ip, id): (IpAddr, Id) = (ip.parse().unwrap(), id.parse().unwrap());
        assert!(is_secure(id, ip), "{ip}");
        let made = secure_id(ip, last, &mut rng);
        assert!(made.common_bits(id) >= 21, "{ip}: {made}");
        assert_eq!(made.0[19], last);
        assert!(is_secure(made, ip));
        assert!(!is_secure(made.flipped(20), ip), "all 21 bits count");
        assert!(!is_secure(made.flipped(0), ip));
        let other = made.flipped(21);
        assert!(is_secure(other, ip), "and no more than 21");
    }
}

#[test]
fn local_addresses_are_exempt() {
    let mut rng = Rng::new(1);
    for ip in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "::1"] {
        assert!(is_secure(Id::random(&mut rng), ip.parse().unwrap()), "{ip}");
    }
    let right = |ip: &str| is_secure(Id([0; 20]), ip.parse().unwrap());
    assert!(!right("8.8.8.8") && !right("2001:db8::1"));
    let mapped: IpAddr = "::ffff:124.31.75.21".parse().unwrap();
    assert!(is_secure(VECTORS[0].2.parse().unwrap(), mapped));
}
