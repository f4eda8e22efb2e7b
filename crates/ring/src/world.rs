//! Worlds to try a ring in, seeded and in virtual time.

mod machine;
mod moving;
mod original;
mod perfect;
mod still;

pub use machine::Machine;
pub use moving::{Moving, Setting, Stats};
pub use original::Original;
pub use perfect::{Perfect, Tally};
pub use still::Still;
