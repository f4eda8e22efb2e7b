//! Sockets, disk and timers wired to the cores.
