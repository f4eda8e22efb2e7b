//! The binary, used as a person or a script would, over loopback.

mod existing;
mod kill;
mod support;
mod torrents;
mod transfer;
mod usage;
