use stdx::Duration;

use super::net::Net;
use crate::{Event, Item, Mutable, SecretKey};

fn values(events: &[Event]) -> Vec<String> {
    let value = |event: &Event| match event {
        Event::Item { item, .. } => Some(String::from_utf8_lossy(item.value()).into_owned()),
        _ => None,
    };
    events.iter().filter_map(value).collect()
}

fn version(seq: i64) -> Item {
    let secret = SecretKey::from_seed(&[3; 32]);
    let value = format!("i{seq}e");
    Item::Mutable(Mutable::sign(&secret, b"salt", seq, value.as_bytes()).unwrap())
}

#[test]
fn immutable_items_are_found_by_their_hash() {
    let mut net = Net::settled(30);
    let item = Item::Immutable(b"12:Hello World!".to_vec());
    let target = item.target();
    let (_, outcome) = net.lookup(1, |node, now| node.put(now, item, None));
    assert!(outcome.stored >= 8, "{outcome:?}");
    let (events, _) = net.lookup(20, |node, now| node.get(now, target));
    assert_eq!(values(&events), ["12:Hello World!"]);
    net.run(Duration::from_hours(2));
    let (events, _) = net.lookup(20, |node, now| node.get(now, target));
    assert!(values(&events).is_empty(), "it expired");
}

#[test]
fn values_of_full_length_are_found() {
    let mut net = Net::settled(30);
    let value = |byte: u8| [b"996:".to_vec(), vec![byte; 996]].concat();
    let secret = SecretKey::from_seed(&[3; 32]);
    let signed = Mutable::sign(&secret, &[b's'; 64], 1 << 60, &value(b'm')).unwrap();
    for item in [Item::Immutable(value(b'i')), Item::Mutable(signed)] {
        let put = item.clone();
        let (_, outcome) = net.lookup(1, |node, now| node.put(now, put, None));
        assert!(outcome.stored >= 8, "{outcome:?}");
        let (events, _) = net.lookup(20, |node, now| match &item {
            Item::Immutable(_) => node.get(now, item.target()),
            Item::Mutable(it) => node.get_mutable(now, &secret.public(), &it.salt),
        });
        assert_eq!(values(&events), [String::from_utf8_lossy(item.value())]);
    }
}

#[test]
fn of_mutable_items_the_latest_version_is_found_and_cas_is_minded() {
    let mut net = Net::settled(30);
    let secret = SecretKey::from_seed(&[3; 32]);
    for (seq, cas, stores) in [
        (1, None, true),
        (5, Some(1), true),
        (4, None, false),
        (6, Some(1), false),
        (6, Some(5), true),
    ] {
        let item = version(seq);
        let (events, outcome) = net.lookup(1, |node, now| node.put(now, item, cas));
        assert_eq!(outcome.stored >= 8, stores, "{seq} {cas:?}: {outcome:?}");
        assert_eq!(values(&events).is_empty(), seq != 4, "a later one is told of");
    }
    let key = secret.public();
    let (events, _) = net.lookup(20, |node, now| node.get_mutable(now, &key, b"salt"));
    assert_eq!(values(&events).last().map(String::as_str), Some("i6e"));
    let (events, _) = net.lookup(20, |node, now| node.get_mutable(now, &key, b""));
    assert!(values(&events).is_empty(), "under another salt there is nothing");
}

#[test]
fn what_is_not_signed_is_not_put() {
    let mut net = Net::settled(3);
    let Item::Mutable(item) = version(1) else { unreachable!("it is made so") };
    let forged = Item::Mutable(Mutable { seq: 2, ..item });
    let refused = net.at(1, |node, now| node.put(now, forged, None));
    assert_eq!(refused, Err(crate::Error::Signature));
}
