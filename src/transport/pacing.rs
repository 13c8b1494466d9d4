//! Keeps requests under the limits that the service counts for an API key.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Clock;
use crate::operation::Rate;

/// The times of the latest requests and of those that wait, by rate class.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<BTreeMap<&'static str, Class>>);

/// Clients of one key share one pacer: the limits are the key's.
static SHARED: LazyLock<Mutex<HashMap<u64, Weak<Pacer>>>> = LazyLock::new(Mutex::default);

impl Pacer {
    /// The pacer of everyone in this process who talks to this API with this key. Only a hash of the key is kept.
    pub(crate) fn shared(base_url: &str, key: &[u8]) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        (base_url, key).hash(&mut hasher);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|_, pacer| pacer.strong_count() > 0);
        let slot = shared.entry(hasher.finish()).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let pacer = Arc::default();
            *slot = Arc::downgrade(&pacer);
            pacer
        })
    }

    /// Waits until one more request keeps to the limit. Who does not wait to the end leaves its place to the others.
    pub(crate) async fn wait(&self, rate: &Rate, clock: &dyn Clock) {
        if rate.requests == 0 {
            return;
        }
        let now = clock.now();
        let mut place = Place { pacer: self, rate, at: self.book(rate, now), is_used: false };
        let pause = place.at.saturating_duration_since(now);
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
        place.is_used = true;
    }

    /// Books the next free place. No window of the class's length ever holds more requests than its limit, whether the service
    /// counts in fixed or in sliding windows.
    fn book(&self, rate: &Rate, now: Instant) -> Instant {
        let mut classes = self.classes();
        let class = classes.entry(rate.class).or_default();
        let mut times: Vec<Instant> = class.used.iter().chain(&class.booked).copied().collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = times.get((rate.requests as usize).saturating_sub(1));
        let at = oldest.map_or(now, |oldest| (*oldest + Duration::from_secs(rate.seconds.into())).max(now));
        class.booked.push(at);
        at
    }

    fn classes(&self) -> MutexGuard<'_, BTreeMap<&'static str, Class>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The times of one rate class.
#[derive(Debug, Default)]
struct Class {
    /// Of the latest requests, the latest first.
    used: Vec<Instant>,
    booked: Vec<Instant>,
}

/// The time that is kept for one request.
struct Place<'p> {
    pacer: &'p Pacer,
    rate: &'p Rate,
    at: Instant,
    is_used: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut classes = self.pacer.classes();
        let class = classes.entry(self.rate.class).or_default();
        if let Some(index) = class.booked.iter().position(|at| *at == self.at) {
            class.booked.swap_remove(index);
        }
        if self.is_used {
            let index = class.used.partition_point(|at| *at > self.at);
            class.used.insert(index, self.at);
            class.used.truncate(self.rate.requests as usize);
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise; nothing waits for it to move on")]
mod tests {
    use super::*;

    const RATE: Rate = Rate { class: "core", requests: 3, seconds: 60 };

    #[test]
    fn lets_the_limit_through_at_once_and_then_one_by_one() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let pause = |now: Instant| pacer.book(&RATE, now).saturating_duration_since(now).as_secs();
        let pauses: Vec<u64> = (0..7).map(|n| pause(start + Duration::from_secs(n))).collect();
        // The places are at 0, 1, 2, 60, 61, 62 and 120 seconds.
        assert_eq!(pauses, [0, 0, 0, 57, 57, 57, 114]);
    }

    #[test]
    fn never_exceeds_the_limit_in_any_window() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let mut places = Vec::new();
        for n in 0..200_u64 {
            let now = start + Duration::from_millis(n * n * 37 % 9_000 + n * 900);
            let at = pacer.book(&RATE, now);
            // Some are used, some are left to the others, some are still waited for.
            match n % 5 {
                0 => drop(Place { pacer: &pacer, rate: &RATE, at, is_used: false }),
                4 => places.push(at),
                _ => {
                    places.push(at);
                    drop(Place { pacer: &pacer, rate: &RATE, at, is_used: true });
                }
            }
        }
        places.sort();
        for window in places.windows(4) {
            assert!(window[3] - window[0] >= Duration::from_secs(60), "4 requests within {:?}", window[3] - window[0]);
        }
    }

    #[test]
    fn shares_one_pacer_among_clients_of_one_key() {
        let one = Pacer::shared("https://api.opus.pro", b"sk-test-pacing");
        assert!(Arc::ptr_eq(&one, &Pacer::shared("https://api.opus.pro", b"sk-test-pacing")));
        assert!(!Arc::ptr_eq(&one, &Pacer::shared("https://api.opus.pro", b"sk-test-other")));
        assert!(!Arc::ptr_eq(&one, &Pacer::shared("http://127.0.0.1:1", b"sk-test-pacing")));
    }

    /// Time stands still, and whoever sleeps does so for ever.
    #[derive(Debug)]
    struct Still(Instant);

    impl Clock for Still {
        fn now(&self) -> Instant {
            self.0
        }

        fn system_time(&self) -> std::time::SystemTime {
            std::time::SystemTime::UNIX_EPOCH
        }

        fn sleep(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::pending())
        }

        fn random(&self) -> f64 {
            0.0
        }
    }

    #[test]
    fn who_gives_up_leaves_its_place() {
        use futures_util::FutureExt as _;

        let (pacer, clock) = (Pacer::default(), Still(Instant::now()));
        for _ in 0..3 {
            assert!(pacer.wait(&RATE, &clock).now_or_never().is_some());
        }
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(pacer.wait(&RATE, &clock))).collect();
        assert!(waiting.iter_mut().all(|wait| wait.now_or_never().is_none()));
        waiting.drain(..);
        assert_eq!(pacer.book(&RATE, clock.0).saturating_duration_since(clock.0), Duration::from_secs(60));
    }

    #[test]
    fn a_class_without_a_limit_never_waits() {
        use futures_util::FutureExt as _;

        let none = Rate { class: "none", requests: 0, seconds: 0 };
        let (pacer, clock) = (Pacer::default(), Still(Instant::now()));
        assert!((0..100).all(|_| pacer.wait(&none, &clock).now_or_never().is_some()));
    }
}
