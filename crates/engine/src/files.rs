//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept free of peers' sockets: content files, resume stores, listeners, trackers.
const RESERVED: u64 = 512;
/// No limit is too low to try.
const PEERS_MIN: usize = 8;

/// Asks the system for as many open files as `peers` connections and the rest take; returns how
/// many connections there is room for. Systems set the limit low for programs of old that cannot
/// deal with more; raising it is what it is for.
pub(crate) fn make_room(peers: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (peers as u64).saturating_add(RESERVED);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < wanted {
        let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let raised_limit = Rlimit { current: Some(raised), maximum: limit.maximum };
        match setrlimit(Resource::Nofile, raised_limit) {
            Ok(()) => current = raised,
            Err(error) => tracing::debug!(%error, "the limit on open files stays as it is"),
        }
    }
    let room = room_for(peers, current);
    if room < peers {
        tracing::warn!("the system allows {current} open files: only {room} peers at a time");
    }
    room
}

fn room_for(peers: usize, limit: u64) -> usize {
    // Where the limit is very low, half of it.
    let free = limit.saturating_sub(RESERVED).max(limit / 2);
    peers.min(usize::try_from(free).unwrap_or(usize::MAX)).max(peers.min(PEERS_MIN))
}

#[cfg(test)]
mod tests {
    use super::room_for;

    #[test]
    fn peers_leave_room_for_files() {
        for (peers, limit, room) in [
            (500, u64::MAX, 500),
            (500, 1_024, 500),
            (2_000, 1_024, 512),
            (500, 256, 128),
            (500, 4, 8),
            (3, 4, 3),
        ] {
            assert_eq!(room_for(peers, limit), room, "{peers} peers, {limit} files");
        }
    }
}
