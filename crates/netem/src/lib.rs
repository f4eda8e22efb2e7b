//! An emulated link: rate, delay and queue.
