//! What happens to a request: routing, faults, authentication, limits, validation, effect, and the entry in the journal.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use opusclip::operation::Operation;
use opusclip_conformance::exchange;
use opusclip_conformance::spec::Violation;
use serde_json::Value;

use crate::api::{self, Call};
use crate::cdn;
use crate::clock::Clock;
use crate::control;
use crate::core::Core;
use crate::distort;
use crate::fault::{Action, Shape, Trouble};
use crate::journal::{Entry, KEPT_BODY, KEPT_VIOLATIONS};
use crate::reply::{Payload, Reply};
use crate::server::{Connection, End, Outgoing};
use crate::world;
use crate::{storage, upload};

/// What an error says that a fault asked for.
pub(crate) const ASKED: &str = "This error was asked for";

/// Nobody has a longer key; the limits remember keys.
const LONGEST_KEY: usize = 256;

/// What the sandbox found wrong with a request stands in this header.
pub(crate) const VIOLATION: &str = "x-sandbox-violation";

/// The request as text, without its body.
pub(crate) struct Ask {
    pub(crate) method: String,
    /// Percent-encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: exchange::Headers,
}

impl Ask {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().map(form).unwrap_or_default();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query,
            headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        }
    }

    /// The sandbox as the client calls it, so that links lead back by the same way.
    pub(crate) fn base(&self, core: &Core) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".:-[]_".contains(c);
        match self.header("host").filter(|host| !host.is_empty() && host.chars().all(plain)) {
            Some(host) => format!("http://{host}"),
            None => core.base.clone(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        exchange::header(&self.headers, name)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn request(&self, body: &[u8]) -> exchange::Request {
        exchange::Request {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: exchange::Body(body.to_vec()),
        }
    }
}

fn form(query: &str) -> Vec<(String, String)> {
    let address = reqwest::Url::parse(&format!("http://localhost/?{query}"));
    address.map(|address| address.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// An answer on its way out, perhaps broken.
struct Outcome {
    reply: Reply,
    end: End,
    /// What of the body is sent.
    sent: Option<u64>,
    /// Headers that a fault sets or takes away, after all others.
    headers: Vec<(String, Option<String>)>,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { reply, end: End::Done, sent: None, headers: Vec::new() }
    }
}

/// Answers a request; an error breaks the connection.
pub(crate) async fn respond(core: Arc<Core>, connection: Connection, request: Request<Incoming>) -> Result<Response<Outgoing>, io::Error> {
    let started = Clock::real();
    let (parts, mut body) = request.into_parts();
    let ask = Ask::of(&parts);
    if ask.path == control::PREFIX || ask.path.starts_with(&format!("{}/", control::PREFIX)) {
        let reply = match read(&mut body, core.settings.limits.body, core.settings.body_time).await {
            Ok(body) => control::answer(&core, &ask, &body),
            Err(reply) => reply,
        };
        core.log(&format!("{} {} {} {}", core.stamp(), ask.method, ask.path, reply.status));
        return Ok(response(&core, reply.into()));
    }
    let target = parts.uri.path_and_query().map_or_else(|| ask.path.clone(), ToString::to_string);
    let entry = Entry { at: core.stamp(), method: ask.method.clone(), target, ..Entry::default() };
    let mut pending = Pending { core: Arc::clone(&core), started, entry: Some(entry) };
    let outcome = route(&core, &connection, ask, &mut body, &mut pending).await;
    if let Some(mut entry) = pending.entry.take().filter(is_open) {
        entry.status = outcome.as_ref().ok().map(|outcome| outcome.reply.status);
        core.note(entry, Some(started.elapsed()));
    }
    outcome.map(|outcome| response(&core, outcome))
}

/// A request that has not ended. One whose client leaves ends too, and is noted then.
struct Pending {
    core: Arc<Core>,
    started: Instant,
    entry: Option<Entry>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take().filter(is_open) {
            left(&self.core, entry, self.started.elapsed());
        }
    }
}

/// An entry that was noted early leaves an empty one behind.
fn is_open(entry: &Entry) -> bool {
    !entry.method.is_empty()
}

fn left(core: &Core, mut entry: Entry, elapsed: Duration) {
    entry.note.get_or_insert("the client left".to_owned());
    core.note(entry, Some(elapsed));
}

async fn route(
    core: &Arc<Core>,
    connection: &Connection,
    ask: Ask,
    body: &mut Incoming,
    pending: &mut Pending,
) -> Result<Outcome, io::Error> {
    let mut nowhere = Entry::default();
    let entry = pending.entry.as_mut().unwrap_or(&mut nowhere);
    let found = core.rules.spec.operation_for(&ask.method, &ask.path).and_then(|found| Operation::find(&found.id));
    let is_file = ask.path.starts_with(cdn::PREFIX);
    entry.operation = if is_file { "cdn".to_owned() } else { found.map_or_else(String::new, |operation| operation.id.to_owned()) };
    let trouble = core.faults.strike(&entry.operation);
    if !trouble.names.is_empty() {
        entry.fault = Some(trouble.names.join(" "));
    }
    if trouble.actions.contains(&Action::Reset) {
        return Err(connection.reset());
    }
    let delay: Duration = trouble.actions.iter().map(|action| if let Action::Delay(time) = action { *time } else { Duration::ZERO }).sum();
    let called = match found {
        Some(operation) if !operation.storage && !is_file => Some(operation),
        _ => None,
    };
    let reply = match called {
        Some(operation) => match read(body, core.settings.limits.body, core.settings.body_time).await {
            Err(reply) => reply,
            Ok(bytes) => {
                let refused = status(core, called, &trouble, Shape::Documented);
                let work = Work { ask, operation, bytes, refused };
                if delay.is_zero() { work.run(core, entry) } else { later(core, work, delay, pending).await? }
            }
        },
        None => {
            Clock::pause(delay).await;
            match (found, is_file) {
                (_, true) => status(core, None, &trouble, Shape::Xml).unwrap_or_else(|| {
                    let is_uploaded = |upload: &str| core.storage.finished(upload).is_some();
                    cdn::serve(&core.world(), core.clock.now(), is_uploaded, &ask)
                }),
                (Some(operation), _) => upload::step(core, connection, &ask, operation, &trouble, body, entry).await?,
                (None, _) if ask.path.starts_with(storage::PREFIX) => match core.rules.spec.operation_for("PUT", &ask.path) {
                    Some(_) => Reply::xml(405, "MethodNotAllowed", "The storage takes POST, PUT and DELETE")
                        .with_header("allow", "POST, PUT, DELETE"),
                    None => Reply::xml(404, "NoSuchBucket", "There is nothing here"),
                },
                (None, _) => {
                    entry.note = Some("openapi.yaml has no such operation".to_owned());
                    Reply::framework(404, format!("Cannot {} {}", ask.method, ask.path))
                }
            }
        }
    };
    if let (Some(operation), Some(entry)) = (found.filter(|_| core.settings.check_replies), pending.entry.as_mut()) {
        entry.violations.extend(departures(core, operation, &reply).iter().map(|violation| describe(core, operation, violation)));
    }
    finish(core, connection, reply, &trouble)
}

/// A call of the API that has arrived whole.
struct Work {
    ask: Ask,
    operation: &'static Operation,
    bytes: Bytes,
    /// What a fault answers instead.
    refused: Option<Reply>,
}

impl Work {
    fn run(self, core: &Core, entry: &mut Entry) -> Reply {
        self.refused.unwrap_or_else(|| called(core, &self.ask, self.operation, &self.bytes, entry))
    }
}

/// Does the work after a while, whether the client waits for it or not: leaving does not undo a request.
async fn later(core: &Arc<Core>, work: Work, delay: Duration, pending: &mut Pending) -> Result<Reply, io::Error> {
    let gone = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let mut entry = pending.entry.take().ok_or_else(gone)?;
    let (started, core) = (pending.started, Arc::clone(core));
    let (answer, answered) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut closing = core.closing.subscribe();
        if tokio::time::timeout(delay, closing.wait_for(|closing| *closing)).await.is_ok() {
            return;
        }
        let reply = work.run(&core, &mut entry);
        if let Err((_, entry)) = answer.send((reply, entry)) {
            left(&core, entry, started.elapsed());
        }
    });
    let (reply, entry) = answered.await.map_err(|_| gone())?;
    pending.entry = Some(entry);
    Ok(reply)
}

