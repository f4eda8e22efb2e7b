use simple_dns::ResourceRecord;
use simple_dns::rdata::{A, AAAA, CNAME};

use super::*;

fn answer<'a>(id: u16, host: &'a str, kind: TYPE, records: Vec<RData<'a>>) -> Packet<'a> {
    let mut packet = Packet::new_reply(id);
    let name = Name::new(host).unwrap();
    packet.questions.push(Question::new(name.clone(), kind.into(), CLASS::IN.into(), false));
    let record = |data| ResourceRecord::new(name.clone(), CLASS::IN, 60, data);
    packet.answers.extend(records.into_iter().map(record));
    packet
}

#[test]
fn an_answer_is_believed_only_to_what_was_asked() {
    let v4 = RData::A(A { address: 0xc000_0207 });
    let v6 = RData::AAAA(AAAA { address: 0x2001_0db8 << 96 | 7 });
    let alias = RData::CNAME(CNAME(Name::new("b.example").unwrap()));
    let addresses = |texts: &[&str]| {
        let all = texts.iter().map(|text| text.parse().unwrap()).collect();
        Some(Ok(Answer::Addresses(all)))
    };
    let all = vec![alias, v4, v6];
    for (id, host, kind, expected) in [
        (7, "a.example", TYPE::A, addresses(&["192.0.2.7"])),
        (7, "A.example.", TYPE::A, addresses(&["192.0.2.7"])),
        (8, "a.example", TYPE::A, None),
        (7, "b.example", TYPE::A, None),
        (7, "a.example", TYPE::AAAA, None),
    ] {
        let bytes = answer(7, "a.example", TYPE::A, all.clone()).build_bytes_vec().unwrap();
        assert_eq!(read_answer(&bytes, id, host, kind), expected, "{id} {host} {kind:?}");
    }
    let bytes = answer(7, "a.example", TYPE::AAAA, all).build_bytes_vec().unwrap();
    let read = read_answer(&bytes, 7, "a.example", TYPE::AAAA);
    assert_eq!(read, addresses(&["2001:db8::7"]));
    let query = query(7, "a.example", TYPE::A).unwrap();
    assert_eq!(read_answer(&query, 7, "a.example", TYPE::A), None, "a question is no answer");
}

#[test]
fn names_that_are_not_and_servers_that_fail_are_told_apart() {
    let mut packet = answer(7, "a.example", TYPE::A, Vec::new());
    *packet.rcode_mut() = RCODE::NameError;
    let read = |packet: &Packet<'_>| {
        read_answer(&packet.build_bytes_vec().unwrap(), 7, "a.example", TYPE::A)
    };
    assert_eq!(read(&packet), Some(Ok(Answer::Addresses(Vec::new()))));
    *packet.rcode_mut() = RCODE::ServerFailure;
    assert!(matches!(read(&packet), Some(Ok(Answer::Failed(_)))));
    packet.set_flags(PacketFlag::TRUNCATION);
    assert_eq!(read(&packet), Some(Err(Truncated)));
}

#[test]
fn servers_on_this_machine_are_no_servers_of_an_interface() {
    let text = "# made by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\n\
                options edns0\nnameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver\n";
    let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|text| text.parse().unwrap());
    assert_eq!(servers_in(text), expected);
}

#[test]
fn the_file_of_hosts_is_read() {
    let text = "127.0.0.1 localhost\n192.0.2.7\tb A.example # a.example\n::1 ip6-localhost\n";
    for (host, expected) in [("a.example", "192.0.2.7"), ("localhost", "127.0.0.1")] {
        assert_eq!(in_hosts(text, host), [expected.parse::<IpAddr>().unwrap()]);
    }
    assert!(in_hosts(text, "c.example").is_empty());
}
