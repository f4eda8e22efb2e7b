//! Across torrents: choker, rate limits, cache and announces.
