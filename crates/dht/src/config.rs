use crate::Id;

/// How a node behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Takes part in the IPv4 table.
    pub v4: bool,
    /// Takes part in the IPv6 table (BEP 32).
    pub v6: bool,
    /// The ids of the time before, if any, by family: kept where they are right for the address.
    pub ids: [Option<Id>; 2],
    /// Which one of several nodes of one program this is, each at an address of its own: their
    /// ids differ in the first bits (BEP 45).
    pub sibling: u8,
    /// Asks, and answers nothing (BEP 43).
    pub read_only: bool,
    /// Torrents whose peers are held, for each family.
    pub torrents_max: usize,
    /// Peers that are held for each.
    pub peers_max: usize,
    /// Items that are held (BEP 44), for each family.
    pub items_max: usize,
    /// Cells of the rate limiter, 32 bytes each.
    pub guard_cells: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            v4: true,
            v6: true,
            ids: [None; 2],
            sibling: 0,
            read_only: false,
            torrents_max: 2_000,
            peers_max: 500,
            items_max: 700,
            guard_cells: 4_096,
        }
    }
}
