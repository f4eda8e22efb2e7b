//! The binary among the clients that people run. `cargo test -p interop -- --show-output` shows
//! the tables.

#![allow(clippy::print_stdout, reason = "the tables are what these tests are read for")]

mod announces;
mod bound;
mod exchange;
mod holes;
mod magnets;
mod matrix;
mod mixed;
mod neighbours;
mod private;
mod programs;
mod routers;
mod transports;
mod web_seeds;
