//! Engines in one process that meet over loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its stage fails, and says where")]

mod layers;
mod lifecycle;
mod limits;
mod support;
mod transfer;
