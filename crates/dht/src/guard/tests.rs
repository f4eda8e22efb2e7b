use super::*;

fn guard() -> Guard {
    Guard::new(Instant::ZERO, 1_024, &[1; 16])
}

fn address(n: u32) -> SocketAddr {
    (std::net::Ipv4Addr::from(0x0500_0000 + n), 6_881).into()
}

#[test]
fn one_address_is_held_to_its_rate_and_others_are_not() {
    let mut guard = guard();
    let admitted = |guard: &mut Guard, secs, n| {
        (0..100).filter(|_| guard.admit(Instant::from_secs(secs), address(n))).count()
    };
    assert_eq!(admitted(&mut guard, 1, 1), 50);
    assert_eq!(admitted(&mut guard, 1, 1), 0);
    assert_eq!(admitted(&mut guard, 1, 2), 50);
    assert_eq!(admitted(&mut guard, 3, 1), 10);
    assert_eq!(admitted(&mut guard, 1_000, 1), 50);
}

#[test]
fn many_loud_addresses_do_not_silence_a_quiet_one() {
    let mut guard = guard();
    for n in 0..100 {
        (0..100).for_each(|_| {
            guard.admit(Instant::from_secs(1), address(n));
        });
    }
    let served = (1_000..2_000).filter(|n| guard.admit(Instant::from_secs(1), address(*n)));
    assert!(served.count() > 980);
}

#[test]
fn strangers_get_little_more_than_they_send() {
    let (mut guard, now, who) = (guard(), Instant::from_secs(1), address(1));
    let mut given = 0;
    for _ in 0..100 {
        let allowance = guard.allowance(now, who, 100);
        assert!((100..=DATAGRAM_OUT_MAX).contains(&allowance));
        guard.give(now, who, allowance - 100);
        given += allowance - 100;
    }
    assert_eq!(given, GIFT as usize);
    assert_eq!(guard.allowance(now, who, 100), 100);
    assert_eq!(guard.allowance(now + Duration::from_secs(10), who, 100), 400);
    guard.prove(now, who);
    assert_eq!(guard.allowance(now, who, 100), DATAGRAM_OUT_MAX);
    assert!(guard.allowance(now + PROVEN, who, 100) > 100);
}

#[test]
fn who_has_proven_itself_has_proven_nobody_else() {
    let (mut guard, now) = (guard(), Instant::from_secs(1));
    (0..20_000).for_each(|n| guard.prove(now, address(n)));
    let all = 30_000..40_000;
    for n in all.clone() {
        let allowance = guard.allowance(now, address(n), 60);
        guard.give(now, address(n), allowance - 60);
    }
    let given = all.filter(|n| guard.allowance(now, address(*n), 60) > 60).count();
    assert_eq!(given, 0, "all that strangers are given has been given");
    guard.prove(now, address(50_000));
    assert_eq!(guard.allowance(now, address(50_000), 60), DATAGRAM_OUT_MAX);
}

#[test]
fn all_strangers_together_are_bounded_too() {
    let (mut guard, now) = (guard(), Instant::from_secs(1));
    let mut given = 0;
    for n in 0..10_000 {
        let allowance = guard.allowance(now, address(n), 60);
        guard.give(now, address(n), allowance - 60);
        given += allowance - 60;
    }
    assert!(given as u64 <= GIFTS_PER_SEC * 2, "{given}");
}
