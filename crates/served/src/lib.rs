//! Tracker servers over HTTP and UDP.
