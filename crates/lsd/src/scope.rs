use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where announces go on IPv4 (BEP 14).
pub const GROUP_V4: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 192, 152, 143)), 6771);
/// Where announces go on IPv6 (BEP 14).
pub const GROUP_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f)), 6771);

/// Whether somebody with this address can be on the same network: private (RFC 1918, RFC 4193),
/// link-local, or of a range for laboratories (RFC 2544, RFC 5180). A datagram says nothing true
/// about where others are, so nobody is to be sent to a machine of the world by one.
pub fn is_neighbour(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 198 && b & 0xfe == 18)
        }
        IpAddr::V6(ip) => {
            let laboratory = ip.segments()[..3] == [0x2001, 2, 0];
            ip.is_unique_local() || ip.is_unicast_link_local() || laboratory
        }
    }
}
