//! All HTTP policy: authentication, retries, pacing, limits on what is read, and what is told to `tracing`.

mod clock;
mod pacing;
mod retry;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Request, Response, ResponseBuilderExt, StatusCode, Url};

pub use clock::Clock;
pub(crate) use clock::SystemClock;
pub(crate) use pacing::Pacer;
pub use retry::RetryPolicy;
use retry::{Attempt, Ending};
pub(crate) use retry::{is_concurrency_limit, retry_after};

use crate::operation::Operation;

pub(crate) const ORG_HEADER: HeaderName = HeaderName::from_static("x-opus-org-id");

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A reply is held in memory whole; the largest documented ones are a few hundred kilobytes.
const MAX_REPLY: usize = 64 << 20;

/// What all clones of a client share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Where a request goes instead of on its way.
    pub(crate) held: Option<Arc<Mutex<Option<Request>>>>,
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: Url,
    pub(crate) key: Key,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) pacer: Option<Arc<Pacer>>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The API key. Nothing prints it.
#[derive(Clone)]
pub(crate) struct Key {
    secret: Arc<str>,
    header: HeaderValue,
}

impl Key {
    /// `None` for a key that cannot stand in a header.
    pub(crate) fn new(key: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
        header.set_sensitive(true);
        Some(Self { secret: key.into(), header })
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base_url, key, timeout, retry, pacer, .. } = self;
        let pacing = pacer.is_some();
        f.debug_struct("Shared")
            .field("base_url", &base_url.as_str())
            .field("key", key)
            .field("timeout", timeout)
            .field("retry", retry)
            .field("pacing", &pacing)
            .finish_non_exhaustive()
    }
}

/// What the generated client carries: the shared parts, and the state of one call.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) shared: Arc<Shared>,
    pub(crate) org: Option<HeaderValue>,
    pub(crate) call: Option<Arc<CallState>>,
}

/// What is known of one call beyond its result.
#[derive(Debug, Default)]
pub(crate) struct CallState {
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) accepts_empty: bool,
    pub(crate) exchange: Mutex<Option<Exchange>>,
}

/// All attempts of one call.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) attempts: u32,
    /// Whether an attempt before the last one may have been carried out.
    pub(crate) is_repeated: bool,
    pub(crate) elapsed: Duration,
    pub(crate) ending: Result<Answer, Failure>,
}

/// A whole reply.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection or the reading of the reply failed.
    Http(reqwest::Error),
    /// The reply is larger than what is held in memory.
    TooLarge,
    /// A client of the caller's own followed a redirect.
    Redirected,
}

impl Failure {
    /// Whether the request cannot have left this machine.
    pub(crate) fn is_not_sent(&self) -> bool {
        matches!(self, Self::Http(error) if error.is_connect() || error.is_builder())
    }
}

impl Shared {
    /// Sends a request to the API, again where that is safe.
    pub(crate) async fn execute(&self, http: &reqwest::Client, request: Request, operation: &'static Operation) -> Exchange {
        if let Some(held) = &self.held {
            *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
            let answer = Answer { status: StatusCode::SERVICE_UNAVAILABLE, headers: HeaderMap::new(), body: Bytes::new() };
            return Exchange { attempts: 0, is_repeated: false, elapsed: Duration::ZERO, ending: Ok(answer) };
        }
        let mut attempts = 0;
        let mut current = request;
        // Waiting for the first place is not trying.
        let (mut began, mut is_repeated) = (None, false);
        loop {
            attempts += 1;
            let again = if attempts < self.retry.max_attempts { current.try_clone() } else { None };
            if let Some(pacer) = &self.pacer {
                pacer.wait(&operation.rate, self.clock.as_ref()).await;
            }
            let started = *began.get_or_insert_with(|| self.clock.now());
            let ending = self.attempt(http, current).await;
            let elapsed = self.clock.now().saturating_duration_since(started);
            let kind = match &ending {
                Ok(answer) => Ending::Answered { status: answer.status.as_u16(), headers: &answer.headers },
                Err(failure) if failure.is_not_sent() => Ending::NotSent,
                Err(_) => Ending::NoAnswer,
            };
            let attempt = Attempt { number: attempts, elapsed, ending: kind, now: self.clock.system_time() };
            let pause = self.retry.next(operation, &attempt, self.clock.random());
            trace(operation, attempts, elapsed, &ending, pause);
            match (pause, again) {
                (Some(pause), Some(again)) => {
                    is_repeated |= match &ending {
                        Ok(answer) => answer.status == StatusCode::REQUEST_TIMEOUT || answer.status.is_server_error(),
                        Err(failure) => !failure.is_not_sent(),
                    };
                    self.clock.sleep(pause).await;
                    current = again;
                }
                _ => return Exchange { attempts, is_repeated, elapsed, ending },
            }
        }
    }

