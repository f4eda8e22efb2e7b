//! Block cache: what is buffered, hashed, written and durable.
