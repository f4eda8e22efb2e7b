//! The table of hostile and odd torrents and magnets, each judged as it says, at bounded cost.

mod ben;
mod encoding;
mod info;
mod magnets;
mod names;
mod outer;
mod rows;
mod two;

use std::collections::BTreeSet;

use metainfo::{Magnet, Metainfo};
use peak_alloc::PeakAlloc;

use rows::{Input, Row};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most that a row may allocate besides its own bytes.
const MOST_MEMORY: usize = 64 << 20;

/// Reads a row; what was noticed, or why not.
fn judge(input: &Input) -> Result<Vec<String>, String> {
    match input {
        Input::Torrent(bytes) => {
            let metainfo = Metainfo::parse(bytes).map_err(|error| error.to_string())?;
            let notices = metainfo.info.notices().iter().chain(&metainfo.notices);
            Ok(notices.map(ToString::to_string).collect())
        }
        Input::Magnet(link) => {
            let magnet = Magnet::parse(link).map_err(|error| error.to_string())?;
            Ok(magnet.notices.iter().map(ToString::to_string).collect())
        }
    }
}

fn check(row: &Row) -> Option<String> {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let found = judge(&row.input);
    let took = MEMORY.peak_usage().saturating_sub(before);
    let dear = (took > MOST_MEMORY).then(|| format!("{}: {took} bytes", row.name));
    let fits = row.verdict.fits(found.as_deref().map_err(String::as_str));
    let wrong = (!fits).then(|| format!("{}: {found:#?}", row.name));
    dear.or(wrong)
}

#[test]
fn every_row_is_judged_as_it_says_at_bounded_cost() {
    let (mut wrong, mut names) = (Vec::new(), BTreeSet::new());
    for row in rows::all() {
        assert!(names.insert(row.name), "two rows are called {}", row.name);
        wrong.extend(check(&row));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
    assert!(names.len() >= 200, "rows were lost");
}
