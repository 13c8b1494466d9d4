//! The one error of this crate.

mod body;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;

use body::Described;

use crate::attempt::Attempted;
use crate::operation::Operation;
use crate::transport::{Answer, Exchange, Failure, REQUEST_ID, Shared, is_concurrency_limit, retry_after};
use crate::types::Timestamp;
use crate::upload::ResumeToken;

/// How much of a reply's body an error keeps, in bytes.
const KEPT_BODY: usize = 8 << 10;

/// What is shorter, as `resumable` or a date, is no secret, and would be found in what has nothing to do with it.
const SHORTEST_SECRET: usize = 12;

/// A call that failed, and what to do about it.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// match client.get_project("P0000000demo").await {
///     Ok(project) => println!("{:?}", project.stage),
///     Err(error) if error.is_not_found() => println!("no such project"),
///     Err(error) if error.is_rate_limited() => println!("come back in {:?}", error.retry_after()),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// It prints as one line: the operation, the status, the service's own code and message, and the remedy. It never holds
/// the API key, and prints no query string.
pub struct Error(Box<Inner>);

#[derive(Default)]
struct Inner {
    kind: Kind,
    operation: Option<&'static Operation>,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    reset_at: Option<Timestamp>,
    concurrency: bool,
    outcome_unknown: bool,
    attempts: u32,
    elapsed: Duration,
    body: String,
    resume_token: Option<Box<ResumeToken>>,
    attempted: Option<Attempted>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Input,
    Connect,
    Timeout,
    Transport,
    Status,
    Decode,
    Io,
    SourceChanged,
    Corrupt,
    Cancelled,
    InUse,
}

impl Error {
    /// A call or a setting that is wrong before anything is sent.
    pub(crate) fn input(operation: impl Into<Option<&'static Operation>>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { operation: operation.into(), message: Some(message.into()), ..Inner::default() }))
    }

    /// What a workflow found out by itself.
    pub(crate) fn of(kind: Kind, operation: impl Into<Option<&'static Operation>>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, operation: operation.into(), message: Some(message.into()), ..Inner::default() }))
    }

