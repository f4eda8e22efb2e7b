//! The binary among the clients that people run. `cargo test -p interop -- --show-output` shows
//! the tables.

#![allow(clippy::print_stdout, reason = "the tables are what these tests are read for")]

mod announces;
mod bound;
mod exchange;
mod holes;
mod magnets;
mod matrix;
mod mirrors;
mod mixed;
mod neighbours;
mod private;
mod programs;
mod proxies;
mod routers;
mod table;
mod transports;
mod web_seeds;
