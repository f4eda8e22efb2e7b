//! Tracker codecs, swarm store and announce schedule (BEP 3, 7, 12, 15, 23, 48).
