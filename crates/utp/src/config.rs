/// The largest datagram that is ever sent or expected: what Ethernet carries of UDP over IPv4.
pub const DATAGRAM_MAX: usize = 1_472;

/// The limits of an endpoint.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connections of all kinds, at most.
    pub connections_max: usize,
    /// Of these, incoming ones whose other side has not proved yet that it is where it says; the
    /// oldest give way.
    pub half_open_max: usize,
    /// Bytes of a connection that may be on their way, at most.
    pub send_max: usize,
    /// Bytes that may wait for their first sending, at most. What is written behind them waits
    /// with its writer, who may still change its mind.
    pub unsent_max: usize,
    /// Bytes that a new connection's other side may have on their way to us. It doubles while our
    /// reader takes that much within a round trip.
    pub receive_first: usize,
    /// The most that it grows to.
    pub receive_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            half_open_max: 256,
            send_max: 4 << 20,
            unsent_max: 128 << 10,
            receive_first: 256 << 10,
            receive_max: 4 << 20,
        }
    }
}
