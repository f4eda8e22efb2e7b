use super::*;

const PART: Asked = Asked { from: 100, to: 200, whole: Some(1_000), streamed: false };
const STREAM: Asked = Asked { streamed: true, ..PART };
const WHOLE: Asked = Asked { from: 0, to: 1_000, whole: Some(1_000), streamed: false };
const SCRIPT: Asked = Asked { from: 100, to: 200, whole: None, streamed: false };

fn head(status: u16) -> Head<'static> {
    Head { status, ..Head::default() }
}

#[test]
fn answers_are_taken_for_what_they_are() {
    let check = |asked: &Asked, head: Head<'_>, expected: Judgement| {
        assert_eq!(judge(asked, &head), expected, "{asked:?} {head:?}");
    };
    let take = |skip| Judgement::Take { skip };
    let refuse = Judgement::Refuse;
    let ranged = |range| Head { range: Some(range), ..head(206) };
    check(&PART, ranged("bytes 100-199/1000"), take(0));
    check(&PART, ranged("bytes 100-150/*"), take(0));
    check(&PART, ranged("BYTES 100-999/1000"), take(0));
    for wrong in [
        "bytes 0-99/1000",
        "bytes 100-99/1000",
        "bytes 100-199",
        "bytes */1000",
        "items 100-199/1000",
        "bytes +100-199/1000",
        "bytes 100-199/99999999999999999999999",
        "",
    ] {
        check(&PART, ranged(wrong), refuse(Fault::WrongRange));
    }
    check(&PART, head(206), refuse(Fault::WrongRange));
    let size = Fault::WrongSize { is: 999, should: 1_000 };
    check(&PART, ranged("bytes 100-199/999"), refuse(size.clone()));
    // Whole files, where nothing is read in vain, or where that is known.
    let whole = |length| Head { length: Some(length), ..head(200) };
    check(&WHOLE, whole(1_000), take(0));
    check(&PART, whole(1_000), refuse(Fault::NoRanges));
    check(&PART, head(200), refuse(Fault::NoRanges));
    check(&PART, whole(999), refuse(size.clone()));
    check(&STREAM, whole(1_000), take(100));
    check(&STREAM, ranged("bytes 100-999/1000"), take(0));
    check(&STREAM, whole(999), refuse(size));
    // Scripts answer with what was asked for and nothing else.
    check(&SCRIPT, whole(100), take(0));
    check(&SCRIPT, head(206), take(0));
    check(&SCRIPT, whole(1_000), refuse(Fault::WrongSize { is: 1_000, should: 100 }));
    // Encoded bytes are not the file's.
    let encoded = |encoding| Head { encoding: Some(encoding), ..whole(1_000) };
    check(&WHOLE, encoded("gzip"), refuse(Fault::Encoded("gzip".to_owned())));
    check(&WHOLE, encoded("Identity"), take(0));
    let moved = |status| Head { location: Some("/x"), ..head(status) };
    for status in [301, 302, 303, 307, 308] {
        check(&PART, moved(status), Judgement::Follow("/x".to_owned()));
        check(&PART, head(status), refuse(Fault::Status(status)));
    }
    for status in [404, 403, 410, 416, 500, 304] {
        check(&PART, moved(status), refuse(Fault::Status(status)));
    }
    for (wish, expected) in [(None, None), (Some(7), Some(7)), (Some(u64::MAX), Some(3_600))] {
        let busy = Fault::Busy(expected.map(Duration::from_secs));
        check(&PART, Head { retry_after: wish, ..head(503) }, refuse(busy.clone()));
        check(&PART, Head { retry_after: wish, ..head(429) }, refuse(busy));
    }
}

#[test]
fn only_parts_are_asked_for_as_such() {
    assert_eq!(PART.range().as_deref(), Some("bytes=100-199"));
    assert_eq!((WHOLE.range(), SCRIPT.range()), (None, None));
    assert_eq!(STREAM.range().as_deref(), Some("bytes=100-"));
    assert_eq!(Asked { from: 0, ..STREAM }.range(), None);
}
