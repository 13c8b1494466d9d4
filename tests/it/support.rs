//! A clock that tests hold in their hand, and a client that uses it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use opusclip::{Client, ClientBuilder, Clock, RetryPolicy};
use opusclip_sandbox::{Sandbox, SandboxBuilder};
use wiremock::{MockServer, Request};

pub(crate) const KEY: &str = "sk-test_0123456789abcdef";

/// Time that passes only while someone sleeps, and at once; sleeps are written down.
#[derive(Debug)]
pub(crate) struct FakeClock {
    start: Instant,
    state: Mutex<(Duration, Vec<Duration>)>,
}

impl FakeClock {
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise; it never moves on by itself here")]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), state: Mutex::default() })
    }

    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.state.lock().unwrap().1.clone()
    }
}

/// 2026-06-01T00:00:00Z.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.start + self.state.lock().unwrap().0
    }

    fn system_time(&self) -> SystemTime {
        noon() + self.state.lock().unwrap().0
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut state = self.state.lock().unwrap();
        state.0 += duration;
        state.1.push(duration);
        Box::pin(async {})
    }

    fn random(&self) -> f64 {
        0.5
    }
}

pub(crate) fn builder(server: &MockServer) -> ClientBuilder {
    Client::builder(KEY).with_base_url(server.uri()).with_pacing(false)
}

/// One attempt, no pacing.
pub(crate) fn client(server: &MockServer) -> Client {
    builder(server).with_retry(RetryPolicy::never()).build().unwrap()
}

pub(crate) async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

pub(crate) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

/// The client's time is the sandbox's: to sleep is to let it pass.
#[derive(Debug)]
struct Together {
    sandbox: Arc<Sandbox>,
    base: (Instant, SystemTime),
}

impl Clock for Together {
    fn now(&self) -> Instant {
        self.base.0 + self.sandbox.now().duration_since(self.base.1).unwrap_or_default()
    }

    fn system_time(&self) -> SystemTime {
        self.sandbox.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sandbox.advance(duration);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// A clock that is the sandbox's.
pub(crate) fn clock_of(sandbox: &Arc<Sandbox>) -> Arc<dyn Clock> {
    #[allow(clippy::disallowed_methods, reason = "some instant to count from")]
    Arc::new(Together { sandbox: Arc::clone(sandbox), base: (Instant::now(), sandbox.now()) })
}

/// A sandbox and a client of it that tries everything once, on one clock.
pub(crate) async fn together(builder: SandboxBuilder) -> (Arc<Sandbox>, Client) {
    let sandbox = Arc::new(builder.with_speed(0.0).start().await.unwrap());
    let client = sandbox.client_builder().with_clock(clock_of(&sandbox)).with_retry(RetryPolicy::never()).build().unwrap();
    (sandbox, client)
}
