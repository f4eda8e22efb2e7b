//! What a person may name as SOURCE, and reading it.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use engine::Egress;
use metainfo::limits::MAX_TORRENT_SIZE;
use metainfo::{Magnet, Metainfo};

/// A torrent, or the link to one.
#[derive(Debug)]
pub(crate) enum Source {
    /// A whole `.torrent`.
    Torrent(Box<Metainfo>),
    /// Only what names it, or its publisher.
    Magnet(Box<Magnet>),
}

/// Reads a `.torrent` file, magnet link, bare info-hash, http(s) URL of a `.torrent`, or `-`.
///
/// # Errors
/// When it is none of these, cannot be read, or holds no usable torrent.
pub(crate) async fn read(source: &str, egress: &Egress) -> anyhow::Result<Source> {
    if source == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(MAX_TORRENT_SIZE as u64 + 1)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        return from_stdin(&bytes);
    }
    if has_scheme(source, "magnet:") {
        return magnet(source);
    }
    if has_scheme(source, "http://") || has_scheme(source, "https://") {
        let bytes = engine::fetch(egress, source, MAX_TORRENT_SIZE as u64)
            .await
            .with_context(|| format!("cannot fetch `{source}`"))?;
        return torrent(&bytes, &format!("`{source}`"));
    }
    if let Some((scheme, _)) = source.split_once("://") {
        bail!("`{scheme}://` is not supported; a torrent can be fetched over http or https");
    }
    let path = Path::new(source);
    if !path.exists() && looks_like_hash(source) {
        return magnet(source);
    }
    if !path.exists() {
        bail!("`{source}` is no file, magnet link, info-hash or URL");
    }
    torrent_file(path).map(|metainfo| Source::Torrent(Box::new(metainfo)))
}

/// Reads a `.torrent` file.
pub(crate) fn torrent_file(path: &Path) -> anyhow::Result<Metainfo> {
    let shown = path.display();
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open the torrent `{shown}`"))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        bail!("`{shown}` is a folder; a .torrent file is needed");
    }
    let mut bytes = Vec::new();
    file.take(MAX_TORRENT_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{shown}`"))?;
    Metainfo::parse(&bytes).map_err(|error| unusable(&format!("`{shown}` is not a"), &error))
}

fn from_stdin(bytes: &[u8]) -> anyhow::Result<Source> {
    match std::str::from_utf8(bytes).map(str::trim) {
        Ok(text) if has_scheme(text, "magnet:") || looks_like_hash(text) => magnet(text),
        _ => torrent(bytes, "standard input"),
    }
}

fn torrent(bytes: &[u8], whence: &str) -> anyhow::Result<Source> {
    let metainfo =
        Metainfo::parse(bytes).map_err(|error| unusable(&format!("{whence} holds no"), &error))?;
    Ok(Source::Torrent(Box::new(metainfo)))
}

fn magnet(text: &str) -> anyhow::Result<Source> {
    let magnet = Magnet::parse(text).map_err(|error| anyhow!("{error}; {}", error.advice()))?;
    Ok(Source::Magnet(Box::new(magnet)))
}

fn unusable(what: &str, error: &metainfo::Error) -> anyhow::Error {
    anyhow!("{what} usable torrent: {error}; {}", error.advice())
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

fn looks_like_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64 | 68) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
