//! What Chord's authors measured: I. Stoica et al., "Chord: A Scalable Peer-to-peer Lookup Protocol
//! for Internet Applications", IEEE/ACM Transactions on Networking 11(1), 2003, § V.

/// A row of one of their tables: what a look-up took among [`Published::NODES`] peers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// What was done to the ring: the table says in what measure.
    pub at: f64,
    /// Messages of a look-up on average.
    pub path: f64,
    /// Timeouts that it met on average.
    pub timeouts: f64,
    /// Of 10,000 look-ups, those that did not find the owner of their key.
    pub failed: u64,
}

impl Published {
    /// Peers of their rings.
    pub const NODES: u32 = 1_000;
    /// Successors that each of these kept.
    pub const SUCCESSORS: usize = 20;

    const fn new(at: f64, path: f64, timeouts: f64, failed: u64) -> Self {
        Self { at, path, timeouts, failed }
    }
}

/// Table II: by the share of the peers that had left at once, before anything was repaired.
pub const TABLE_II: [Published; 6] = [
    Published::new(0.0, 3.84, 0.0, 0),
    Published::new(0.1, 4.03, 0.60, 0),
    Published::new(0.2, 4.22, 1.17, 0),
    Published::new(0.3, 4.44, 2.02, 0),
    Published::new(0.4, 4.69, 3.23, 0),
    Published::new(0.5, 5.09, 5.10, 0),
];

/// Table III: by how many peers joined each second, while as many left. Those who left told the
/// peers beside them (§ IV-E.4).
pub const TABLE_III: [Published; 8] = [
    Published::new(0.05, 3.90, 0.05, 0),
    Published::new(0.10, 3.83, 0.11, 0),
    Published::new(0.15, 3.84, 0.16, 2),
    Published::new(0.20, 3.81, 0.23, 5),
    Published::new(0.25, 3.83, 0.30, 6),
    Published::new(0.30, 3.91, 0.34, 8),
    Published::new(0.35, 3.94, 0.42, 16),
    Published::new(0.40, 4.06, 0.46, 15),
];