/// How an answer of the sandbox departs from the spec.
fn departures(core: &Core, operation: &Operation, reply: &Reply) -> Vec<Violation> {
    let Some(documented) = core.rules.spec.operation(operation.id) else { return Vec::new() };
    let own = reply.headers.iter().filter(|(name, _)| name != VIOLATION).cloned();
    let content_type = reply.body.content_type().map(|kind| ("content-type".to_owned(), kind.to_owned()));
    let response = exchange::Response {
        status: reply.status,
        headers: own.chain(content_type).collect(),
        body: exchange::Body(reply.body.bytes().to_vec()),
    };
    core.rules.spec.check_response(documented, &response)
}

/// What a fault answers instead.
pub(crate) fn status(core: &Core, operation: Option<&'static Operation>, trouble: &Trouble, usual: Shape) -> Option<Reply> {
    let (code, shape) = trouble.actions.iter().find_map(|action| match action {
        Action::Status(code, shape) => Some((*code, if *shape == Shape::Documented { usual } else { *shape })),
        _ => None,
    })?;
    Some(match shape {
        Shape::Service => Reply::service(code, "SandboxError", ASKED),
        Shape::Framework => Reply::framework(code, ASKED),
        Shape::Cap => {
            let mut reply = Reply::monthly_cap(world::month(core.clock.now()).1);
            reply.status = code;
            reply
        }
        Shape::Text => Reply::text(code, ASKED),
        Shape::Html => Reply::html(code),
        Shape::Xml => Reply::xml(code, "SandboxError", ASKED),
        Shape::Empty => Reply::new(code, Payload::Empty),
        Shape::Documented => match code {
            401 => Reply::unauthorized(),
            403 if operation.is_some_and(|operation| operation.billed) => Reply::monthly_cap(world::month(core.clock.now()).1),
            404 => Reply::service(404, "NotFound", "Not found"),
            429 => Reply::rate_limited(Duration::from_secs(1)),
            503 => Reply::service(503, "ServiceUnavailable", "Try again later").with_header("retry-after", "1"),
            502 | 504 => Reply::html(code),
            _ => Reply::service(code, "SandboxError", ASKED),
        },
    })
}

