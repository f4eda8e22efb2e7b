//! Peer protocol codec (BEP 3, 6, 9, 10, 11, 21, 52, 54).
