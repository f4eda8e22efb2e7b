use std::collections::BTreeSet;

use crate::Notice;
use crate::limits::{MAX_TRACKERS, MAX_URL_LENGTH, MAX_WEB_SEEDS};
use crate::text::one_line;

/// Schemes of trackers (BEP 3, BEP 15).
pub(crate) const TRACKER_SCHEMES: &[&str] = &["http", "https", "udp"];
/// Schemes of web seeds (BEP 19).
pub(crate) const WEB_SEED_SCHEMES: &[&str] = &["http", "https", "ftp"];

/// Most bytes of a URL that is left out which are shown.
const MAX_URL_SHOWN: usize = 200;
/// Most URLs that are mentioned as left out.
const MAX_URL_NOTICES: usize = 20;

/// Collects the URLs of one kind that a torrent or magnet names, each once, up to a limit.
pub(crate) struct Urls {
    what: &'static str,
    schemes: &'static [&'static str],
    /// What a URL is not, to be told.
    why: &'static str,
    seen: BTreeSet<String>,
    room: usize,
}

impl Urls {
    /// Of trackers.
    pub(crate) fn trackers() -> Self {
        Self::new("tracker", TRACKER_SCHEMES, "is no http, https or udp URL", MAX_TRACKERS)
    }

    /// Of web seeds.
    pub(crate) fn web_seeds() -> Self {
        Self::new("web seed", WEB_SEED_SCHEMES, "is no http, https or ftp URL", MAX_WEB_SEEDS)
    }

    fn new(
        what: &'static str,
        schemes: &'static [&'static str],
        why: &'static str,
        room: usize,
    ) -> Self {
        Self { what, schemes, why, seen: BTreeSet::new(), room }
    }

    /// The URL, if it is usable and new; says so if it is left out.
    pub(crate) fn take(&mut self, raw: &[u8], notices: &mut Vec<Notice>) -> Option<String> {
        if raw.is_empty() {
            return None;
        }
        let text = std::str::from_utf8(raw).ok();
        let why = match text.and_then(|text| usable_url(text, self.schemes)) {
            Some(url) if self.seen.contains(url) => return None,
            Some(url) if self.seen.len() < self.room => {
                self.seen.insert(url.to_owned());
                return Some(url.to_owned());
            }
            Some(_) => "is one too many",
            None if raw.len() > MAX_URL_LENGTH => "is too long",
            None => self.why,
        };
        if notices.len() < MAX_URL_NOTICES {
            let url = one_line(&raw[..raw.len().min(MAX_URL_SHOWN)]);
            notices.push(Notice::UrlDropped { what: self.what, url, why });
        }
        None
    }
}

/// A URL with one of `schemes` (as in `"http"`) and a host, of plain printable characters and
/// within the limit.
pub(crate) fn usable_url<'a>(raw: &'a str, schemes: &[&str]) -> Option<&'a str> {
    let url = raw.trim();
    let (scheme, rest) = url.split_once("://")?;
    let known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let host = !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']);
    let plain = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    (known && host && plain && url.len() <= MAX_URL_LENGTH).then_some(url)
}
