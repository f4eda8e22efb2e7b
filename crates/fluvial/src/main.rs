//! `fluvial`: the command line.

mod args;
mod units;

fn main() {}
