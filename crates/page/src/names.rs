//! Names of strangers in URLs, headers and text.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as one segment of a URL's path.
pub(crate) fn escaped(segment: &str) -> impl Display {
    utf8_percent_encode(segment, SEGMENT)
}

/// The name that a segment of a URL's path stands for; `None` when it is not UTF-8.
pub(crate) fn unescaped(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

/// A name for people: what could command a terminal or turn the reading direction is replaced.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = |c: char| c.is_control() || turns(c);
    if name.contains(odd) { Cow::Owned(name.replace(odd, "\u{fffd}")) } else { Cow::Borrowed(name) }
}

/// The value of a `Content-Disposition` header that saves under `name` (RFC 6266), which may be in
/// any script (RFC 8187).
pub fn attachment(name: &str) -> String {
    let plain = |c: char| (' '..='~').contains(&c) && !"\"\\%/:".contains(c);
    // Programs that know only the old form decode what looks escaped, each in its own way.
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{ascii}\"");
    if ascii != name {
        write!(value, "; filename*=UTF-8''{}", escaped(name)).expect("writing to a string");
    }
    value
}

#[cfg(test)]
mod tests;
