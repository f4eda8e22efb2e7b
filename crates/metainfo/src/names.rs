//! Makes the names in a torrent safe and unique, the same on every system.
//!
//! A torrent's names come from strangers and go to file systems that differ. By default every name
//! is made one that *all* systems can hold and tell from its neighbours, so the same torrent gives
//! the same files everywhere, on a USB stick and a network share too. What the system at hand could
//! have kept is kept when asked for, or when the content lies there under it already
//! ([`Rules::ORIGINAL`]): what other clients wrote is found, and a Linux tree arrives as it was.
//!
//! | rule | portable | original, on Linux |
//! |---|---|---|
//! | `/`, `\`, NUL, other control characters, line separators | `_` | `_` |
//! | marks that reorder text or have no width (`gpj.exe`) | `_` | `_` |
//! | bytes that are not UTF-8 | `_` | `_` |
//! | an empty part, `.` | left out | left out |
//! | `..` | `_` | `_` |
//! | over 255 bytes; in a path over [`MAX_PATH_LENGTH`] less | cut before the extension | same |
//! | the same path twice; a file where a folder must be | ` (2)` before the extension | same |
//! | `<` `>` `:` `"` `\|` `?` `*` (Windows; `:` would open another data stream) | `_` | kept |
//! | dots and spaces at the end (Windows drops them) | left out | kept |
//! | CON, PRN, AUX, NUL, COM1–9¹²³, LPT1–9¹²³, CONIN$, CONOUT$, `.any` | `_` in front | kept |
//! | equal but for case, composition (NFC, NFD) or invisible characters | ` (2)` | kept |
//!
//! Joiners (U+200C, U+200D) stay, because Persian and emoji need them, but do not tell names apart.
//! 255 bytes are at most 255 UTF-16 units, so one limit serves all. Other clients differ among
//! themselves: libtorrent tells case apart nowhere but keeps `a:b` and `con` outside Windows,
//! Transmission 3 and 4.0 change these everywhere and later versions on Windows alone.

use std::borrow::Cow;

use crate::limits::{MAX_NAME_LENGTH, MAX_PATH_LENGTH};

pub(crate) use paths::Paths;

mod paths;

/// Which names are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Also those that some other system cannot hold or tell apart.
    portable: bool,
}

impl Rules {
    /// One name for all systems.
    pub(crate) const PORTABLE: Self = Self { portable: true };
    /// As the torrent has it where the system this is built for allows.
    pub(crate) const ORIGINAL: Self =
        Self { portable: cfg!(any(windows, target_os = "macos", target_os = "ios")) };
}

/// A component made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Safe<'a> {
    /// Empty when the component means "here", or nothing is left of it.
    pub(crate) name: Cow<'a, str>,
    /// What was wrong, to follow the name in a sentence; `None` when the name is unchanged.
    pub(crate) why: Option<&'static str>,
}

/// Makes one component safe.
pub(crate) fn component(raw: &[u8], rules: Rules) -> Safe<'_> {
    let mut text = String::from_utf8_lossy(raw);
    let mut why = None;
    if let Cow::Owned(lossy) = &text {
        text = Cow::Owned(lossy.replace('\u{fffd}', "_"));
        why = Some("is not valid UTF-8");
    }
    if matches!(&*text, "" | ".") {
        return Safe { name: Cow::default(), why: Some("has an empty or `.` part") };
    }
    if text == ".." {
        return Safe { name: "_".into(), why: Some("leads out of the folder") };
    }
    let mut name = match text.chars().find_map(|c| fault(c, rules)) {
        None => text,
        Some(found) => {
            why = why.or(Some(found));
            text.chars().map(|c| if fault(c, rules).is_some() { '_' } else { c }).collect()
        }
    };
    if rules.portable {
        let kept = name.trim_end_matches(['.', ' ']).len();
        if kept < name.len() {
            name.to_mut().truncate(kept);
            why = why.or(Some("ends in dots or spaces, which Windows drops"));
        }
        if name.is_empty() {
            name = "_".into();
        }
        if is_device(&name) {
            name.to_mut().insert(0, '_');
            why = why.or(Some("is a device on Windows"));
        }
    }
    if name.len() > MAX_NAME_LENGTH {
        name = shorten(&name, "", MAX_NAME_LENGTH).into();
        why = why.or(Some("is too long"));
    }
    Safe { name, why }
}

/// What is wrong with a character.
fn fault(c: char, rules: Rules) -> Option<&'static str> {
    // Most are.
    if c.is_ascii_alphanumeric() {
        return None;
    }
    if matches!(c, '/' | '\\') {
        return Some("has a path separator in a name");
    }
    if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
        return Some("has control characters");
    }
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}');
    let hides = matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    if reorders || hides {
        return Some("has characters that disguise it");
    }
    let forbidden = matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    (rules.portable && forbidden).then_some("has characters that Windows forbids")
}

/// The names that Windows keeps for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let numbered = |prefix: &str, number: &str| {
        let is_number =
            number.parse::<char>().is_ok_and(|n| matches!(n, '1'..='9' | '¹' | '²' | '³'));
        is_number && ["COM", "LPT"].iter().any(|device| prefix.eq_ignore_ascii_case(device))
    };
    let plain = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    plain.iter().any(|device| stem.eq_ignore_ascii_case(device))
        || stem.split_at_checked(3).is_some_and(|(prefix, number)| numbered(prefix, number))
}

/// Cuts the components below the torrent's name alike, until the path fits; true when it did not.
pub(crate) fn fit(components: &mut [Cow<'_, str>]) -> bool {
    let length = |parts: &[Cow<'_, str>]| parts.iter().map(|part| part.len() + 1).sum::<usize>();
    let mut most = MAX_NAME_LENGTH;
    while length(components) > MAX_PATH_LENGTH && most > SHORTEST {
        most /= 2;
        for part in components.iter_mut().skip(1).filter(|part| part.len() > most) {
            *part = shorten(part, "", most).into();
            if is_device(part) {
                part.to_mut().insert(0, '_');
            }
        }
    }
    most < MAX_NAME_LENGTH
}

/// Where cutting ends: [`MAX_PATH_LENGTH`] holds the deepest path with components of this.
const SHORTEST: usize = 4;

/// `name` with `suffix` before its extension, cut to `most` bytes.
fn shorten(name: &str, suffix: &str, most: usize) -> String {
    let room = most.saturating_sub(suffix.len());
    if suffix.is_empty() && name.len() <= room {
        return name.to_owned();
    }
    // A dot far from the end is part of the text rather than the start of an extension.
    let dot =
        name.rfind('.').filter(|&at| at > 0 && name.len() - at <= 17.min(room.saturating_sub(1)));
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let end = stem.floor_char_boundary(stem.len().min(room - extension.len()));
    // What is left must not end in what Windows drops.
    let stem = stem[..end].trim_end_matches(['.', ' ']);
    let stem = if stem.is_empty() { "_" } else { stem };
    format!("{stem}{suffix}{extension}")
}

#[cfg(test)]
mod tests;
