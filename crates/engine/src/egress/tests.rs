use super::*;

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    for name in ["no-such-0", "192.0.2.77", ""] {
        let error = Egress::over(name, &[]).unwrap_err();
        assert!(matches!(error, EgressError::Unknown { .. }), "{error}");
        assert!(error.to_string().contains("`lo`"), "{error}");
    }
}

#[tokio::test]
async fn a_socket_speaks_from_the_interface_or_not_at_all() {
    let server = ["192.0.2.53".parse().unwrap()];
    for (name, address, expected) in [
        ("lo", "0.0.0.0:0", Some("0.0.0.0")),
        ("lo", "127.0.0.1:0", Some("127.0.0.1")),
        ("127.0.0.1", "0.0.0.0:0", Some("127.0.0.1")),
        ("lo", "192.0.2.77:0", None),
        ("127.0.0.1", "[::]:0", None),
    ] {
        let egress = Egress::over(name, &server).unwrap();
        assert_eq!(egress.interface(), Some("lo"));
        let socket = egress.udp(address.parse().unwrap());
        let bound = socket.ok().map(|it| it.local_addr().unwrap().ip().to_string());
        assert_eq!(bound.as_deref(), expected, "{name} {address}");
    }
}

#[tokio::test]
async fn addresses_need_no_name_server() {
    let server = ["192.0.2.53".parse().unwrap()];
    for egress in [Egress::default(), Egress::over("lo", &server).unwrap()] {
        for (named, expected) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("[2001:db8::1]:80", "[2001:db8::1]:80")]
        {
            let found = egress.lookup_named(named).await.unwrap();
            assert_eq!(found, [expected.parse().unwrap()]);
        }
        assert!(egress.lookup_named("nobody").await.is_err());
    }
}

#[tokio::test]
async fn a_bound_connection_reaches_its_neighbour() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = ["192.0.2.53".parse().unwrap()];
    let egress = Egress::over("lo", &server).unwrap();
    egress.connect(address).await.unwrap();
}
