use stdx::Instant;

/// A router's clock as it was heard last: one that goes back, or falls behind ours, belongs to a
/// router that has restarted and forgotten its mappings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    heard: Instant,
    seconds: u32,
}

impl Epoch {
    pub(crate) fn new(now: Instant, seconds: u32) -> Self {
        Self { heard: now, seconds }
    }

    /// Whether the router that says `seconds` now is the one that was heard before (RFC 6887 §8.5).
    /// What RFC 6886 §3.6 asks for is the same within its tolerance.
    pub(crate) fn goes_on(self, now: Instant, seconds: u32) -> bool {
        let ours = now.since(self.heard).as_secs();
        if u64::from(seconds) + 1 < u64::from(self.seconds) {
            return false;
        }
        let theirs = u64::from(seconds.saturating_sub(self.seconds));
        ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16
    }
}
