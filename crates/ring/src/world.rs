//! Worlds to try a ring in, seeded and in virtual time.

mod still;

pub use still::Still;
