//! Time that passes only while the client pauses, and at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The clock of a scenario; clones are the same clock.
///
/// A client under test takes its time from here: [`elapsed`](Self::elapsed) and [`unix_time`](Self::unix_time) to read it,
/// [`pause`](Self::pause) in place of every sleep between attempts. It begins at 2026-01-01T00:00:00Z.
#[derive(Clone)]
pub struct VirtualClock(pub(super) Arc<dyn Time>);

/// What the clock needs of the runner.
pub(super) trait Time: Send + Sync {
    fn now(&self) -> Duration;
    fn pause(&self, duration: Duration);
}

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

impl VirtualClock {
    /// The time since the scenario began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.now()
    }

    /// The time of day, since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_time(&self) -> Duration {
        START + self.0.now()
    }

    /// Lets time pass, and writes the pause down. Must be called on the runtime that the scenario runs on.
    pub fn pause(&self, duration: Duration) {
        self.0.pause(duration);
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.elapsed()).finish()
    }
}
