//! When a request is sent again: pure decisions, no I/O.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::operation::Operation;

/// How often and how long a request is tried.
///
/// ```
/// use std::time::Duration;
/// use opusclip::RetryPolicy;
///
/// let patient = RetryPolicy::default().with_max_attempts(8).with_max_elapsed(Duration::from_secs(600));
/// # let _ = patient;
/// ```
///
/// Only what is safe is tried again. An idempotent operation is, after a failed connection, a broken reply, 408, 429 and
/// 5xx. Any other operation is only when nothing can have been accepted: the connection was never made, or the answer was
/// 429. Pauses grow by the factor two with full jitter; `Retry-After` is honoured, and a service that asks for a longer
/// pause than [`with_max_pause`](Self::with_max_pause) allows is believed: the error is returned at once.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) base_pause: Duration,
    pub(crate) max_pause: Duration,
    pub(crate) max_elapsed: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts, pauses from half a second up to 30 seconds, two minutes in all.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_pause: Duration::from_millis(500),
            max_pause: Duration::from_secs(30),
            max_elapsed: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// One attempt, no retry.
    #[must_use]
    pub fn never() -> Self {
        Self::default().with_max_attempts(1)
    }

    /// Sets how many times a request is sent at the most; 0 counts as 1.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the upper bound of the first pause.
    #[must_use]
    pub fn with_base_pause(mut self, pause: Duration) -> Self {
        self.base_pause = pause;
        self
    }

    /// Sets the upper bound of every pause.
    #[must_use]
    pub fn with_max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }

    /// Sets after how long no further attempt is started.
    #[must_use]
    pub fn with_max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = elapsed;
        self
    }

    /// The pause before the next attempt, or `None` when the outcome is final.
    pub(crate) fn next(&self, operation: &Operation, attempt: &Attempt<'_>, random: f64) -> Option<Duration> {
        if attempt.number >= self.max_attempts || !attempt.ending.is_safe_to_repeat(operation) {
            return None;
        }
        let exponent = attempt.number.saturating_sub(1).min(20);
        let ceiling = self.base_pause.saturating_mul(1 << exponent).min(self.max_pause);
        let pause = match attempt.retry_after() {
            Some(asked) if asked > self.max_pause => return None,
            // A little more than asked, so that many clients do not come back in the same instant.
            Some(asked) => asked + self.base_pause.mul_f64(random),
            None => ceiling.mul_f64(random),
        };
        (attempt.elapsed + pause <= self.max_elapsed).then_some(pause)
    }
}

/// One attempt that is over.
pub(crate) struct Attempt<'a> {
    /// From 1.
    pub(crate) number: u32,
    /// Since the first attempt began.
    pub(crate) elapsed: Duration,
    pub(crate) ending: Ending<'a>,
    pub(crate) now: SystemTime,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending<'a> {
    /// No connection was made: nothing was sent.
    NotSent,
    /// The request may have arrived, but no whole answer came back.
    NoAnswer,
    /// The service answered.
    Answered { status: u16, headers: &'a HeaderMap },
}

impl Ending<'_> {
    fn is_safe_to_repeat(self, operation: &Operation) -> bool {
        match self {
            Self::NotSent => true,
            Self::NoAnswer => operation.idempotent,
            Self::Answered { status: 429, headers } => !is_concurrency_limit(headers),
            Self::Answered { status: 408 | 500..=599, .. } => operation.idempotent,
            Self::Answered { .. } => false,
        }
    }
}

impl Attempt<'_> {
    fn retry_after(&self) -> Option<Duration> {
        match self.ending {
            Ending::Answered { headers, .. } => retry_after(headers, self.now),
            Ending::NotSent | Ending::NoAnswer => None,
        }
    }
}

/// Whether a 429 says that too many projects are running: that does not pass within a pause between attempts.
pub(crate) fn is_concurrency_limit(headers: &HeaderMap) -> bool {
    headers.get("x-cap-reason").is_some_and(|reason| reason.as_bytes().eq_ignore_ascii_case(b"concurrent"))
}

/// The pause that the service asks for: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default()),
    }
}
