//! The next hop to the world, as the system knows it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    interface: String,
    router: SocketAddr,
    metric: u32,
}

/// The router of the best default route of a family, over `interface` if one is named.
pub(super) fn router(v6: bool, interface: Option<&str>) -> Option<SocketAddr> {
    let path = if v6 { "/proc/net/ipv6_route" } else { "/proc/net/route" };
    let text = std::fs::read_to_string(path).ok()?;
    let parse = if v6 { parse_v6 } else { parse_v4 };
    let routes = text.lines().filter_map(parse);
    let best = routes
        .filter(|route| interface.is_none_or(|name| name == route.interface))
        .min_by_key(|route| route.metric)?;
    let SocketAddr::V6(router) = best.router else {
        return Some(best.router);
    };
    let scope = if router.ip().is_unicast_link_local() { index(&best.interface)? } else { 0 };
    Some(SocketAddrV6::new(*router.ip(), 0, 0, scope).into())
}

/// A line of `/proc/net/route`: interface, destination, gateway, flags, two counters, metric, mask;
/// addresses in hexadecimal digits of the machine's byte order.
fn parse_v4(line: &str) -> Option<Route> {
    const GATEWAY: u32 = 2;

    let words: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = words[..] else {
        return None;
    };
    let hex = |text| u32::from_str_radix(text, 16).ok();
    if hex(destination)? != 0 || hex(mask)? != 0 || hex(flags)? & GATEWAY == 0 {
        return None;
    }
    let router = Ipv4Addr::from(hex(gateway)?.to_ne_bytes());
    let metric = metric.parse().ok()?;
    Some(Route { interface: interface.to_owned(), router: (router, 0).into(), metric })
}

/// A line of `/proc/net/ipv6_route`: destination and its length, source and its length, next hop,
/// metric, two counters, flags, interface; all hexadecimal.
fn parse_v6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [destination, "00", _, _, next, metric, _, _, _, interface] = words[..] else {
        return None;
    };
    let hex = |text| u128::from_str_radix(text, 16).ok();
    let router = Ipv6Addr::from(hex(next)?);
    if hex(destination)? != 0 || router.is_unspecified() {
        return None;
    }
    let metric = u32::from_str_radix(metric, 16).ok()?;
    Some(Route { interface: interface.to_owned(), router: (router, 0).into(), metric })
}

fn index(interface: &str) -> Option<u32> {
    let all = if_addrs::get_if_addrs().ok()?;
    all.into_iter().find(|it| it.name == interface)?.index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_told_from_others() {
        let big_endian = cfg!(target_endian = "big");
        let gateway = if big_endian { "C0A80101" } else { "0101A8C0" };
        let line = format!("eth0 00000000 {gateway} 0003 0 0 100 00000000 0 0 0");
        let route = parse_v4(&line).unwrap();
        assert_eq!((route.interface.as_str(), route.metric), ("eth0", 100));
        assert_eq!(route.router, "192.168.1.1:0".parse().unwrap());
        for other in [
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT",
            "eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0",
            "tun0 00000000 00000000 0001 0 0 0 00000000 0 0 0",
            "",
        ] {
            assert_eq!(parse_v4(other), None, "{other}");
        }
    }

    #[test]
    fn default_routes_of_ipv6_are_told_from_others() {
        let zero = "0".repeat(32);
        let next = "fe800000000000000000000000000001";
        let line = |length: &str, next: &str| {
            format!("{zero} {length} {zero} 00 {next} 00000400 00000001 00000000 00000003 eth0")
        };
        let route = parse_v6(&line("00", next)).unwrap();
        assert_eq!(route.router, "[fe80::1]:0".parse().unwrap());
        assert_eq!(parse_v6(&line("40", next)), None);
        assert_eq!(parse_v6(&line("00", &zero)), None);
    }
}
