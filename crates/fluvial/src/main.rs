//! fluvial

fn main() {}
