use stdx::Duration;

use crate::{Loss, RungError, Rungs};

#[test]
fn the_ladder_that_comes_with_the_crate_goes_down() {
    let rungs = Rungs::built_in();
    let order = ["lan", "fibre", "cable", "dsl", "mobile", "satellite", "lossy"];
    assert_eq!(rungs.names().count(), order.len());
    let all: Vec<_> = order.iter().map(|name| rungs.get(name).unwrap()).collect();
    let down: Vec<_> = all.iter().map(|rung| rung.down.rate.unwrap()).collect();
    assert_eq!(down[0], 125_000_000);
    assert!(down[..5].is_sorted_by(|better, worse| better > worse), "{down:?}");
    let lost: Vec<_> = all.iter().map(|rung| rung.down.loss.mean()).collect();
    assert!(lost.is_sorted(), "{lost:?}");
    assert!(all.iter().all(|rung| rung.up.rate <= rung.down.rate));
}

#[test]
fn a_table_is_read() {
    let text = "[mine]\ndown_mbit = 8\nup_mbit = 0.8\ndelay_ms = 2.5\nqueue_ms = 100\n\
                loss = 0.1\nburst = 2\njitter_ms = 1\nreorder = 0.5\nreorder_ms = 4\nduplicate = 1";
    let rungs = Rungs::parse(text).unwrap();
    let mine = rungs.get("mine").unwrap();
    assert_eq!((mine.down.rate, mine.up.rate), (Some(1_000_000), Some(100_000)));
    assert_eq!((mine.down.queue_bytes, mine.up.queue_bytes), (100_000, 10_000));
    assert_eq!(mine.up.delay, Duration::from_micros(2_500));
    assert_eq!(mine.up.loss, Loss::bursts(0.1, 2.0));
    assert_eq!((mine.up.jitter, mine.up.reorder_by), (ms(1), ms(4)));
    assert_eq!((mine.up.reorder, mine.up.duplicate), (0.5, 1.0));
    assert_eq!(rungs.get("yours"), None);
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn what_is_wrong_is_named() {
    const GOOD: &str = "[x]\ndown_mbit = 8\nup_mbit = 8\ndelay_ms = 1\nqueue_ms = 1\n";
    let check = |more: &str, expected: &str| {
        let error = Rungs::parse(&format!("{GOOD}{more}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    };
    check("speed = 3", "unknown field `speed`");
    check("loss = \"much\"", "invalid type");
    check("loss = 1.5", "the link `x`: `loss` is not a share from 0 to 1");
    check("reorder = nan", "`reorder` is not a share");
    check("jitter_ms = -1", "`jitter_ms` is not a time");
    check("burst = inf", "`burst` is not a number of packets");
    check("[y]\ndown_mbit = 1", "missing field");
    check("[y", "line 6");
    let none = GOOD.replace("down_mbit = 8", "down_mbit = 0");
    assert!(matches!(Rungs::parse(&none), Err(RungError::OutOfRange { key: "down_mbit", .. })));
    let many: String =
        (0..1_001).map(|number| GOOD.replace("[x]", &format!("[x{number}]"))).collect();
    assert_eq!(Rungs::parse(&many), Err(RungError::TooMany));
}
