use std::collections::BTreeMap;

use super::*;
use crate::ssdp::{GROUP, TARGETS};

const UPNP: Methods = Methods { pcp: false, nat_pmp: false, upnp: true };

/// A router with its quirks, and the ports that it has mapped: the port inside, and the lease.
#[derive(Default)]
struct Router {
    only_permanent: bool,
    taken: Vec<String>,
    /// Its provider has given it another address.
    moved: bool,
    mapped: BTreeMap<String, (String, String)>,
    adds: usize,
}

impl Router {
    fn answer(&mut self, request: &Request) -> Answer {
        let ok = |body: &str| Answer { status: 200, body: body.as_bytes().to_vec() };
        let error = |code: u16| {
            let body = format!("<e><errorCode>{code}</errorCode></e>");
            Answer { status: 500, body: body.into_bytes() }
        };
        let Some((action, body)) = &request.soap else {
            assert_eq!(request.path, "/d.xml");
            return ok(include_str!("description.xml"));
        };
        let get = |name| xml::text_of(body.as_bytes(), name).unwrap_or_default();
        let port = get("NewExternalPort");
        if action.contains("GetExternalIPAddress") {
            let last = if self.moved { 8 } else { 7 };
            return ok(&format!("<NewExternalIPAddress>203.0.113.{last}</NewExternalIPAddress>"));
        }
        if action.contains("DeletePortMapping") {
            assert!(self.mapped.remove(&(port + &get("NewProtocol"))).is_some());
            return ok("<ok/>");
        }
        self.adds += 1;
        if self.only_permanent && get("NewLeaseDuration") != "0" {
            return error(725);
        }
        if self.taken.contains(&port) {
            return error(718);
        }
        let value = (get("NewInternalPort"), get("NewLeaseDuration"));
        self.mapped.insert(port + &get("NewProtocol"), value);
        ok("<ok/>")
    }
}

fn found(mapper: &mut Mapper, now: &mut Instant) {
    let at = |now: Instant| now + Duration::from_millis(1);
    let until = at(*now);
    run(mapper, now, until, &mut |_, it| {
        assert_eq!(it.to, GROUP);
        None
    });
    let target = TARGETS[0];
    let answer =
        format!("HTTP/1.1 200 OK\r\nST: {target}\r\nLOCATION: http://192.168.1.1:5000/d.xml\r\n");
    mapper.handle_datagram(*now, address("192.168.1.1:1900"), answer.as_bytes());
}

fn serve(mapper: &mut Mapper, now: Instant, router: &mut Router) {
    for _ in 0..50 {
        let Some(request) = mapper.poll_request() else { return };
        assert_eq!(request.to, address("192.168.1.1:5000"));
        let answer = router.answer(&request);
        mapper.handle_answer(now, request.id, Some(&answer));
    }
    panic!("it asks on and on");
}

#[test]
fn routers_with_quirks_map_ports_renew_and_remove_them() {
    let taken = vec!["6881".to_owned()];
    for (mut router, lease) in [
        (Router::default(), "3600"),
        (Router { only_permanent: true, ..Router::default() }, "0"),
        (Router { taken: taken.clone(), ..Router::default() }, "3600"),
        (Router { taken, only_permanent: true, ..Router::default() }, "0"),
    ] {
        let (mut mapper, mut now) = (mapper(UPNP), Instant::ZERO);
        found(&mut mapper, &mut now);
        serve(&mut mapper, now, &mut router);
        for mapping in [TCP, UDP] {
            let Some(Event::Mapped(of, to)) = mapper.poll_event() else { panic!("not mapped") };
            assert_eq!((of, to.by), (mapping, Protocol::Upnp));
            let key = format!("{}{}", to.external.port(), mapping.transport);
            assert_eq!(router.mapped[&key], ("6881".to_owned(), lease.to_owned()));
        }
        let adds = router.adds;
        let due = now + Duration::from_mins(31);
        run(&mut mapper, &mut now, due, &mut |_, _| None);
        serve(&mut mapper, now, &mut router);
        run(&mut mapper, &mut now, due, &mut |_, _| None);
        serve(&mut mapper, now, &mut router);
        assert!(router.adds >= adds + 2, "renewed");
        mapper.shutdown(now);
        serve(&mut mapper, now, &mut router);
        assert!(mapper.is_ended(now) && router.mapped.is_empty(), "{:?}", router.mapped);
    }
}

#[test]
fn another_address_of_the_router_is_noticed_with_the_renewal() {
    let (mut mapper, mut now) = (mapper(UPNP), Instant::ZERO);
    let mut router = Router::default();
    found(&mut mapper, &mut now);
    serve(&mut mapper, now, &mut router);
    let told = |mapper: &mut Mapper| {
        let all = std::iter::from_fn(|| mapper.poll_event());
        all.filter_map(
            |it| if let Event::Mapped(_, to) = it { Some(to.external.ip()) } else { None },
        )
        .collect::<Vec<_>>()
    };
    assert_eq!(told(&mut mapper), [address("203.0.113.7:1").ip(); 2]);
    router.moved = true;
    let due = now + Duration::from_mins(31);
    run(&mut mapper, &mut now, due, &mut |_, _| None);
    serve(&mut mapper, now, &mut router);
    assert_eq!(told(&mut mapper), [address("203.0.113.8:1").ip(); 2]);
}

#[test]
fn a_device_that_falls_silent_is_lost_and_found_again() {
    let (mut mapper, mut now) = (mapper(UPNP), Instant::ZERO);
    let mut router = Router::default();
    found(&mut mapper, &mut now);
    serve(&mut mapper, now, &mut router);
    let mapped = std::iter::from_fn(|| mapper.poll_event()).count();
    assert_eq!(mapped, 2);
    let due = now + Duration::from_mins(31);
    run(&mut mapper, &mut now, due, &mut |_, _| None);
    let request = mapper.poll_request().unwrap();
    mapper.handle_answer(now, request.id, None);
    assert_eq!(std::iter::from_fn(|| mapper.poll_event()).count(), 2, "both lost");
    let due = now + Duration::from_secs(61);
    run(&mut mapper, &mut now, due, &mut |_, _| None);
    found(&mut mapper, &mut now);
    serve(&mut mapper, now, &mut router);
    assert!(matches!(mapper.poll_event(), Some(Event::Mapped(..))));
}

#[test]
fn the_end_does_not_wait_for_a_dead_device() {
    let (mut mapper, mut now) = (mapper(UPNP), Instant::ZERO);
    found(&mut mapper, &mut now);
    serve(&mut mapper, now, &mut Router::default());
    mapper.shutdown(now);
    assert!(!mapper.is_ended(now));
    assert_eq!(mapper.poll_timeout(), Some(now + REMOVAL_MAX));
    assert!(mapper.is_ended(now + REMOVAL_MAX));
}
