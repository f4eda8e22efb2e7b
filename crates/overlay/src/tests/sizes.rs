use std::net::SocketAddr;
use std::sync::Arc;

use super::net::id;
use crate::{Kind, Message, Priority, SearchId};

#[test]
fn messages_state_their_size() {
    let v4: SocketAddr = "198.18.0.1:1".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
    let check = |message: Message<SocketAddr>, size: u64| {
        assert_eq!(message.size(), size, "{message:?}");
    };
    let (search, key) = (SearchId(1), id(1));
    check(Message::Join, 1);
    check(Message::Welcome { contacts: vec![v4, v6] }, 2 + 6 + 18);
    check(Message::Forward { origin: v6, priority: Priority::Low, ttl: 1 }, 1 + 18 + 2);
    check(Message::Neighbour { priority: Priority::High }, 2);
    check(Message::Disconnect { leaving: false }, 2);
    check(Message::Shuffle { origin: v4, ttl: 6, sample: vec![v4; 7] }, 1 + 6 + 1 + 1 + 42);
    check(Message::ShuffleReply { sample: vec![] }, 2);
    check(Message::Gossip { id: key, round: 1, payload: Arc::from([0; 100]) }, 1 + 20 + 4 + 100);
    check(Message::IHave { ids: vec![(key, 1); 2] }, 2 + 44);
    check(Message::Graft { id: None }, 2);
    check(Message::Graft { id: Some(key) }, 22);
    check(Message::Query { search, key, ttl: 1, hops: 1 }, 1 + 8 + 20 + 2);
    check(Message::Answer { search, holder: v4, hops: 1 }, 1 + 8 + 6 + 1);
    check(Message::Walk { search, key, origin: v4, ttl: 1, hops: 1 }, 1 + 8 + 20 + 6 + 4);
    check(Message::Check { search, walker: 1 }, 1 + 8 + 4);
    check(Message::Found { search, hops: 1 }, 1 + 8 + 2);
}

#[test]
fn the_last_kind_is_the_last_number() {
    assert_eq!(Kind::Found as usize + 1, Kind::COUNT);
}
