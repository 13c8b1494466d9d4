use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// Time, sleep and randomness, so that a test can hold them in its hand.
///
/// The default is the real clock, on tokio's timer.
pub trait Clock: Debug + Send + Sync {
    /// A monotonic instant.
    fn now(&self) -> Instant;

    /// The time of day, for dates that the service names.
    fn system_time(&self) -> SystemTime;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// A random number, at least 0 and less than 1.
    fn random(&self) -> f64;
}

/// The real clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

#[allow(clippy::disallowed_methods, reason = "the one place where real time enters")]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}
