use std::net::Ipv4Addr;

use ipfilter::{BadLine, FilterReader, IpFilter};

/// A list that comes in pieces is the list that comes whole, and the order of its lines matters to
/// nobody.
pub fn fuzz_ip_filter(data: &[u8]) {
    let Some((&size, list)) = data.split_first() else {
        return;
    };
    let whole = read(list.chunks(list.len().max(1)));
    let pieces = read(list.chunks(usize::from(size).max(1)));
    let whole = match (whole, pieces) {
        (Ok(whole), Ok(_)) => whole,
        (Err(whole), Err(pieces)) => return assert_eq!(whole, pieces),
        (whole, pieces) => panic!("{whole:?} and {pieces:?}"),
    };
    let lines: Vec<&[u8]> = list.split(|byte| *byte == b'\n').rev().collect();
    let reversed = read([lines.join(&b'\n')].iter().map(Vec::as_slice));
    let reversed = reversed.expect("its lines are understood");
    assert_eq!(reversed.len(), whole.len());
    assert!(whole.len() <= lines.len(), "at most a range for each line");
    for bits in [0, u32::MAX, u32::from(size) << 24, 0xc000_0207] {
        let ip = Ipv4Addr::from_bits(bits);
        assert_eq!(reversed.allows(ip.into()), whole.allows(ip.into()));
        assert_eq!(whole.allows(ip.to_ipv6_mapped().into()), whole.allows(ip.into()));
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<IpFilter, BadLine> {
    let mut reader = FilterReader::default();
    for piece in pieces {
        reader.read(piece)?;
    }
    reader.end_list()?;
    Ok(reader.finish())
}