/// What faults do to an answer that is ready.
fn finish(core: &Core, connection: &Connection, reply: Reply, trouble: &Trouble) -> Result<Outcome, io::Error> {
    let mut outcome = Outcome::from(reply);
    for action in &trouble.actions {
        let reply = &mut outcome.reply;
        if let Payload::Json(body) = &mut reply.body
            && (200..300).contains(&reply.status)
        {
            let value = body.take();
            *body = match action {
                Action::Envelope(envelope) => distort::envelope(value, *envelope),
                Action::SnakeCase => distort::snake_case(value),
                Action::UnknownEnum => distort::unknown_enum(value, &core.rules.enums),
                Action::NoExportLinks => distort::no_export_links(value),
                _ => value,
            };
        }
        match action {
            Action::Lost => return Err(connection.reset()),
            Action::Empty => outcome.reply = Reply::new(200, Payload::Empty),
            Action::Header(name, value) => outcome.headers.push((name.clone(), value.clone())),
            Action::Stall(bytes) => (outcome.end, outcome.sent) = (End::Stall, Some(*bytes)),
            Action::Cut(bytes) => (outcome.end, outcome.sent) = (End::Break, Some(*bytes)),
            _ => {}
        }
    }
    Ok(outcome)
}

fn response(core: &Core, outcome: Outcome) -> Response<Outgoing> {
    let Outcome { reply, end, sent, headers: forced } = outcome;
    let bytes = reply.body.bytes();
    let length = bytes.len();
    let part = sent.and_then(|sent| usize::try_from(sent).ok()).map_or_else(|| bytes.clone(), |sent| bytes.slice(..sent.min(length)));
    let lies = forced.iter().any(|(name, _)| name == "content-length");
    let mut response = Response::new(Outgoing::new(part, end, !lies));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let length = (![204, 304].contains(&reply.status)).then(|| ("content-length".to_owned(), Some(length.to_string())));
    let own = [
        ("date".to_owned(), Some(httpdate::fmt_http_date(core.clock.now()))),
        ("content-type".to_owned(), reply.body.content_type().map(str::to_owned)),
    ];
    let given = reply.headers.into_iter().map(|(name, value)| (name, Some(value)));
    let headers = response.headers_mut();
    for (name, value) in own.into_iter().chain(length).chain(given).chain(forced) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        match value.map(|value| HeaderValue::from_str(&value)) {
            Some(Ok(value)) => drop(headers.insert(name, value)),
            _ => drop(headers.remove(name)),
        }
    }
    response
}

/// A whole body, if it is small enough and comes in time.
pub(crate) async fn read(body: &mut Incoming, limit: usize, time: Duration) -> Result<Bytes, Reply> {
    let whole = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Reply::framework(400, format!("The body could not be read: {error}")))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > limit {
                return Err(Reply::framework(413, "request entity too large").with_header("connection", "close"));
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes.freeze())
    };
    let late = || Reply::framework(408, "The body took too long").with_header("connection", "close");
    tokio::time::timeout(time, whole).await.unwrap_or_else(|_| Err(late()))
}

