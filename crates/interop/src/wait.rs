//! Waiting for something to become true.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough that only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);
/// How often the world is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until `is_so` says yes.
///
/// # Errors
/// What `is_so` fails with, or that it never was so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            bail!("waited {PATIENCE:?} in vain for: {what}");
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
