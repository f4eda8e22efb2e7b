use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use stdx::{FileIndex, show_count, show_number, show_size};

use crate::listing::parts;
use crate::names::{escaped, shown};
use crate::qr::Qr;
use crate::site::{FILES, Site, Swarm};

const STYLE: &str = include_str!("style.css");
/// A drop, so that tabs can be told apart.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
    viewBox='0 0 16 16'%3E%3Cpath fill='%230a6fb8' \
    d='M8 1c3 4 5 6.4 5 9A5 5 0 0 1 3 10c0-2.600 2-5 5-9z'/%3E%3C/svg%3E";

/// Why there is nothing to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 404: no such path.
    NotFound,
    /// 404: no such page of the list.
    NoPage,
    /// 404: it is a symbolic link.
    Link,
    /// 405: neither GET nor HEAD.
    Method,
    /// 409: the file is not what was shared.
    Changed,
    /// 410: the file is not there any more.
    Gone,
    /// 412: the request's condition does not hold.
    Condition,
    /// 416: the file has no such bytes.
    Range,
    /// 500: the file cannot be read.
    Unreadable,
    /// 503: too many downloads at once.
    Busy,
    /// 503: not there yet, or not any more.
    Closed,
}

impl Problem {
    /// The status code that says so (RFC 9110 §15).
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound | Self::NoPage | Self::Link => 404,
            Self::Method => 405,
            Self::Changed => 409,
            Self::Gone => 410,
            Self::Condition => 412,
            Self::Range => 416,
            Self::Unreadable => 500,
            Self::Busy | Self::Closed => 503,
        }
    }

    /// What is wrong, and what to do about it.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("Not found", "Nothing is shared under this address."),
            Self::NoPage => ("Not found", "The list of files has no such page."),
            Self::Link => ("A link", "This is a symbolic link, which only torrent apps can make."),
            Self::Method => ("Not supported", "Only GET and HEAD requests are answered."),
            Self::Changed => (
                "The file has changed",
                "It is no longer what was shared, so it is not given out. \
                 Ask whoever shares it to share it again.",
            ),
            Self::Gone => (
                "The file is gone",
                "It is no longer on the machine that shares it. \
                 Others who have it can still give it to a torrent app.",
            ),
            Self::Condition => ("Not the same", "The file is not the version that you asked for."),
            Self::Range => ("No such bytes", "The file is shorter than what you asked for."),
            Self::Unreadable => ("Unreadable", "The file cannot be read on this machine."),
            Self::Busy => ("Busy", "There are too many downloads at once. Try again soon."),
            Self::Closed => ("Not available", "Nothing is shared here at this moment."),
        }
    }
}

/// A page that says what is wrong.
pub fn problem(problem: Problem) -> String {
    let (title, words) = problem.words();
    let body = html! {
        h1 { (title) }
        p { (words) }
        @if problem != Problem::Closed {
            p { a href="/" { "See what is shared here" } }
        }
    };
    document(title, &body)
}