    /// Sends one request and reads the whole reply, so that a reply that breaks off counts as none.
    pub(crate) async fn attempt(&self, http: &reqwest::Client, request: Request) -> Result<Answer, Failure> {
        let asked = request.url().clone();
        let mut response = http.execute(request).await.map_err(Failure::Http)?;
        if response.url() != &asked {
            return Err(Failure::Redirected);
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = match response.content_length() {
            Some(length) if length <= MAX_REPLY as u64 => response.bytes().await.map_err(Failure::Http)?,
            _ => read_bounded(response).await?,
        };
        Ok(Answer { status, headers, body })
    }

    /// Gives a request what every call to the API carries.
    pub(crate) fn prepare(&self, request: &mut Request, org: Option<&HeaderValue>) {
        request.timeout_mut().get_or_insert(self.timeout);
        let bodyless = request.body().is_none() && [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.key.header.clone());
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        if let Some(org) = org {
            headers.entry(ORG_HEADER).or_insert_with(|| org.clone());
        }
        if bodyless {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}

async fn read_bounded(mut response: Response) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::Http)? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn trace(operation: &Operation, attempt: u32, elapsed: Duration, ending: &Result<Answer, Failure>, pause: Option<Duration>) {
    let answer = ending.as_ref().ok();
    let status = answer.map(|answer| answer.status.as_u16());
    let request_id = answer.and_then(|answer| answer.headers.get(REQUEST_ID)?.to_str().ok());
    let retry_in = pause.map(tracing::field::debug);
    tracing::debug!(operation = operation.id, attempt, status, ?elapsed, retry_in, request_id, "attempt");
}

/// Every operation of the generated client passes here.
impl ClientHooks<Scope> for crate::api::Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), progenitor_client::Error<E>> {
        let scope = self.inner();
        scope.shared.prepare(request, scope.org.as_ref());
        Ok(())
    }

    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let scope = self.inner();
        let known = scope.call.as_ref().and_then(|call| call.operation).or_else(|| Operation::find(info.operation_id));
        let Some(operation) = known else { return self.client().execute(request).await };
        let mut exchange = scope.shared.execute(self.client(), request, operation).await;
        let Some(call) = &scope.call else {
            // Someone uses the generated client itself: there is nobody to tell more than reqwest can say.
            return match exchange.ending {
                Ok(answer) => Ok(answer.response(answer.headers.clone(), &scope.shared)),
                Err(Failure::Http(error)) => Err(error),
                Err(Failure::TooLarge | Failure::Redirected) => Ok(stand_in()),
            };
        };
        let response = match &mut exchange.ending {
            Ok(answer) => {
                if call.accepts_empty && answer.status.is_success() && answer.body.is_empty() {
                    answer.body = Bytes::from_static(b"null");
                }
                // The call takes the value only; what an error needs of the headers stays with the exchange.
                answer.response(HeaderMap::new(), &scope.shared)
            }
            // The call reads the failure from the exchange; this stands in for the reply that there is not.
            Err(_) => stand_in(),
        };
        *call.exchange.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
        Ok(response)
    }
}

impl Answer {
    /// The reply for the generated client, with these headers.
    fn response(&self, headers: HeaderMap, shared: &Shared) -> Response {
        // Without an address reqwest would parse one that it makes up.
        let builder = http::Response::builder().url(shared.base_url.clone());
        let mut response = builder.body(self.body.clone()).unwrap_or_default();
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        Response::from(response)
    }
}

fn stand_in() -> Response {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    Response::from(response)
}

/// How long ago `started` was, by the client's clock.
pub(crate) fn since(clock: &dyn Clock, started: Instant) -> Duration {
    clock.now().saturating_duration_since(started)
}
