//! Bencode: zero-copy, strict and lenient, with bounded depth and size (BEP 3).
