//! The sandbox's own time: real time at any speed, or only what a test lets pass.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(3600);

/// As far as time goes: a thousand years.
pub(crate) const LONGEST: Duration = Duration::from_secs(1000 * 366 * 24 * 3600);

/// Everything that has a date or a duration reads it here, so that ten minutes of curating pass in ten seconds at speed 60,
/// and in no time at all when a test advances the clock.
#[derive(Debug)]
pub(crate) struct Clock {
    base: SystemTime,
    started: Instant,
    speed: f64,
    advanced: watch::Sender<Duration>,
}

#[allow(clippy::disallowed_methods, reason = "the one place where real time enters")]
impl Clock {
    pub(crate) fn new(speed: f64) -> Self {
        Self { base: SystemTime::now(), started: Instant::now(), speed, advanced: watch::Sender::new(Duration::ZERO) }
    }

    /// Never later than dates can be written.
    pub(crate) fn now(&self) -> SystemTime {
        let passed = Duration::try_from_secs_f64(self.started.elapsed().as_secs_f64() * self.speed).unwrap_or(LONGEST);
        let passed = passed.saturating_add(*self.advanced.borrow()).min(LONGEST);
        self.base + passed
    }

    /// Lets time pass at once.
    pub(crate) fn advance(&self, duration: Duration) {
        self.advanced.send_modify(|advanced| *advanced = advanced.saturating_add(duration).min(LONGEST));
    }

    /// Waits until the clock shows `moment`.
    pub(crate) async fn until(&self, moment: SystemTime) {
        let mut advanced = self.advanced.subscribe();
        while let Ok(left @ 1..) = moment.duration_since(self.now()).map(|left| left.as_nanos()) {
            let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
            let change = advanced.changed();
            // The sender lives as long as the clock.
            let _ = match self.speed > 0.0 {
                true => {
                    let real = Duration::try_from_secs_f64(left.as_secs_f64() / self.speed).unwrap_or(HOUR).min(HOUR);
                    tokio::time::timeout(real, change).await
                }
                false => Ok(change.await),
            };
        }
    }

    /// Waits in real time, for faults that a client shall feel.
    pub(crate) async fn pause(duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Real time, for the log.
    pub(crate) fn real() -> Instant {
        Instant::now()
    }
}