    /// A file of this machine that cannot be read or written; `what` names it.
    pub(crate) fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        let message = format!("{what}: {error}");
        Self(Box::new(Inner { kind: Kind::Io, message: Some(message), source: Some(error.into()), ..Inner::default() }))
    }

    /// What came of an exchange that did not end in a reply that could be used.
    pub(crate) fn from_exchange(operation: &'static Operation, shared: &Shared, exchange: Exchange) -> Self {
        let Exchange { attempts, elapsed, ending, .. } = exchange;
        let mut error = match ending {
            Ok(answer) => Self::from_answer(operation, shared, &answer),
            Err(failure) => Self::from_failure(operation, failure),
        };
        error.0.attempts = attempts;
        error.0.elapsed = elapsed;
        error
    }

    fn from_failure(operation: &'static Operation, failure: Failure) -> Self {
        let outcome_unknown = !operation.idempotent && !failure.is_not_sent();
        let (kind, message, source) = match failure {
            // Connecting can time out, too; what matters is that nothing was sent.
            Failure::Http(error) if error.is_connect() => {
                let host = error.url().and_then(|url| Some(format!(" to {}:{}", url.host_str()?, url.port_or_known_default()?)));
                (Kind::Connect, format!("could not connect{}", host.unwrap_or_default()), Some(error))
            }
            Failure::Http(error) if error.is_timeout() => (Kind::Timeout, "no reply in time".to_owned(), Some(error)),
            Failure::Http(error) if error.is_builder() => (Kind::Input, "the request could not be built".to_owned(), Some(error)),
            Failure::Http(error) => (Kind::Transport, "the connection broke off".to_owned(), Some(error)),
            Failure::TooLarge => (Kind::Transport, "the reply is larger than 64 MiB".to_owned(), None),
            Failure::Redirected => {
                (Kind::Transport, "the HTTP client followed a redirect; build it with `redirect::Policy::none()`".to_owned(), None)
            }
        };
        // The address may carry a query or a signature.
        let source = source.map(|error| error.without_url().into());
        Self(Box::new(Inner { kind, operation: Some(operation), message: Some(message), outcome_unknown, source, ..Inner::default() }))
    }

    pub(crate) fn from_answer(operation: &'static Operation, shared: &Shared, answer: &Answer) -> Self {
        let body = kept(&answer.body, shared);
        let status = answer.status.as_u16();
        let described = Described::read(&body);
        Self(Box::new(Inner {
            kind: Kind::Status,
            operation: Some(operation),
            status: Some(status),
            code: described.code,
            message: described.message,
            request_id: header(&answer.headers, &REQUEST_ID),
            retry_after: retry_after(&answer.headers, shared.clock.system_time()),
            reset_at: described.reset_at,
            concurrency: status == 429 && is_concurrency_limit(&answer.headers),
            // A 302 or a 303 may be the answer to what was done, as forms of web pages get it.
            outcome_unknown: !operation.idempotent && matches!(status, 302 | 303 | 408 | 500..=599),
            body,
            ..Inner::default()
        }))
    }

    /// A success whose body is not what the operation returns.
    pub(crate) fn decode(operation: &'static Operation, shared: &Shared, answer: &Answer, path: &str, problem: &str) -> Self {
        let body = kept(&answer.body, shared);
        let start = one_line(&body).chars().take(80).collect::<String>();
        let at = if path == "." { String::new() } else { format!(" at `{path}`") };
        let message = if body.is_empty() {
            "the reply is empty".to_owned()
        } else {
            format!("the reply cannot be decoded{at}: {problem}; it begins `{start}`")
        };
        Self::unusable(operation, shared, answer, message)
    }

    /// A success that does not say what it has to say.
    pub(crate) fn unusable(operation: &'static Operation, shared: &Shared, answer: &Answer, message: impl Into<String>) -> Self {
        let (body, message) = (kept(&answer.body, shared), message.into());
        let request_id = header(&answer.headers, &REQUEST_ID);
        let outcome_unknown = !operation.idempotent;
        let status = Some(answer.status.as_u16());
        Self(Box::new(Inner {
            kind: Kind::Decode,
            operation: Some(operation),
            status,
            message: Some(message),
            request_id,
            outcome_unknown,
            body,
            ..Inner::default()
        }))
    }

    /// Takes the secrets of a signed address, the values of its query, out of what the other side said: some error pages repeat it.
    pub(crate) fn without_address(mut self, url: &Url) -> Self {
        let raw = url.query().unwrap_or_default().split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()));
        let secrets: Vec<String> =
            raw.chain(url.query_pairs().map(|(_, value)| value.into_owned())).filter(|value| value.len() >= SHORTEST_SECRET).collect();
        let Inner { body, message, code, .. } = self.0.as_mut();
        for text in [Some(body), message.as_mut(), code.as_mut()].into_iter().flatten() {
            for secret in &secrets {
                *text = text.replace(secret, "[redacted]");
            }
        }
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = elapsed;
        self
    }

    pub(crate) fn with_resume_token(mut self, token: Option<ResumeToken>) -> Self {
        self.0.resume_token = token.map(Box::new);
        self
    }

    /// A call of an earlier process, which may have been done.
    pub(crate) fn of_attempt(attempted: Attempted) -> Self {
        let message = Some("an earlier process was interrupted at this call, and what came of it is not known".to_owned());
        let (kind, operation) = (Kind::Transport, Operation::find(attempted.operation()));
        Self(Box::new(Inner { kind, operation, message, outcome_unknown: true, attempted: Some(attempted), ..Inner::default() }))
    }

    /// Says what was done although this went wrong.
    pub(crate) fn in_spite_of(mut self, done: impl fmt::Display) -> Self {
        let message = self.0.message.take().unwrap_or_default();
        self.0.message = Some(format!("{done}, but: {message}"));
        self
    }

    pub(crate) fn is_transport(&self) -> bool {
        self.0.kind == Kind::Transport
    }

    /// Adds what was asked, if the outcome is unknown.
    pub(crate) fn with_asked(mut self, body: &Value, shared: &Shared) -> Self {
        if let (true, Some(operation)) = (self.0.outcome_unknown, self.0.operation) {
            self.0.attempted = Some(Attempted::new(operation, body, shared.clock.as_ref(), self.0.elapsed));
        }
        self
    }

    /// No reply came within the timeout. Whether the request arrived is not known.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// No connection could be made. Nothing was sent.
    ///
    /// # Troubleshooting
    ///
    /// Look at the base URL, at the network, and at a proxy between. The cause is in [`source`](StdError::source).
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.0.kind == Kind::Connect
    }

    /// The call or a setting is wrong. Nothing was sent.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        self.0.kind == Kind::Input
    }

    /// The API key is missing or wrong (401).
    ///
    /// # Troubleshooting
    ///
    /// Keys are made at <https://clip.opus.pro/dashboard>. A key works for one organisation; someone in several sets the
    /// organisation too.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        // The storage never gets the key, so what it refuses is something else.
        self.0.status == Some(401) && self.0.operation.is_none_or(|operation| !operation.storage)
    }

    /// Too many requests in too short a time (429). Nothing was done.
    ///
    /// # Troubleshooting
    ///
    /// [`retry_after`](Self::retry_after) says how long to wait, where the service does. Clients of one process keep to the
    /// limit by themselves; other processes with the same key count too.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.0.status == Some(429) && !self.0.concurrency
    }

    /// Too many projects are running at the same time (429 with `X-Cap-Reason: concurrent`). Nothing was done.
    ///
    /// # Troubleshooting
    ///
    /// Wait until a project is finished; the limit depends on the plan (C21).
    #[must_use]
    pub fn is_concurrency_limited(&self) -> bool {
        self.0.concurrency
    }

    /// The credits of the plan, the monthly cap of the API or a quota is used up. Nothing was done.
    ///
    /// # Troubleshooting
    ///
    /// These are different meters: the plan's credits (402), the API's monthly cap (403, with
    /// [`reset_at`](Self::reset_at)) and quotas such as posts a day (400 with the code `QuotaExceed`).
    #[must_use]
    pub fn is_quota_exhausted(&self) -> bool {
        let code = self.code().unwrap_or_default();
        self.0.status == Some(402)
            || code == "API_MONTHLY_CAP_REACHED"
            || code.starts_with("QuotaExceed")
            || code == "InsufficientCreditError"
    }

    /// What the call names does not exist. The service says so with 404, and in places with 400 and a message.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        let says_so = || self.message().is_some_and(|message| message.to_ascii_lowercase().contains("not found"));
        self.0.status == Some(404) || (self.0.status == Some(400) && says_so())
    }

    /// The service reported success, but its reply is not what the operation returns.
    ///
    /// # Troubleshooting
    ///
    /// The API has changed, or something between answers in its place. [`body`](Self::body) has the reply; the raw call
    /// ([`Client::raw`](crate::Client::raw)) reads it whatever its shape.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.0.kind == Kind::Decode
    }

    /// The service may have done what was asked, and its answer is lost. Repeating the call could do it, and bill it, twice.
    ///
    /// # Troubleshooting
    ///
    /// Look for the result first: the project in the dashboard, the post on the account. [`attempted`](Self::attempted) has what
    /// was asked and since when. Only then call again.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// A file or a stream of this machine could not be read or written.
    ///
    /// # Troubleshooting
    ///
    /// The message names the file. Nothing that was stored is lost: an upload can be resumed, a download is taken up where it was.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// What is being uploaded has changed since the upload began, so that going on would mix two files.
    ///
    /// # Troubleshooting
    ///
    /// Upload the file as it is now from the start.
    #[must_use]
    pub fn is_source_changed(&self) -> bool {
        self.0.kind == Kind::SourceChanged
    }

    /// What arrived is not what was sent: its checksum or its length is another. Nothing was made of it.
    ///
    /// # Troubleshooting
    ///
    /// It has been sent or fetched twice by then. Look at the network, at a proxy between, and at the memory of the machine.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.0.kind == Kind::Corrupt
    }

    /// It was cancelled here.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// Another process or task works on the same thing. Nothing was touched.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.0.kind == Kind::InUse
    }

    /// The same call may succeed later, and repeating it does no harm.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let Inner { kind, status, operation, .. } = self.0.as_ref();
        let idempotent = operation.is_none_or(|operation| operation.idempotent);
        match kind {
            Kind::Connect => true,
            Kind::Timeout | Kind::Transport => idempotent,
            Kind::Status => *status == Some(429) || (idempotent && matches!(status, Some(408 | 500..=599))),
            Kind::Input | Kind::Decode | Kind::Io | Kind::SourceChanged | Kind::Corrupt | Kind::Cancelled | Kind::InUse => false,
        }
    }

    /// The operationId of the call, where there was one.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation.map(|operation| operation.id)
    }

    /// The HTTP status, if a reply came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own code for the error, as `API_MONTHLY_CAP_REACHED` or `InsufficientCreditError`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's own message, or what went wrong here.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The id that the service gave the request, if it gave one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// When the monthly cap starts again.
    #[must_use]
    pub fn reset_at(&self) -> Option<&Timestamp> {
        self.0.reset_at.as_ref()
    }

    /// How many times the request was sent, or tried to.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the call took, pauses between attempts included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// What was asked and since when, where the outcome of a call to the API is unknown.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let call = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A");
    /// if let Err(error) = call.await {
    ///     match error.attempted() {
    ///         Some(attempted) => println!("it may have been done: {attempted}"),
    ///         None => println!("nothing was done: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// For every call that is not safe to repeat; none for the steps of an upload, whose outcome the storage can be asked for.
    #[must_use]
    pub fn attempted(&self) -> Option<&Attempted> {
        self.0.attempted.as_ref()
    }

    /// The body of the reply as text, at most its first 8 KiB, the API key blotted out.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.0.body
    }

    /// What an upload that failed can go on with, by [`Client::resume`](crate::Client::resume).
    #[must_use]
    pub fn resume_token(&self) -> Option<&ResumeToken> {
        self.0.resume_token.as_deref()
    }

    fn remedy(&self) -> Option<&'static str> {
        let remedy = match self.0.status {
            _ if self.is_outcome_unknown() => "it may have been done: look for the result before calling again",
            Some(401) if self.is_unauthorized() => "check the API key",
            _ if self.is_concurrency_limited() => "wait until a running project is finished",
            Some(429) => "wait and call again",
            _ if self.is_quota_exhausted() => "the quota is used up: wait for its reset or change the plan",
            Some(400 | 401 | 403 | 404 | 410)
                if self.0.operation.is_some_and(|operation| operation.storage && operation.method == "GET") =>
            {
                "the link is no longer good: list the clips again"
            }
            Some(400 | 403 | 404 | 410) if self.0.operation.is_some_and(|operation| operation.storage) => {
                "the upload link or session is no longer good: make a new one"
            }
            Some(403) => "the account or the network is not allowed to do this",
            Some(422) => "the service cannot use this source",
            _ if self.is_connect() => "nothing was sent: check the network and the base URL",
            _ => return None,
        };
        Some(remedy)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, operation, status, code, message, request_id, attempts, .. } = self.0.as_ref();
        let mut parts = Vec::new();
        match (kind, status) {
            (Kind::Status, Some(status)) => parts.extend([Some(status.to_string()), code.clone()].into_iter().flatten()),
            (_, status) => parts.extend(status.map(|status| status.to_string())),
        }
        let head = parts.join(" ");
        let mut text: Vec<String> = operation.map(|operation| operation.id.to_owned()).into_iter().collect();
        text.extend((!head.is_empty()).then_some(head));
        text.extend(message.as_deref().map(|message| if *kind == Kind::Input { joined(message) } else { one_line(message) }));
        f.write_str(&text.join(": "))?;
        if let Some(id) = request_id {
            write!(f, " (request {id})")?;
        }
        if *attempts > 1 {
            write!(f, " (after {attempts} attempts)")?;
        }
        self.remedy().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// The same line as [`Display`](fmt::Display), for it is what a `main` that returns an error prints; all fields with `{:#?}`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let Inner {
            kind,
            status,
            code,
            message,
            request_id,
            retry_after,
            reset_at,
            outcome_unknown,
            attempts,
            elapsed,
            attempted,
            body,
            resume_token,
            source,
            ..
        } = self.0.as_ref();
        f.debug_struct("Error")
            .field("kind", kind)
            .field("operation", &self.operation())
            .field("status", status)
            .field("code", code)
            .field("message", message)
            .field("request_id", request_id)
            .field("retry_after", retry_after)
            .field("reset_at", reset_at)
            .field("outcome_unknown", outcome_unknown)
            .field("attempts", attempts)
            .field("elapsed", elapsed)
            .field("body", body)
            .field("resume_token", resume_token)
            .field("attempted", attempted)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// For what others wrote, whose length nobody knows.
fn one_line(text: &str) -> String {
    joined(text).chars().take(400).collect()
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The start of a body as text, without the key, should the service ever echo it.
fn kept(body: &[u8], shared: &Shared) -> String {
    let start = &body[..body.len().min(KEPT_BODY)];
    String::from_utf8_lossy(start).replace(shared.key.secret(), "[redacted]")
}
