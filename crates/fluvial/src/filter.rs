//! Lists of addresses that are not dealt with: read at the start, and again on SIGHUP.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use ipfilter::{FilterReader, IpFilter};

use crate::output::Output;
use crate::signals::Hangups;
use crate::units::count;

/// What is read at once.
const PIECE: usize = 64 << 10;
/// What packed files begin with: gzip (RFC 1952 §2.3.1), zip, 7z, xz.
const PACKED: [&[u8]; 4] = [&[0x1f, 0x8b], b"PK\x03\x04", b"7z\xbc\xaf", b"\xfd7zXZ"];

/// Reads the lists into one filter.
///
/// # Errors
/// When a file cannot be read, or a line of it is wrong.
pub(crate) fn read(lists: &[PathBuf]) -> anyhow::Result<IpFilter> {
    let mut reader = FilterReader::default();
    for path in lists {
        let shown = path.display();
        read_list(&mut reader, path).with_context(|| format!("IP filter `{shown}`"))?;
    }
    let filter = reader.finish();
    if !lists.is_empty() {
        tracing::info!("the IP filter forbids {}", extent(&filter));
    }
    Ok(filter)
}

fn read_list(reader: &mut FilterReader, path: &Path) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE];
    let mut is_begun = false;
    loop {
        let length = file.read(&mut piece)?;
        let piece = &piece[..length];
        if !is_begun && PACKED.iter().any(|magic| piece.starts_with(magic)) {
            bail!("it is packed; unpack it first");
        }
        is_begun = true;
        if length == 0 {
            return Ok(reader.end_list()?);
        }
        reader.read(piece)?;
    }
}

fn extent(filter: &IpFilter) -> String {
    count(filter.len() as u64, "range")
}

/// Reads the lists again whenever somebody wishes so, and puts the filter in force as a whole,
/// until nobody takes it any more. When one is wrong, the filter stays as it was.
///
/// # Errors
/// When the system gives no word of signals.
pub(crate) fn keep_up<T>(
    lists: Vec<PathBuf>,
    output: &Output,
    mut put: impl FnMut(IpFilter) -> T + Send + 'static,
) -> anyhow::Result<()>
where
    T: Future<Output = bool> + Send,
{
    if lists.is_empty() {
        return Ok(());
    }
    let mut hangups = Hangups::listen(true)?;
    let output = output.clone();
    tokio::spawn(async move {
        loop {
            hangups.next().await;
            let again = lists.clone();
            let Ok(filter) = tokio::task::spawn_blocking(move || read(&again)).await else {
                continue;
            };
            match filter {
                Ok(filter) => {
                    let extent = extent(&filter);
                    if !put(filter).await {
                        return;
                    }
                    output.notice(format!("the IP filter was read again: {extent} forbidden"));
                }
                Err(error) => output.warn(format!("{error:#}; the IP filter stays as it was")),
            }
        }
    });
    Ok(())
}
