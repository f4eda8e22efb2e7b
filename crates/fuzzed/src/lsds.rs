use std::net::SocketAddr;

use hash::sha1;
use lsd::{Announce, GROUP_V4, HASHES_MAX, Lsd, is_neighbour};
use stdx::{Duration, Instant, Rng};

/// A neighbourhood that shouts: the first bytes say from where. What is read is written the same,
/// and what is believed is of ours and of the neighbourhood.
pub fn fuzz_lsd(data: &[u8]) {
    let Some((&[a, b, how], datagram)) = data.split_first_chunk() else {
        return;
    };
    let source = SocketAddr::from(([a, b, 1, 1], 6771));
    let mut now = Instant::from_secs(9);
    let mut lsd = Lsd::new(now, Rng::new(how.into()));
    let ours = sha1(b"ours");
    lsd.add(now, ours);
    let parsed = Announce::parse(datagram);
    if let Ok(announce) = &parsed {
        assert!(announce.port != 0 && (1..=HASHES_MAX).contains(&announce.hashes.len()));
        let again = Announce::parse(&announce.encode(GROUP_V4));
        // Control characters within a cookie are nobody's.
        if announce.cookie.as_ref().is_none_or(|it| it.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            assert_eq!(again.as_ref(), Ok(announce));
        }
    }
    for _ in 0..how {
        let found = lsd.handle_datagram(now, source, datagram);
        for (hash, peer) in found {
            assert!(hash == ours && is_neighbour(peer.ip()) && parsed.is_ok());
        }
        if let Some(said) = lsd.poll_announce(now) {
            assert_eq!(said.hashes, [ours]);
        }
        now += Duration::from_secs(1);
    }
}
