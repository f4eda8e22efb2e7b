//! Files, hashing threads and the resume store.
