use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::catalogue::EXTENSION as CATALOGUE;
use crate::lock::Lock;

/// Most entries of a state directory that one run looks at.
const ENTRIES_MAX: usize = 100_000;

/// Removes what nobody used since `before` from a state directory: stores, those set aside, and
/// torrents kept for the next time. What they say is found out anew when it is needed: files that
/// stand where a download goes are verified. Returns how many are gone; what another process
/// holds, or what does not go, stays.
pub fn remove_stale(state_dir: &Path, before: SystemTime) -> u32 {
    let entries = fs::read_dir(state_dir).into_iter().flatten().flatten();
    let mut removed = 0;
    for entry in entries.take(ENTRIES_MAX) {
        let used = entry.metadata().ok().filter(fs::Metadata::is_file);
        let used = used.and_then(|meta| meta.modified().ok());
        if used.is_some_and(|used| used < before) && remove(&entry.path()) {
            removed += 1;
        }
    }
    removed
}

fn remove(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    match extension {
        Some("redb" | CATALOGUE) => {
            let lock = path.with_extension("lock");
            let Ok(_held) = Lock::take(&lock) else { return false };
            // While it is held: who waits for it sees that it is no longer the one.
            fs::remove_file(path).is_ok() && fs::remove_file(lock).is_ok()
        }
        Some("torrent" | "bad") => fs::remove_file(path).is_ok(),
        _ => false,
    }
}