/// An operation of the API.
fn called(core: &Core, ask: &Ask, operation: &'static Operation, body: &[u8], entry: &mut Entry) -> Reply {
    let now = core.clock.now();
    let Some(key) = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer ")) else {
        entry.note = Some("expected the header `Authorization: Bearer KEY`".to_owned());
        return Reply::unauthorized();
    };
    if !is_known(&core.settings.keys, key) {
        entry.note = Some("the API key is not known; it begins with `sk-`, unless the sandbox was given others".to_owned());
        return Reply::unauthorized();
    }
    if body.len() <= KEPT_BODY {
        entry.body = serde_json::from_slice(body).ok();
    } else {
        entry.note = Some(format!("a body of {} bytes, which is not kept", body.len()));
    }
    core.first_key.get_or_init(|| key.to_owned());
    let reply = admitted(core, ask, operation, key, body, entry);
    let (month, next_month) = world::month(now);
    let (used, limit) = (core.world().used(month), core.settings.limits.credits);
    let reset = next_month.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    reply
        .with_header("x-ratelimit-limit", limit.to_string())
        .with_header("x-ratelimit-remaining", limit.saturating_sub(used).to_string())
        .with_header("x-ratelimit-reset", reset.as_secs().to_string())
}

fn is_known(keys: &[String], key: &str) -> bool {
    if key.len() > LONGEST_KEY {
        return false;
    }
    if keys.is_empty() { key.len() > 3 && key.starts_with("sk-") } else { keys.iter().any(|known| known == key) }
}

fn admitted(core: &Core, ask: &Ask, operation: &'static Operation, key: &str, body: &[u8], entry: &mut Entry) -> Reply {
    let now = core.clock.now();
    if core.settings.limits.rates
        && let Err(wait) = core.rates.admit(key, &operation.rate, now)
    {
        entry.note =
            Some(format!("more than {} calls of `{}` in {} s", operation.rate.requests, operation.rate.class, operation.rate.seconds));
        return Reply::rate_limited(wait);
    }
    let spec = &core.rules.spec;
    let Some(documented) = spec.operation(operation.id) else { return Reply::framework(404, "Not Found") };
    let found = spec.check_request(documented, &ask.request(body));
    let (fatal, tolerated): (Vec<Violation>, Vec<Violation>) =
        found.into_iter().partition(|violation| is_fatal(core, operation, violation));
    let told = |violation: &Violation| describe(core, operation, violation);
    entry.violations = fatal.iter().chain(&tolerated).map(told).collect();
    if let Some(first) = entry.violations.first().filter(|_| !fatal.is_empty()) {
        return refusal(core, operation, &fatal).with_header(VIOLATION, printable(first));
    }
    let path = documented.match_path(&ask.path).unwrap_or_default();
    let base = ask.base(core);
    let call = Call { operation, path: &path, ask, body, now, base: &base, settings: &core.settings, storage: &core.storage };
    let reply = api::answer(&mut core.world(), &call);
    entry.effect = reply.is_success();
    if entry.effect {
        core.agenda.notify_one();
    }
    reply
}

/// Whether a departure from the spec is refused. Headers that are not documented never are: proxies and HTTP libraries add
/// them. A lenient sandbox also lets pass what the service would ignore.
pub(crate) fn is_fatal(core: &Core, operation: &Operation, violation: &Violation) -> bool {
    let is_unknown = violation.message.contains("is not documented");
    let is_header = violation.at.starts_with("/request/headers/");
    match violation.check {
        "F207" => false,
        "F206" if is_header && is_unknown => operation.storage && violation.at.ends_with("/authorization"),
        // The storage has been seen to take other types too.
        "F208" if operation.storage => false,
        // Without `q` these two have been answered.
        "F205" if core.settings.lenient && ["list_brand_templates", "list_clips"].contains(&operation.id) => {
            !(is_unknown || violation.message == "the required query parameter `q` is missing")
        }
        _ => !(core.settings.lenient && is_unknown),
    }
}

pub(crate) fn describe(core: &Core, operation: &Operation, violation: &Violation) -> String {
    let place = core.rules.spec.locate(&violation.spec_at).map(|at| format!(" (openapi.yaml:{})", at.line)).unwrap_or_default();
    format!("{} {} {}: {}{place}", violation.check, operation.id, violation.at, violation.message)
}

/// 400 in whichever form the spec documents for the operation.
fn refusal(core: &Core, operation: &Operation, fatal: &[Violation]) -> Reply {
    let messages: Vec<Value> =
        fatal.iter().take(KEPT_VIOLATIONS).map(|violation| format!("{}: {}", violation.at, violation.message).into()).collect();
    let text = messages.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    let framework = Reply::framework(400, messages);
    if departures(core, operation, &framework).is_empty() { framework } else { Reply::service(400, "InvalidParam", text) }
}

/// As a header value.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(1000).collect()
}
