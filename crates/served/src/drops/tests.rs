use super::*;

#[test]
fn drops_are_those_of_our_sockets() {
    let table = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode \
ref pointer drops
10015: 0100007F:9D17 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 209440 \
2 00000000ec7f5f79 17
11309: 0100007F:A225 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 209578 \
2 00000000db3ef3f7 5
11310: 00000000:A226 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20 2 \
00000000db3ef3f7 3
";
    let check = |inodes: &[u64], expected: u64| {
        assert_eq!(Drops { inodes: inodes.to_vec() }.total_in(table), expected);
    };
    check(&[209_440], 17);
    check(&[20, 209_578], 8);
    check(&[9], 0);
    assert_eq!(Drops::default().total(), 0);
}
