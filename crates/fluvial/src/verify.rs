//! `fluvial verify`.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use disk::{CheckReport, Extent, Judge, Storage, StorageOptions, Which, check};
use metainfo::Layout;
use stdx::{FileIndex, PieceIndex};

use crate::args::Verify;
use crate::events::Event;
use crate::names;
use crate::output::Output;
use crate::source::torrent_file;
use crate::text::plain;
use crate::units::{count, show_number, show_size};

/// How many bad files a person is shown before the rest is only counted.
const FILES_SHOWN: usize = 20;

/// Checks every piece; exit 0 when all are good, 1 when not.
pub(crate) fn run(args: &Verify, output: &Output) -> anyhow::Result<ExitCode> {
    let mut metainfo = torrent_file(&args.torrent)?;
    if let Err(error) = std::fs::symlink_metadata(&args.path) {
        return Err(error).with_context(|| format!("cannot verify `{}`", args.path.display()));
    }
    let single = metainfo.info.is_single_file();
    if single == args.path.is_dir() {
        let (needs, is) = if single { ("one file", "a folder") } else { ("a folder", "a file") };
        let path = args.path.display();
        bail!("the torrent holds {needs}, but `{path}` is {is}; name the content itself");
    }
    metainfo.info = names::found(&metainfo.info, |file| file.path_in(&args.path));
    let options =
        StorageOptions { read_only: true, path_is_content: true, ..StorageOptions::default() };
    let storage = Storage::new(Arc::clone(&metainfo.info), &args.path, None, options);
    let judge = Judge::new(Arc::clone(&metainfo.info), metainfo.piece_layers.clone());
    let bar = output.bytes_bar("Verifying", metainfo.info.layout().content_length());
    let report = check(&storage, &judge, Which::All, 0, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    Ok(tell(&report, &storage, metainfo.info.layout(), output))
}

fn tell(report: &CheckReport, storage: &Storage, layout: &Layout, output: &Output) -> ExitCode {
    let pieces_bad: Vec<u32> = report.good.iter_zeros().collect();
    let files_bad = bad_files(report, layout);
    let path = |file: &FileIndex| {
        layout.file(*file).map_or_else(String::new, |file| file.path.display().to_string())
    };
    let files: Vec<String> = files_bad.iter().map(path).collect();
    let whole = pieces_bad.is_empty() && files.is_empty();
    output.event(&Event::Verified { whole, pieces_bad: &pieces_bad, files_bad: &files });
    if whole {
        let pieces = count(report.good.len().into(), "piece");
        output.good("Whole", format!("{pieces} right, {}", show_size(layout.content_length())));
        return ExitCode::SUCCESS;
    }
    let (bad, all) = (pieces_bad.len(), report.good.len());
    let all = count(all.into(), "piece");
    output.bad("Not whole", format!("{} of {all} missing or wrong", show_number(bad as u64)));
    if bad > 0 {
        output.line(format!("  pieces {}", ranges(&pieces_bad)));
    }
    for (index, file) in files_bad.iter().zip(&files).take(FILES_SHOWN) {
        output.line(format!("  {file}{}", why(report, storage, *index)));
    }
    if files.len() > FILES_SHOWN {
        output.line(format!("  … and {} more files", files.len() - FILES_SHOWN));
    }
    ExitCode::FAILURE
}

/// Files that a bad piece touches or whose size is wrong.
fn bad_files(report: &CheckReport, layout: &Layout) -> BTreeSet<FileIndex> {
    let touched = report.good.iter_zeros().flat_map(|piece| {
        let piece = PieceIndex(piece);
        layout.spans(piece, 0, layout.piece_size(piece)).filter_map(|span| span.file)
    });
    touched.chain(report.files.iter().map(|issue| issue.file)).collect()
}

fn why(report: &CheckReport, storage: &Storage, file: FileIndex) -> String {
    // What cannot be read counts as missing or wrong; a person would rather hear the cause.
    match std::fs::File::open(storage.file_path(file)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return format!(" (cannot be read: {})", plain(&error.to_string()));
        }
        _ => {}
    }
    match report.files.iter().find(|issue| issue.file == file).map(|issue| issue.extent) {
        Some(Extent::Missing) => " (missing)".to_owned(),
        Some(Extent::Short(size)) => format!(" (only {size} bytes)"),
        Some(Extent::Longer(size)) => format!(" (too long: {size} bytes)"),
        None => String::new(),
    }
}

/// `0-3, 7, 9-12`, cut where it would fill the screen.
fn ranges(sorted: &[u32]) -> String {
    const SHOWN: usize = 24;
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &piece in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == piece => *last = piece,
            _ => runs.push((piece, piece)),
        }
    }
    let shown = runs.iter().take(SHOWN).map(|&(first, last)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if runs.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn runs_are_folded() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3, 7, 9-10");
        assert_eq!(ranges(&(0..100).step_by(2).collect::<Vec<_>>()).matches(',').count(), 24);
    }
}
