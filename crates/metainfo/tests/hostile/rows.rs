//! Torrents and magnets that strangers might send, each with what is said to it.

use super::{encoding, info, magnets, names, outer, two};

/// A torrent or magnet.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Torrent(Vec<u8>),
    Magnet(String),
}

/// What is said to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Used, without a word.
    Accepted,
    /// Used, with a line for each thing changed or left out.
    Noted(&'static [&'static str]),
    /// The same with this many lines, of which this is the last.
    ManyNoted(usize, &'static str),
    /// Not used, and why.
    Refused(&'static str),
}

pub(crate) use Verdict::{Accepted, ManyNoted, Noted, Refused};

impl Verdict {
    /// Whether these notices, or this refusal, are what the row expects. What ends in `…` is only
    /// the beginning.
    pub(crate) fn fits(self, found: Result<&[String], &str>) -> bool {
        let same = |text: &str, expected: &str| match expected.strip_suffix('…') {
            Some(start) => text.starts_with(start),
            None => text == expected,
        };
        match (self, found) {
            (Accepted, Ok(notices)) => notices.is_empty(),
            (Noted(expected), Ok(notices)) => {
                let mut pairs = notices.iter().zip(expected);
                notices.len() == expected.len() && pairs.all(|(text, it)| same(text, it))
            }
            (ManyNoted(lines, last), Ok(notices)) => {
                notices.len() == lines && notices.last().is_some_and(|text| text == last)
            }
            (Refused(expected), Err(why)) => same(why, expected),
            _ => false,
        }
    }
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What is odd about it; also a file name.
    pub(crate) name: &'static str,
    pub(crate) input: Input,
    pub(crate) verdict: Verdict,
}

/// The whole table.
pub(crate) fn all() -> impl Iterator<Item = Row> {
    let tables = [encoding::ROWS, info::ROWS, two::ROWS, names::ROWS, outer::ROWS];
    let torrents = tables.into_iter().flatten().map(|&(name, make, verdict)| Row {
        name,
        input: Input::Torrent(make()),
        verdict,
    });
    let magnets = magnets::ROWS.iter().map(|&(name, make, verdict)| Row {
        name,
        input: Input::Magnet(make()),
        verdict,
    });
    torrents.chain(magnets)
}

/// A line about a torrent.
pub(crate) type Torrent = (&'static str, fn() -> Vec<u8>, Verdict);
/// A line about a magnet.
pub(crate) type Magnet = (&'static str, fn() -> String, Verdict);
