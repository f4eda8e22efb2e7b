use std::net::IpAddr;

use super::*;

fn read(list: &[u8]) -> Result<FilterReader, BadLine> {
    let mut reader = FilterReader::default();
    reader.read(list)?;
    reader.end_list()?;
    Ok(reader)
}

fn range(first: &str, last: &str) -> Range {
    match (first.parse().unwrap(), last.parse().unwrap()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Range::V4(first.into(), last.into()),
        (IpAddr::V6(first), IpAddr::V6(last)) => Range::V6(first.into(), last.into()),
        _ => panic!("of one family"),
    }
}

#[test]
fn lists_of_every_form_are_read() {
    for (line, first, last) in [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        (" 192.0.2.0/24\r", "192.0.2.0", "192.0.2.255"),
        ("192.0.2.77/24", "192.0.2.0", "192.0.2.255"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("192.0.2.1/32", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.0/24 ; a remark", "192.0.2.0", "192.0.2.255"),
        ("192.0.2.7 # it's a remark: 1", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1 - 192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.000.002.008 - 192.000.002.009 , 000 , Some, name", "192.0.2.8", "192.0.2.9"),
        ("192.0.2.8 - 192.0.2.9 , 127 , x", "192.0.2.8", "192.0.2.9"),
        ("192.0.2.8-192.0.2.9,100", "192.0.2.8", "192.0.2.9"),
        ("Some, name: 10-4 #1:192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1, Inc:198.51.100.1-198.51.100.9", "198.51.100.1", "198.51.100.9"),
        (":192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9"),
        ("a name:2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9"),
        ("2001:db8::1 - 2001:db8::9 , 10 , x", "2001:db8::1", "2001:db8::9"),
        ("::ffff:192.0.2.1-::ffff:192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("::ffff:192.0.2.0/120", "192.0.2.0", "192.0.2.255"),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ] {
        assert_eq!(line::parse(line.as_bytes()), Ok(Some(range(first, last))), "{line}");
    }
}

#[test]
fn names_in_any_encoding_are_read_past() {
    let line = b"Universit\xe4t \xff\xfe:192.0.2.1-192.0.2.9";
    assert_eq!(line::parse(line), Ok(Some(range("192.0.2.1", "192.0.2.9"))));
}

#[test]
fn what_forbids_nothing_is_no_fault() {
    let list = b"# a list\n\n; x\r\n// y: z\n192.0.2.1 - 192.0.2.9 , 128 , allowed\n   \n";
    assert!(read(list).unwrap().finish().is_empty());
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (line, fault) in [
        ("nonsense", Fault::Unknown),
        ("a name:nonsense", Fault::Unknown),
        ("1.2.3", Fault::Unknown),
        ("1.2.3.256", Fault::Unknown),
        ("1.2.3.0004", Fault::Unknown),
        ("1.2.3.4-", Fault::Unknown),
        ("192.0.2.9-192.0.2.1", Fault::Backwards),
        ("a name:192.0.2.9-192.0.2.1", Fault::Backwards),
        ("192.0.2.9 - 192.0.2.1 , 0 , x", Fault::Backwards),
        ("192.0.2.1-::1", Fault::Families),
        ("192.0.2.0/33", Fault::Prefix),
        ("2001:db8::/129", Fault::Prefix),
    ] {
        let list = format!("192.0.2.1\n# a remark\n{line}\nmore nonsense\n");
        let expected = BadLine { number: 3, fault, text: line.to_owned() };
        assert_eq!(read(list.as_bytes()).unwrap_err(), expected, "{line}");
        // At the end of a list without its last line break, too.
        assert_eq!(read(format!("\n\n{line}").as_bytes()).unwrap_err(), expected, "{line}");
    }
}

#[test]
fn a_line_that_never_ends_is_not_kept() {
    let mut reader = FilterReader::default();
    reader.read(b"192.0.2.1\n").unwrap();
    for _ in 0..LINE_MAX / 64 {
        reader.read(&[b'x'; 64]).unwrap();
    }
    let error = reader.read(b"\x1b").unwrap_err();
    assert_eq!((error.number, error.fault), (2, Fault::TooLong));
    assert_eq!(error.text.len(), SHOWN_MAX);
    assert_eq!(read(&[b'x'; 5_000]).unwrap_err().fault, Fault::TooLong);
}

#[test]
fn lists_add_up_and_each_counts_its_own_lines() {
    let mut reader = FilterReader::default();
    reader.read(b"192.0.2.1\n192.0.2.3").unwrap();
    reader.end_list().unwrap();
    reader.read(b"192.0.2.2\nx").unwrap();
    assert_eq!(reader.end_list().unwrap_err().number, 2);
    assert_eq!(reader.finish().len(), 1);
}
