//! Keeps requests under the limits that the service counts for an API key.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Clock;
use crate::operation::Rate;

/// The times of the latest requests, by rate class.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<BTreeMap<&'static str, VecDeque<Instant>>>);

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

    /// Waits until one more request keeps to the limit.
    pub(crate) async fn wait(&self, rate: &Rate, clock: &dyn Clock) {
        let pause = self.reserve(rate, clock.now());
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
    }

    /// Books the next free place and says how far away it is. No window of the class's length ever holds more requests
    /// than its limit, whether the service counts in fixed or in sliding windows.
    fn reserve(&self, rate: &Rate, now: Instant) -> Duration {
        let limit = rate.requests as usize;
        if limit == 0 {
            return Duration::ZERO;
        }
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = classes.entry(rate.class).or_default();
        times.truncate(limit);
        let oldest = if times.len() == limit { times.pop_back() } else { None };
        let free = oldest.map_or(now, |oldest| oldest + Duration::from_secs(rate.seconds.into()));
        let at = free.max(now);
        times.push_front(at);
        at.saturating_duration_since(now)
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
        let pauses: Vec<u64> = (0..7).map(|n| pacer.reserve(&RATE, start + Duration::from_secs(n)).as_secs()).collect();
        // The places are at 0, 1, 2, 60, 61, 62 and 120 seconds.
        assert_eq!(pauses, [0, 0, 0, 57, 57, 57, 114]);
    }

    #[test]
    fn never_exceeds_the_limit_in_any_window() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let mut places = Vec::new();
        for n in 0..200_u64 {
            let now = start + Duration::from_millis(n * n * 37 % 9_000 + n * 900);
            places.push(now + pacer.reserve(&RATE, now));
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

    #[test]
    fn a_class_without_a_limit_never_waits() {
        let (pacer, now) = (Pacer::default(), Instant::now());
        let none = Rate { class: "none", requests: 0, seconds: 0 };
        assert!((0..100).all(|_| pacer.reserve(&none, now).is_zero()));
    }
}
