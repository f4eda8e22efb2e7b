//! What the tracker's process costs, seen from outside.

use std::fs;

use anyhow::{Context, Result};

/// Ticks of processor time in a second, as /proc counts them on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What it has cost by a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// Seconds of processor time in user mode.
    pub(super) user: f64,
    /// The same in kernel mode.
    pub(super) kernel: f64,
    /// Bytes resident now.
    pub(super) resident: u64,
}

impl Cost {
    /// Of the process by this number.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        Self::parse(&stat, &status).with_context(|| format!("/proc/{pid} makes no sense"))
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field is the command in brackets and may hold anything, brackets too.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut ticks = rest.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut seconds = || Some(ticks.next()?.ok()? as f64 / TICKS_PER_SECOND);
        let (user, kernel) = (seconds()?, seconds()?);
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = resident.split_whitespace().next()?.parse().ok()?;
        Some(Self { user, kernel, resident: kib * 1024 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 1000 0 0 20";
        let status = "Name:\ta) b\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n";
        let expected = Cost { user: 2.5, kernel: 10.0, resident: 800 << 10 };
        assert_eq!(Cost::parse(stat, status), Some(expected));
        assert_eq!(Cost::parse("7 (a) S 1", status), None);
        assert_eq!(Cost::parse(stat, "Name:\ta\n"), None);
    }
}
