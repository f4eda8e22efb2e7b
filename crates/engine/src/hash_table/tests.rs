use std::time::Duration;

use super::*;

fn config(bootstrap: &[SocketAddr]) -> HashTableConfig {
    HashTableConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
        bootstrap: bootstrap.iter().map(ToString::to_string).collect(),
        ..HashTableConfig::default()
    }
}

/// So many nodes that have joined by the first one.
async fn tables(count: u8) -> Vec<HashTable> {
    let mut all: Vec<HashTable> = Vec::new();
    for n in 0..count {
        let first = all.first().map(|it| it.addresses().to_vec()).unwrap_or_default();
        all.push(HashTable::start(&HashTableConfig { secret: [n; 16], ..config(&first) }).unwrap());
    }
    for table in &all {
        tokio::time::timeout(Duration::from_mins(1), table.ready()).await.unwrap();
    }
    all
}

async fn outcome(table: &HashTable, lookup: Lookup) -> (Vec<Event>, dht::Outcome) {
    let mut receiver = table.begin(lookup).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Ended { outcome, .. } => return (events, outcome),
            event => events.push(event),
        }
    }
    unreachable!("every look-up ends")
}

#[tokio::test]
async fn values_and_peers_go_from_socket_to_socket() {
    let tables = tables(6).await;
    let item = Item::Immutable(b"5:hello".to_vec());
    let target = item.target();
    let (_, stored) = outcome(&tables[1], Lookup::Put(item.clone(), None)).await;
    assert!(stored.stored >= 2, "{stored:?}");
    let (events, _) = outcome(&tables[4], Lookup::Get(target)).await;
    assert!(events.iter().any(|it| matches!(it, Event::Item { item: it, .. } if *it == item)));
    tables[2].announce(target, Some(4_242), false).await.unwrap();
    for _ in 0..100 {
        let (events, _) = outcome(&tables[5], Lookup::Peers(target)).await;
        let found = |event: &Event| match event {
            Event::Peers { peers, .. } => peers.contains(&"127.0.0.1:4242".parse().unwrap()),
            _ => false,
        };
        if events.iter().any(found) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the peer was not found");
}

#[tokio::test]
async fn a_node_comes_back_with_its_id_and_the_nodes_that_it_knew() {
    let others = tables(3).await;
    let folder = tempfile::tempdir().unwrap();
    let state_dir = Some(folder.path().to_owned());
    let first = HashTableConfig { state_dir: state_dir.clone(), ..config(others[0].addresses()) };
    let table = HashTable::start(&first).unwrap();
    table.ready().await;
    let id = table.view().await.unwrap()[0].ids;
    table.shutdown().await;
    let again = HashTableConfig { state_dir, ..config(&[]) };
    let table = HashTable::start(&HashTableConfig { secret: [9; 16], ..again }).unwrap();
    tokio::time::timeout(Duration::from_mins(1), table.ready()).await.unwrap();
    assert_eq!(table.view().await.unwrap()[0].ids, id);
}

#[tokio::test]
async fn several_addresses_are_several_nodes_far_apart() {
    let listen = ["127.0.0.1:0"; 3].map(|it| it.parse().unwrap()).to_vec();
    let table = HashTable::start(&HashTableConfig { listen, ..config(&[]) }).unwrap();
    let views = table.view().await.unwrap();
    let ids: Vec<Id> = views.iter().filter_map(|it| it.ids[0]).collect();
    assert_eq!((table.addresses().len(), ids.len()), (3, 3));
    assert!(ids.iter().all(|one| ids.iter().all(|it| it == one || it.common_bits(*one) < 16)));
}

#[tokio::test]
async fn a_port_that_is_busy_is_named() {
    let one = HashTable::start(&config(&[])).unwrap();
    let listen = vec![one.addresses()[0]];
    let error = HashTable::start(&HashTableConfig { listen, ..config(&[]) }).unwrap_err();
    assert!(error.to_string().contains(&one.addresses()[0].to_string()), "{error}");
}
