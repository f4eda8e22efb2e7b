use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::igd::{Action, Kind, services};
use crate::natpmp::Body;
use crate::pcp::{MapRequest, Response};
use crate::ssdp::Location;

#[test]
fn a_mapping_by_pcp_is_written_as_the_rfc_draws_it() {
    let request = MapRequest {
        client: "192.168.1.7".parse().unwrap(),
        nonce: *b"twelve bytes",
        mapping: TCP,
        suggested: address("0.0.0.0:6881"),
        lifetime: 7_200,
    };
    let mut expected = vec![2, 1, 0, 0, 0, 0, 0x1c, 0x20];
    expected.extend([0; 10]);
    expected.extend([0xff, 0xff, 192, 168, 1, 7]);
    expected.extend(b"twelve bytes");
    expected.extend([6, 0, 0, 0, 0x1a, 0xe1, 0x1a, 0xe1]);
    expected.extend([0; 10]);
    expected.extend([0xff, 0xff, 0, 0, 0, 0]);
    assert_eq!(request.to_bytes().to_vec(), expected);
}

#[test]
fn messages_of_natpmp_are_read() {
    let mapping = Body::Mapping { mapping: UDP, external: 40_000, lifetime: 3_600 };
    let address = Body::Address(Ipv4Addr::new(203, 0, 113, 7));
    let mapped = [0, 129, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1, 0x9c, 0x40, 0, 0, 0x0e, 0x10];
    for (bytes, expected) in [
        (&[0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7][..], Some((0, address))),
        (&mapped[..], Some((0, mapping))),
        (&mapped[..15], None),
        (&[0, 129, 0, 2, 0, 0, 0, 9][..], Some((2, Body::Refusal))),
        (&[0, 1, 0, 0, 0, 0, 0, 9][..], None),
        (&[2, 129, 0, 0, 0, 0, 0, 9][..], None),
        (&[][..], None),
    ] {
        let read = natpmp::parse(bytes).map(|it| (it.result, it.body));
        assert_eq!(read, expected, "{bytes:?}");
    }
    let request = natpmp::map_request(TCP, 6_881, 0);
    assert_eq!(request, [0, 2, 0, 0, 0x1a, 0xe1, 0x1a, 0xe1, 0, 0, 0, 0]);
}

#[test]
fn a_router_of_another_version_is_told_from_noise() {
    assert_eq!(pcp::parse(&[0, 129, 0, 1, 0, 0, 0, 0]), Some(Response::Unsupported));
    assert_eq!(pcp::parse(&[2, 129, 0, 4]), Some(Response::Unsupported));
    assert_eq!(pcp::parse(&[2, 1, 0, 0]), None, "a request");
    assert_eq!(pcp::parse(&[2, 129, 0, 0]), None, "cut short");
}

#[test]
fn only_who_answers_for_himself_is_believed() {
    let answer = |location: &str, target: &str| {
        format!("HTTP/1.1 200 OK\r\nST: {target}\r\nLocation: {location}\r\nEXT:\r\n\r\n")
    };
    let gateway = ssdp::TARGETS[0];
    let at = |text: &str, path: &str| Some(Location { address: address(text), path: path.into() });
    for (answer, expected) in [
        (answer("http://192.168.1.1:5000/d.xml", gateway), at("192.168.1.1:5000", "/d.xml")),
        (answer("http://192.168.1.1", gateway), at("192.168.1.1:80", "/")),
        (answer("http://192.168.1.2:5000/d.xml", gateway), None),
        (answer("http://203.0.113.1/d.xml", gateway), None),
        (answer("http://router.example/d.xml", gateway), None),
        (answer("https://192.168.1.1/d.xml", gateway), None),
        (answer("http://192.168.1.1/a b", gateway), None),
        (answer("http://192.168.1.1/d.xml", "upnp:rootdevice"), None),
        (answer("http://192.168.1.1/d.xml", gateway).replace("200", "404"), None),
        (String::new(), None),
    ] {
        let parsed = ssdp::parse(address("192.168.1.1:1900"), answer.as_bytes());
        assert_eq!(parsed, expected, "{answer}");
    }
}

#[test]
fn a_description_names_its_services_the_best_first() {
    let at = Location { address: address("192.168.1.1:5000"), path: "/x/d.xml".into() };
    let found = services(include_bytes!("description.xml"), &at);
    let expected = [(Kind::Ip2, "/ctl/IPConn?a=1&b"), (Kind::Ip1, "/x/relative")];
    let found: Vec<_> = found.iter().map(|it| (it.kind, &*it.control.path)).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_a_service_is_told_is_xml() {
    let client = Ipv4Addr::new(192, 168, 1, 7);
    let add = Action::Add { mapping: TCP, external: 7_000, client, lease: 60, any: false };
    let (header, body) = add.to_soap(Kind::Ip1);
    assert_eq!(header, "\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"");
    for (name, expected) in [
        ("NewExternalPort", Some("7000")),
        ("NewProtocol", Some("TCP")),
        ("NewInternalPort", Some("6881")),
        ("NewInternalClient", Some("192.168.1.7")),
        ("NewLeaseDuration", Some("60")),
        ("NewRemoteHost", None),
    ] {
        assert_eq!(xml::text_of(body.as_bytes(), name).as_deref(), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_does_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _read = (pcp::parse(&bytes), natpmp::parse(&bytes));
        let _read = ssdp::parse(address(ROUTER), &bytes);
        let at = Location { address: address(ROUTER), path: "/".into() };
        prop_assert!(services(&bytes, &at).is_empty());
    }
}
