//! How many instructions the pure cores may take for a piece of work. Time depends on the machine
//! and on what else it does; instructions hardly do, so a core that became dearer is seen at once.
//!
//! Each file in `benches` is a core with real work of a fixed size and fixed seeds, and beside each
//! bench stands what it may take: about 10 % above what it does. `cargo xtask gates` counts, and
//! `docs/performance.md` says what to do when it is too much.

mod gate;
mod torrent;

// The public interface is:
pub use gate::at_most;
pub use torrent::torrent;
