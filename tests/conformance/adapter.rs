//! The typed client as the subject of the harness: nothing here knows a single operation.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use opusclip::operation::Operation;
use opusclip::types::Timestamp;
use opusclip::{Client, Clock, Error, RetryPolicy};
use opusclip_conformance::options::Options;
use opusclip_conformance::subject::{Call, Failure, FailureClass, Outcome, Subject};
use opusclip_conformance::waivers::Waivers;
use serde_json::{Map, Value, json};

pub(crate) const KEY: &str = "sk-test_0123456789abcdef";

/// A client for each call, on one connection pool and at one moment.
pub(crate) struct Typed {
    http: reqwest::Client,
    clock: Arc<StoppedClock>,
}

impl Typed {
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise; it never moves on here")]
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let clock = Arc::new(StoppedClock(Instant::now()));
        Self { http: http.expect("an HTTP client without TLS settings can always be built"), clock }
    }
}

/// 2026-01-01T00:00:00Z for ever, so that the dates of fixtures stay in the past or in the future.
#[derive(Debug)]
struct StoppedClock(Instant);

impl Clock for StoppedClock {
    fn now(&self) -> Instant {
        self.0
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    fn random(&self) -> f64 {
        0.5
    }
}

impl Subject for Typed {
    async fn call(&self, call: Call<'_>) -> Outcome {
        let builder = Client::builder(KEY).with_base_url(call.base_url).with_http_client(self.http.clone());
        let builder = builder.with_clock(Arc::<StoppedClock>::clone(&self.clock));
        let client = match builder.with_pacing(false).with_retry(RetryPolicy::never()).build() {
            Ok(client) => client,
            Err(error) => return Outcome::Failed(failure(&error)),
        };
        match client.dispatch(call.operation, call.input).await {
            // What the storage says stands in headers; its bodies are empty, and nothing of them is kept.
            Ok(reply) if Operation::find(call.operation).is_some_and(|operation| operation.storage) => {
                Outcome::Decoded { type_name: reply.type_name, value: Value::Null, details: details(reply.value) }
            }
            Ok(reply) => Outcome::Decoded { type_name: reply.type_name, value: reply.value, details: Map::new() },
            Err(error) => Outcome::Failed(failure(&error)),
        }
    }
}

fn details(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(details) => details,
        _ => Map::new(),
    }
}

pub(crate) fn failure(error: &Error) -> Failure {
    let class = if error.is_invalid_input() {
        FailureClass::Rejected
    } else if error.is_decode() {
        FailureClass::DecodeError
    } else if error.status().is_some() {
        FailureClass::ApiError
    } else {
        FailureClass::TransportError
    };
    let predicates = [
        ("connect", error.is_connect()),
        ("timeout", error.is_timeout()),
        ("unauthorized", error.is_unauthorized()),
        ("rate-limited", error.is_rate_limited()),
        ("concurrency-limited", error.is_concurrency_limited()),
        ("quota-exhausted", error.is_quota_exhausted()),
        ("not-found", error.is_not_found()),
        ("outcome-unknown", error.is_outcome_unknown()),
        ("retryable", error.is_retryable()),
    ];
    let is: Vec<&str> = predicates.into_iter().filter_map(|(name, holds)| holds.then_some(name)).collect();
    let mut details = Map::new();
    details.insert("is".to_owned(), json!(is));
    let optional = [
        ("retryAfter", error.retry_after().map(seconds)),
        ("resetAt", error.reset_at().map(|at| json!(at.as_str()))),
        ("requestId", error.request_id().map(|id| json!(id))),
    ];
    details.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Failure {
        class,
        status: error.status(),
        code: error.code().map(str::to_owned),
        message: error.message().map(str::to_owned),
        details,
        display: error.to_string(),
        debug: format!("{error:#?}"),
    }
}

fn seconds(pause: Duration) -> Value {
    if pause.subsec_nanos() == 0 { json!(pause.as_secs()) } else { json!(pause.as_secs_f64()) }
}

/// Paths from the package's folder: findings print them, and no machine's own path may be in a report.
pub(crate) fn paths() -> (&'static Path, &'static Path, PathBuf) {
    (Path::new("openapi.yaml"), Path::new("tests/fixtures"), PathBuf::from("tests/waivers.yaml"))
}

pub(crate) fn options() -> Options {
    Options {
        secrets: vec![KEY.to_owned()],
        reproduce: Some("cargo test --test conformance -- {fixture}".to_owned()),
        ..Options::default()
    }
}

/// The waivers, if there are any, judged by today's date.
#[allow(clippy::disallowed_methods, reason = "today's date decides whether a waiver has expired")]
pub(crate) fn waivers() -> Result<Waivers, String> {
    let (.., file) = paths();
    if !file.exists() {
        return Ok(Waivers::none());
    }
    let now = Timestamp::from(SystemTime::now());
    let today = now.as_str().get(..10).and_then(|date| date.parse().ok()).ok_or("the system's clock gives no date")?;
    Waivers::load(&file, today).map_err(|error| error.to_string())
}
