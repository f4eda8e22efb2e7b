use std::net::{IpAddr, SocketAddr};

/// The canonical priority of the connection between two peers (BEP 40): both compute the same
/// number, and both prefer connections with the higher one, so a full swarm settles into an even
/// random graph instead of favouring whoever came first.
///
/// Addresses of different families have no common number: zero.
pub fn canonical_priority(a: SocketAddr, b: SocketAddr) -> u32 {
    if a.ip() == b.ip() {
        let mut ports = [a.port(), b.port()];
        ports.sort_unstable();
        let [low, high] = ports.map(u16::to_be_bytes);
        return crc32c(&[low, high].concat());
    }
    match (a.ip(), b.ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => of_octets(&a.octets(), &b.octets(), 2),
        (IpAddr::V6(a), IpAddr::V6(b)) => of_octets(&a.octets(), &b.octets(), 6),
        _ => 0,
    }
}

/// Masks the addresses, the less the more of their prefixes they share, and hashes them in
/// order. `whole` octets are never masked, nor the ones that follow as far as they are equal.
fn of_octets(a: &[u8], b: &[u8], whole: usize) -> u32 {
    let kept = (whole..=whole + 1).take_while(|&octets| a[..octets] == b[..octets]).count();
    let masked = |address: &[u8]| -> Vec<u8> {
        let mask = |(at, octet): (usize, &u8)| {
            if at < whole + kept { *octet } else { octet & 0x55 }
        };
        address.iter().enumerate().map(mask).collect()
    };
    let mut both = [masked(a), masked(b)];
    both.sort_unstable();
    crc32c(&both.concat())
}

/// CRC-32C (Castagnoli), reflected, as in RFC 3720 appendix B.4.
fn crc32c(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |crc: u32, _| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
    !data.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: u32) {
        let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(canonical_priority(a, b), expected, "{a} {b}");
        assert_eq!(canonical_priority(b, a), expected, "{b} {a}");
    }

    #[test]
    fn gives_the_values_of_the_specification() {
        check("123.213.32.10:0", "98.76.54.32:0", 0xec2d_7224);
        check("123.213.32.10:0", "123.213.32.234:0", 0x9956_8189);
    }

    #[test]
    fn uses_ports_only_between_equal_addresses() {
        let one = |port| SocketAddr::from(([10, 0, 0, 1], port));
        assert_ne!(canonical_priority(one(1), one(2)), canonical_priority(one(1), one(3)));
        check(
            "10.0.0.1:1",
            "10.0.0.2:2",
            canonical_priority("10.0.0.1:7".parse().unwrap(), "10.0.0.2:8".parse().unwrap()),
        );
    }

    #[test]
    fn masks_ipv6_below_its_prefix() {
        let of = |a: &str, b: &str| canonical_priority(a.parse().unwrap(), b.parse().unwrap());
        // Bit 1 of the last octet is masked away between strangers and counts among neighbours.
        assert_eq!(of("[2001:db8:1::1]:1", "[2002::2]:1"), of("[2001:db8:1::3]:1", "[2002::2]:1"));
        assert_eq!(of("[2001::1]:1", "10.0.0.1:1"), 0);
    }

    #[test]
    fn crc32c_gives_the_known_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
