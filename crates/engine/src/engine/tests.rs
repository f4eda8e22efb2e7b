use super::*;

fn start() -> Engine {
    Engine::start(&config()).unwrap()
}

fn config() -> EngineConfig {
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    EngineConfig {
        listen,
        limits: Limits::default(),
        max_peers: 10,
        transport: Transport::Both,
        encryption: Encryption::Prefer,
        pex: false,
        lsd: false,
        dht: None,
        mapping: None,
        egress: Egress::default(),
        seed: 1,
    }
}

#[tokio::test]
async fn the_hash_table_speaks_at_the_port_of_the_peers() {
    for transport in [Transport::Tcp, Transport::Utp, Transport::Both] {
        let join = |bootstrap, secret| {
            let dht = HashTableConfig { bootstrap, secret, ..HashTableConfig::default() };
            Engine::start(&EngineConfig { transport, dht: Some(dht), ..config() }).unwrap()
        };
        let first = join(Vec::new(), [1; 16]);
        let known = first.listening().iter().map(ToString::to_string).collect();
        let second = join(known, [2; 16]);
        for engine in [&first, &second] {
            let table = engine.hash_table().unwrap();
            assert_eq!(table.addresses(), engine.listening(), "{transport:?}");
            let joined = tokio::time::timeout(Duration::from_mins(1), table.ready());
            joined.await.unwrap_or_else(|_| panic!("joined with {transport:?}"));
        }
        second.close().await;
        let gone = second.hash_table().unwrap().view().await;
        assert!(gone.is_err(), "closed with its engine");
    }
}

#[tokio::test]
async fn a_breakdown_is_not_taken_for_an_end() {
    let engine = start();
    let broken = engine.ask(|_, _| panic!("as a fault of ours would")).await;
    assert_eq!(broken, Err::<(), _>(Ended::Broken));
    let later = engine.ask(|_, _| ()).await.unwrap_err();
    assert!(later.to_string().contains("internal error"), "{later}");
    // And nobody waits for what will not come.
    engine.close().await;
}

#[tokio::test]
async fn a_closed_engine_says_so() {
    let engine = start();
    engine.close().await;
    assert_eq!(engine.ask(|_, _| ()).await, Err(Ended::Closed));
}

#[tokio::test]
async fn a_task_that_panics_costs_only_itself() {
    let engine = start();
    engine.ask(|mind, _| mind.spawn(async { panic!("as a fault of ours would") })).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(engine.ask(|mind, _| mind.session.is_empty()).await, Ok(true));
}

#[tokio::test]
async fn threads_end_with_the_last_handle() {
    let engine = start();
    engine.close().await;
    let disk = Arc::downgrade(&engine.disk);
    drop(engine);
    assert!(disk.upgrade().is_none());
}

#[test]
fn peer_ids_name_the_program_and_differ() {
    let [one, other] = [1, 2].map(|seed| peer_id(&mut Rng::new(seed)));
    let prefix = format!("-FL{}0-", env!("CARGO_PKG_VERSION").replace('.', ""));
    assert!(
        one.0.starts_with(prefix.as_bytes()) && one.0[8..].iter().all(u8::is_ascii_alphanumeric)
    );
    assert_ne!(one, other);
}
