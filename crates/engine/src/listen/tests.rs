use super::*;

#[tokio::test]
async fn a_named_address_that_is_busy_is_an_error() {
    let first = open(&Egress::default(), &["127.0.0.1:0".parse().unwrap()]).unwrap();
    let taken = first[0].local_addr().unwrap();
    let error = open(&Egress::default(), &[taken]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&taken.to_string()) && text.contains("port 0"), "{text}");
}

#[tokio::test]
async fn without_a_name_some_port_is_had() {
    // Twice: the second time the default port is busy, if it was not before.
    let (one, other) =
        (open(&Egress::default(), &[]).unwrap(), open(&Egress::default(), &[]).unwrap());
    let port = |listeners: &[TcpListener]| listeners[0].local_addr().unwrap().port();
    assert_ne!(port(&one), port(&other));
    for listeners in [one, other] {
        let ports: Vec<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0]), "one number for both families");
    }
}

#[tokio::test]
async fn accepting_ends_with_the_mind() {
    let listener = open(&Egress::default(), &["127.0.0.1:0".parse().unwrap()]).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, send));
    drop(receive);
    let _refused = tokio::net::TcpStream::connect(address).await;
    accepting.await.unwrap();
}