/// The `Content-Security-Policy` of what this module writes: its own style, and nothing else.
pub fn content_policy() -> String {
    let digest = BASE64_STANDARD.encode(hash::sha256(STYLE.as_bytes()).0);
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

impl Site {
    /// The page, with one page of the list of files; they count from 1.
    pub fn page(&self, number: usize, swarm: Swarm) -> String {
        let name = shown(self.info.name());
        let body = html! {
            header {
                p.kicker { "Shared with Fluvial" }
                h1 { bdi { (name) } }
                p.facts { (self.facts(swarm)) }
            }
            div.ways {
                section {
                    (self.links())
                    h2 { "With Fluvial" }
                    p { "Paste this into a terminal:" }
                    pre tabindex="0" { code { "fluvial get '" (self.magnet) "'" } }
                }
                @if let Some(qr) = &self.qr {
                    (code(qr))
                }
            }
            @if !self.info.is_single_file() {
                (self.list(number))
            }
            (self.hashes())
            footer {
                p {
                    "Files come straight from the machine that shares them, to whoever reaches \
                     this address, for as long as it is shared."
                }
            }
        };
        document(&name, &body)
    }

    fn facts(&self, swarm: Swarm) -> String {
        let layout = self.info.layout();
        let mut facts = vec![show_size(layout.content_length())];
        if !self.info.is_single_file() {
            facts.push(show_count(self.files().len() as u64, "file"));
        }
        if swarm.downloading > 0 {
            facts.push(format!("{} downloading", show_number(swarm.downloading.into())));
        }
        facts.push(format!("{} seeding", show_number(swarm.seeding.into())));
        facts.join(" · ")
    }

    fn links(&self) -> Markup {
        let single = self.info.is_single_file().then(|| self.files().first()).flatten();
        let single = single.filter(|file| file.symlink.is_none());
        html! {
            h2.unseen { "Download" }
            p.actions {
                @match single {
                    Some(file) => {
                        a.button.main href=(address(&file.path)) {
                            "Download " (show_size(file.length))
                        }
                    }
                    None => { a.button.main href="#files" { "Choose files" } }
                }
                a.button href=(self.magnet) { "Open in torrent app" }
                a.button href={ "/" (escaped(self.info.name())) ".torrent" } { "Torrent file" }
            }
            p.hint {
                @if single.is_some() {
                    "A plain download works in any browser. "
                } @else {
                    "Each file can be downloaded in any browser. "
                }
                "A torrent app is faster when many download at once, and checks every piece."
            }
        }
    }

    fn list(&self, number: usize) -> Markup {
        let (range, files) = self.listing.on_page(number);
        let (total, pages) = (self.files().len() as u64, self.listing.pages());
        html! {
            section #files {
                h2 { "Files" }
                @if pages > 1 {
                    p.hint {
                        (show_number(range.start as u64 + 1)) "–" (show_number(range.end as u64))
                        " of " (show_number(total))
                    }
                }
                @for group in files.chunk_by(|a, b| self.folder(*a) == self.folder(*b)) {
                    @let folder = self.folder(group[0]);
                    @if !folder.is_empty() {
                        h3 { bdi { (shown(&folder)) } }
                    }
                    ul { @for &file in group { (self.row(file)) } }
                }
                @if pages > 1 {
                    nav aria-label="Pages of the list" {
                        @if number > 1 {
                            a.button rel="prev" href=(turn(number - 1)) { "← Previous" }
                        }
                        span { "Page " (number) " of " (pages) }
                        @if number < pages {
                            a.button rel="next" href=(turn(number + 1)) { "Next →" }
                        }
                    }
                }
            }
        }
    }

    /// The folder that a file is in, below the torrent's own.
    fn folder(&self, file: FileIndex) -> String {
        let folder = self.files()[file.get()].path.parent().unwrap_or(Path::new(""));
        parts(folder).skip(1).collect::<Vec<_>>().join(" / ")
    }

    fn row(&self, file: FileIndex) -> Markup {
        let file = &self.files()[file.get()];
        let name = parts(&file.path).last().unwrap_or_default();
        let name = html! { bdi.name { (shown(name)) } };
        let Some(target) = &file.symlink else {
            return html! {
                li {
                    a.row href=(address(&file.path)) {
                        (name) span.size { (show_size(file.length)) }
                    }
                }
            };
        };
        html! {
            li {
                span.row { (name) span.size { "→ " bdi { (shown(&target.to_string_lossy())) } } }
            }
        }
    }

    fn hashes(&self) -> Markup {
        html! {
            section {
                h2 { "Info-hashes" }
                dl {
                    @if let Some(v1) = self.hashes.v1 { dt { "v1" } dd { (v1.to_string()) } }
                    @if let Some(v2) = self.hashes.v2 { dt { "v2" } dd { (v2.to_string()) } }
                }
            }
        }
    }
}

/// Where a file is, as a web seed's client would write it (BEP 19).
fn address(path: &Path) -> String {
    let segments: Vec<String> = parts(path).map(|part| escaped(part).to_string()).collect();
    format!("{FILES}{}", segments.join("/"))
}

fn turn(page: usize) -> String {
    format!("/?page={page}#files")
}

fn code(qr: &Qr) -> Markup {
    let frame = format!("0 0 {0} {0}", qr.side);
    html! {
        figure {
            svg viewBox=(frame) role="img" aria-label="QR code of the magnet link" {
                path d=(qr.path) {}
            }
            figcaption { "The magnet link, for another device" }
        }
    }
}

fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests;
