use super::*;

async fn received(port: &UdpPort, inbox: &mut Inbox) -> Vec<(SocketAddr, Vec<u8>)> {
    loop {
        port.readable().await.unwrap();
        if port.try_receive(inbox).is_ok() {
            let all = inbox.datagrams().map(|(from, _, bytes)| (from, bytes.to_vec()));
            return all.collect();
        }
    }
}

#[tokio::test]
async fn batches_arrive_as_single_datagrams() {
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(near) = UdpPort::bind(&Egress::default(), any.parse().unwrap()) else {
            // A host without IPv6.
            continue;
        };
        let far = UdpPort::bind(&Egress::default(), any.parse().unwrap()).unwrap();
        let to = far.local_addr().unwrap();
        let sizes: Vec<usize> = if near.segments_max() > 2 { vec![400, 400, 7] } else { vec![400] };
        let bytes: Vec<u8> = (0..sizes.iter().sum()).map(|n| n as u8).collect();
        let outgoing =
            Outgoing { to, from: None, segment: 400, bytes: &bytes, dont_fragment: false };
        near.writable().await.unwrap();
        near.try_send(&outgoing).unwrap();
        let probe = Outgoing { bytes: &bytes[..300], dont_fragment: true, ..outgoing };
        near.try_send(&probe).unwrap();
        let mut inbox = Inbox::new();
        let mut all = Vec::new();
        while all.len() < sizes.len() + 1 {
            all.extend(received(&far, &mut inbox).await);
        }
        let from = near.local_addr().unwrap();
        assert!(all.iter().all(|it| it.0 == from));
        let lengths: Vec<usize> = all.iter().map(|it| it.1.len()).collect();
        assert_eq!(lengths, [&sizes[..], &[300]].concat());
        assert_eq!(all.iter().flat_map(|it| it.1.clone()).take(bytes.len()).count(), bytes.len());
    }
}

#[tokio::test]
async fn forbidden_addresses_are_neither_heard_nor_spoken_to() {
    let open = |egress: &Egress| UdpPort::bind(egress, "127.0.0.1:0".parse().unwrap()).unwrap();
    let egress = Egress::default();
    let (near, far) = (open(&egress), open(&Egress::default()));
    let (here, there) = (near.local_addr().unwrap(), far.local_addr().unwrap());
    let send = |port: &UdpPort, to, byte: u8| {
        let bytes = &[byte; 8];
        port.try_send(&Outgoing { to, from: None, segment: 8, bytes, dont_fragment: false })
    };
    near.writable().await.unwrap();
    far.writable().await.unwrap();
    let mut inbox = Inbox::new();
    for (list, forbidden) in [("127.0.0.0/8", true), ("", false)] {
        let mut reader = ipfilter::FilterReader::default();
        reader.read(list.as_bytes()).unwrap();
        reader.end_list().unwrap();
        egress.set_filter(reader.finish());
        send(&near, there, u8::from(forbidden)).unwrap();
        send(&far, here, u8::from(forbidden)).unwrap();
        if forbidden {
            assert_eq!(received(&near, &mut inbox).await, [], "{list}");
        }
    }
    // What was said while it was forbidden never left.
    assert_eq!(received(&far, &mut inbox).await, [(here, vec![0; 8])]);
    assert_eq!(received(&near, &mut inbox).await, [(there, vec![0; 8])]);
}
