//! Rates by key and class, on the sandbox's clock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opusclip::operation::Rate;

/// When each key last called operations of each class.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<(String, &'static str), VecDeque<SystemTime>>>);

/// More keys than anybody has; beyond it the oldest knowledge goes, so that made-up keys cannot fill the memory.
const KEYS: usize = 10_000;

impl Rates {
    /// Counts a call, or says how long to wait for the next free place in the window.
    pub(crate) fn admit(&self, key: &str, rate: &'static Rate, now: SystemTime) -> Result<(), Duration> {
        if rate.requests == 0 {
            return Ok(());
        }
        let window = Duration::from_secs(rate.seconds.into());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEYS {
            known.clear();
        }
        let calls = known.entry((key.to_owned(), rate.class)).or_default();
        while calls.front().is_some_and(|first| now >= *first + window) {
            calls.pop_front();
        }
        match calls.front() {
            Some(first) if calls.len() >= rate.requests as usize => Err((*first + window).duration_since(now).unwrap_or_default()),
            _ => {
                calls.push_back(now);
                Ok(())
            }
        }
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
