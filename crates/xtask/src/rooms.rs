//! Every crate of the workspace and its place in it.

/// Which rules a crate lives under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No I/O, no clock, no threads, no randomness of the system's, no async runtime.
    Core,
    /// Meets the world.
    Driver,
    /// Works on the project itself.
    Tool,
}

/// The crates from the ground up: each may use only those before it.
pub(crate) const ROOMS: &[(&str, Kind)] = &[
    ("stdx", Kind::Core),
    ("bencode", Kind::Core),
    ("hash", Kind::Core),
    ("metainfo", Kind::Core),
    ("wire", Kind::Core),
    ("peer", Kind::Core),
    ("ipfilter", Kind::Core),
    ("swarm", Kind::Core),
    ("cache", Kind::Core),
    ("announce", Kind::Core),
    ("load", Kind::Core),
    ("dht", Kind::Core),
    ("lsd", Kind::Core),
    ("page", Kind::Core),
    ("plan", Kind::Core),
    ("mirror", Kind::Core),
    ("session", Kind::Core),
    ("ring", Kind::Core),
    ("overlay", Kind::Core),
    ("netem", Kind::Core),
    ("utp", Kind::Core),
    ("mse", Kind::Core),
    ("portmap", Kind::Core),
    ("proxy", Kind::Core),
    ("sim", Kind::Core),
    ("report", Kind::Core),
    ("disk", Kind::Driver),
    ("served", Kind::Driver),
    ("engine", Kind::Driver),
    ("fluvial", Kind::Driver),
    ("fuzzed", Kind::Tool),
    ("gates", Kind::Tool),
    ("interop", Kind::Tool),
    ("xtask", Kind::Tool),
];

/// Packages that must not be in a core's dependency tree, by any path.
pub(crate) const NOT_IN_CORES: [&str; 8] =
    ["tokio", "hyper", "mio", "socket2", "rustix", "getrandom", "rand", "rand_core"];

/// The names of the cores.
pub(crate) fn cores() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().filter(|(_, kind)| *kind == Kind::Core).map(|(name, _)| *name)
}

/// How far above the ground a crate stands.
pub(crate) fn floor(name: &str) -> Option<usize> {
    ROOMS.iter().position(|(room, _)| *room == name)
}
