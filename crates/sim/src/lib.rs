//! Seeded discrete-event worlds that run the shipped cores.
