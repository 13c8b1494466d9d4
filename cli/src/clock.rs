//! Time that goes faster, for a sandbox whose time does.

use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use opusclip::Clock;

/// A clock on which so many seconds pass in one.
#[derive(Debug)]
pub(crate) struct FastClock {
    speed: f64,
    began: (Instant, SystemTime),
}

#[allow(clippy::disallowed_methods, reason = "the one place of the program where real time enters")]
impl FastClock {
    /// `speed` is above 0.
    pub(crate) fn new(speed: f64) -> Self {
        Self { speed, began: (Instant::now(), SystemTime::now()) }
    }

    fn since(&self) -> Duration {
        self.began.0.elapsed().mul_f64(self.speed)
    }
}

#[allow(clippy::disallowed_methods, reason = "as above")]
impl Clock for FastClock {
    fn now(&self) -> Instant {
        self.began.0 + self.since()
    }

    fn system_time(&self) -> SystemTime {
        // The time of the system may be set, and goes on while the machine sleeps.
        if (self.speed - 1.0).abs() < f64::EPSILON { SystemTime::now() } else { self.began.1 + self.since() }
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration.div_f64(self.speed)))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}
