use crate::filter::{IpFilter, Range};
use crate::line::{self, Fault};

/// Longest line of a list, in bytes.
pub const LINE_MAX: usize = 1_024;
/// Ranges of one filter, of each family and before they are joined: several times those of the
/// longest lists.
pub const RANGES_MAX: usize = 4 << 20;
/// Of a line that is wrong, so much is told.
const SHOWN_MAX: usize = 80;

/// A line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {fault}: `{text}`")]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong.
    pub fault: Fault,
    /// What it says, as far as people may see it.
    pub text: String,
}

/// Reads lists into one filter.
///
/// A line holds one address (`192.0.2.7`), network (`192.0.2.0/24`) or range
/// (`192.0.2.1-192.0.2.9`), as it is, as in PeerGuardian's text form (`name:192.0.2.1-192.0.2.9`),
/// or as in eMule's `ipfilter.dat` (`192.000.002.001 - 192.000.002.009 , 100 , name`, where levels
/// from 128 on allow); IPv6 likewise. Lines may be empty or begin with `#`, `;` or `//`; a remark
/// may follow a range after `#` or `;`.
///
/// A list comes in pieces of any length, and ends with [`end_list`](Self::end_list). The first line
/// that is wrong spoils it: of a list that is only half understood, nobody knows what it forbids.
#[derive(Debug, Default)]
pub struct FilterReader {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    /// Lines of this list so far.
    lines: u64,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

impl FilterReader {
    /// Takes the next piece of a list.
    ///
    /// # Errors
    /// When a line is wrong; then there is no going on.
    pub fn read(&mut self, piece: &[u8]) -> Result<(), BadLine> {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            if self.begun.is_empty() {
                self.take_line(line)?;
            } else {
                self.begin_line(line)?;
                self.end_line()?;
            }
        }
        self.begin_line(last)
    }

    /// Ends a list; another one may follow.
    ///
    /// # Errors
    /// When its last line is wrong.
    pub fn end_list(&mut self) -> Result<(), BadLine> {
        self.end_line()?;
        self.lines = 0;
        Ok(())
    }

    /// The filter of all that was read.
    pub fn finish(self) -> IpFilter {
        IpFilter::new(self.v4, self.v6)
    }

    fn begin_line(&mut self, text: &[u8]) -> Result<(), BadLine> {
        if self.begun.len() + text.len() > LINE_MAX {
            let shown = [&self.begun, &text[..text.len().min(SHOWN_MAX)]].concat();
            return Err(bad_line(self.lines + 1, Fault::TooLong, &shown));
        }
        self.begun.extend_from_slice(text);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), BadLine> {
        let line = std::mem::take(&mut self.begun);
        self.take_line(&line)
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), BadLine> {
        self.lines += 1;
        let taken = match line.len() {
            ..=LINE_MAX => line::parse(line).and_then(|range| self.take(range)),
            _ => Err(Fault::TooLong),
        };
        taken.map_err(|fault| bad_line(self.lines, fault, line))
    }

    fn take(&mut self, range: Option<Range>) -> Result<(), Fault> {
        match range {
            None => {}
            Some(Range::V4(..)) if self.v4.len() >= RANGES_MAX => return Err(Fault::TooMany),
            Some(Range::V6(..)) if self.v6.len() >= RANGES_MAX => return Err(Fault::TooMany),
            Some(Range::V4(first, last)) => self.v4.push((first, last)),
            Some(Range::V6(first, last)) => self.v6.push((first, last)),
        }
        Ok(())
    }
}

fn bad_line(number: u64, fault: Fault, line: &[u8]) -> BadLine {
    let text = String::from_utf8_lossy(line.trim_ascii());
    let shown = text.chars().take(SHOWN_MAX).map(|it| if it.is_control() { '.' } else { it });
    BadLine { number, fault, text: shown.collect() }
}

#[cfg(test)]
mod tests;
