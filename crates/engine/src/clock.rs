use std::time::{Duration, Instant as StdInstant};

use stdx::Instant;

/// The only clock that drivers read: turns the system's monotonic time into the cores' `Instant`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: StdInstant,
}

impl Clock {
    /// A clock that stands at zero now.
    pub fn start() -> Self {
        Self { origin: StdInstant::now() }
    }

    /// The present.
    pub fn now(&self) -> Instant {
        let nanos = self.origin.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Sleeps until `deadline`; for ever when there is none.
    pub(crate) async fn sleep_until(self, deadline: Option<Instant>) {
        const LONGEST: Duration = Duration::from_hours(24);
        match deadline {
            Some(deadline) => {
                let wait = Duration::from_nanos(deadline.as_nanos()).min(LONGEST);
                tokio::time::sleep_until((self.origin + wait).into()).await;
            }
            None => std::future::pending().await,
        }
    }
}
