//! Text from strangers.

use crate::limits::MAX_TEXT_LENGTH;

/// Text fit to be shown: UTF-8, bounded, without control characters other than line ends, which
/// could steer a terminal.
pub(crate) fn showable(raw: &[u8]) -> String {
    let raw = &raw[..raw.len().min(MAX_TEXT_LENGTH)];
    let text = String::from_utf8_lossy(raw);
    let safe = |c: char| {
        if c.is_control() && c != '\n' { '\u{fffd}' } else { c }
    };
    text.chars().map(safe).collect()
}

/// Text for one line of a message, as [`showable`], without line ends and what would turn or hide
/// the rest of the line.
pub(crate) fn one_line(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.replace(odd, "\u{fffd}")
}
