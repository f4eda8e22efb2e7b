use std::net::IpAddr;

/// Whether an address is of a machine or network near this one: loopback, private (RFC 1918,
/// RFC 4193) or link-local; an IPv6 address that stands for an IPv4 one counts as that.
pub fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// How far an address is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Site,
    World,
}

fn reach(ip: IpAddr) -> Reach {
    if ip.to_canonical().is_loopback() {
        Reach::Machine
    } else if is_local(ip) {
        Reach::Site
    } else {
        Reach::World
    }
}

/// Whether somebody at `giver` can mean `named`: an address of the world is good for everybody,
/// one of a site for its neighbours. Otherwise it means nothing here, or a machine that is nobody's
/// business.
pub fn may_name(giver: IpAddr, named: IpAddr) -> bool {
    reach(named) >= reach(giver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_names_what_is_nearer_to_us_than_itself() {
        for (giver, named, may) in [
            ("8.8.8.8", "9.9.9.9", true),
            ("8.8.8.8", "192.168.1.1", false),
            ("8.8.8.8", "127.0.0.1", false),
            ("192.168.1.2", "192.168.1.1", true),
            ("192.168.1.2", "::1", false),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "2001:db8::1", true),
        ] {
            assert_eq!(may_name(giver.parse().unwrap(), named.parse().unwrap()), may, "{giver}");
        }
    }

    #[test]
    fn what_is_near_and_what_is_not() {
        for (ip, local) in [
            ("127.0.0.1", true),
            ("172.16.9.9", true),
            ("169.254.1.1", true),
            ("172.32.0.1", false),
            ("8.8.8.8", false),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
            ("::ffff:10.0.0.1", true),
            ("::ffff:9.9.9.9", false),
        ] {
            assert_eq!(is_local(ip.parse().unwrap()), local, "{ip}");
        }
    }
}
