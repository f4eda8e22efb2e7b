//! Words of others (names, causes, answers) made fit for one line of a terminal.

use std::borrow::Cow;

use clap::error::ErrorKind;

/// `what: why: why`, each cause once: many an error repeats its cause in its own words.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = plain(&cause.to_string());
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// What the system says, without its numbers: `No such file or directory (os error 2)` becomes
/// `no such file or directory`.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (os error ") {
        let Some((_number, after)) = after.split_once(')') else {
            break;
        };
        let (head, phrase) = before.rsplit_once(": ").map_or(("", before), |(head, phrase)| {
            // The colon goes with the head.
            (&before[..head.len() + 2], phrase)
        });
        plain.push_str(head);
        let mut letters = phrase.chars();
        plain.extend(letters.next().map(|first| first.to_ascii_lowercase()));
        plain.push_str(letters.as_str());
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// What was wrong with the words typed, in one line.
pub(crate) fn usage(error: &clap::Error) -> String {
    let none = [ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, ErrorKind::MissingSubcommand];
    if none.contains(&error.kind()) {
        return "a command is needed; `fluvial --help` lists them".to_owned();
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what could command the terminal or turn the reading direction: names of files, peers
/// and trackers come from strangers.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let odd = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(odd) { Cow::Owned(text.replace(odd, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests;
