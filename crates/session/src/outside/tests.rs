use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn peer(text: &str) -> SocketAddr {
    SocketAddr::new(ip(text), 1)
}

fn news(text: &str, is_certain: bool) -> Elected {
    Elected { ip: ip(text), is_certain }
}

#[test]
fn most_witnesses_decide_and_enough_of_them_make_it_certain() {
    let mut outside = Outside::default();
    let mut hear = |from: &str, seen: &str| outside.hear_peer(peer(from), ip(seen));
    assert_eq!(hear("8.8.1.1", "4.4.4.4"), Some(news("4.4.4.4", false)));
    assert_eq!(hear("8.8.2.1", "4.4.4.4"), None);
    assert_eq!(hear("8.8.3.1", "5.5.5.5"), None, "fewer say so");
    assert_eq!(hear("8.8.4.1", "4.4.4.4"), None);
    assert_eq!(hear("8.8.5.1", "4.4.4.4"), Some(news("4.4.4.4", true)));
    for n in 0..3 {
        assert_eq!(hear(&format!("8.9.{n}.1"), "5.5.5.5"), None, "no more than the others");
    }
    // Five of nine now, as soon as they are more.
    assert_eq!(hear("8.9.3.1", "5.5.5.5"), Some(news("5.5.5.5", true)));
}

#[test]
fn one_network_and_one_torrent_have_a_vote_each() {
    let mut outside = Outside::default();
    assert_eq!(outside.hear_peer(peer("8.8.1.1"), ip("4.4.4.4")), Some(news("4.4.4.4", false)));
    outside.hear_peer(peer("8.8.2.1"), ip("4.4.4.4"));
    for n in 0..200 {
        assert_eq!(outside.hear_peer(peer(&format!("6.6.6.{n}")), ip("6.6.6.6")), None);
        assert_eq!(outside.hear_tracker(TorrentId(1), ip("7.7.7.7")), None);
        assert_eq!(outside.hear_peer(peer(&format!("2001:db8:0:{n:x}::1")), ip("6.6.6.6")), None);
    }
    let six = |n: u32| peer(&format!("2001:db8:0:{n:x}::1"));
    assert_eq!(outside.hear_peer(six(1), ip("2001:db8:1::1")), Some(news("2001:db8:1::1", false)));
    for n in 0..9 {
        assert_eq!(outside.hear_peer(six(n), ip("2001:db8:1::1")), None, "never certain");
    }
}

#[test]
fn the_world_and_the_neighbourhood_vote_apart() {
    let mut outside = Outside::default();
    for (from, seen) in [("192.168.1.2", "4.4.4.4"), ("8.8.1.1", "192.168.1.3"), ("8.8.1.1", "::1")]
    {
        assert_eq!(outside.hear_peer(peer(from), ip(seen)), None, "{from} cannot know {seen}");
    }
    assert_eq!(outside.hear_tracker(TorrentId(1), ip("224.0.0.1")), None);
    assert!(outside.hear_peer(peer("192.168.1.2"), ip("192.168.1.3")).is_some());
    assert!(outside.hear_tracker(TorrentId(1), ip("::ffff:4.4.4.4")).is_some());
    let mut all: Vec<IpAddr> = outside.all().collect();
    all.sort();
    assert_eq!(all, [ip("4.4.4.4"), ip("192.168.1.3")]);
}

#[test]
fn the_router_counts_for_more_while_it_says_anything() {
    let mut outside = Outside::default();
    for n in 0..9 {
        outside.hear_peer(peer(&format!("8.8.{n}.1")), ip("4.4.4.4"));
    }
    assert_eq!(outside.hear_router(false, Some(ip("100.64.0.9"))), None, "behind another one");
    assert_eq!(outside.hear_router(false, Some(ip("9.9.9.9"))), Some(news("9.9.9.9", true)));
    assert_eq!(outside.hear_peer(peer("8.9.0.1"), ip("4.4.4.4")), None);
    assert_eq!(outside.hear_router(false, None), Some(news("4.4.4.4", true)));
    assert_eq!(outside.hear_router(true, None), None);
}

#[test]
fn votes_are_bounded_and_the_oldest_go() {
    let mut outside = Outside::default();
    for n in 0..200 {
        outside.hear_peer(peer(&format!("8.{n}.1.1")), ip(&format!("4.4.4.{n}")));
    }
    assert_eq!(outside.0[0][0].votes.len(), VOTES);
}
