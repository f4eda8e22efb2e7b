use std::fmt::Debug;
use std::net::SocketAddr;

/// How members name each other.
pub trait Address: Copy + Ord + Debug {
    /// Bytes that it takes within a message.
    fn size(self) -> u64;
}

/// As in compact peer lists (BEP 23, BEP 7).
impl Address for SocketAddr {
    fn size(self) -> u64 {
        if self.is_ipv4() { 6 } else { 18 }
    }
}

/// The number of a member in a simulated world; counted as an IPv4 address and a port.
impl Address for u32 {
    fn size(self) -> u64 {
        6
    }
}
