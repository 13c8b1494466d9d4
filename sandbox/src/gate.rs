//! What happens to a request: routing, faults, authentication, limits, validation, effect, and the entry in the journal.

use std::io;
use std::sync::Arc;
use std::time::Duration;

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
use crate::journal::Entry;
use crate::reply::{Payload, Reply};
use crate::server::{Connection, End, Outgoing};
use crate::storage::{self, Range, Start};
use crate::world;

/// A body that brings nothing for so long is given up.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How long a stalled upload is held.
const STALL_TIME: Duration = Duration::from_secs(600);

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
        let query = parts.uri.query().map(|query| form(query)).unwrap_or_default();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query,
            headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        exchange::header(&self.headers, name)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn request(&self, body: &[u8]) -> exchange::Request {
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
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { reply, end: End::Done, sent: None }
    }
}

/// Answers a request; an error breaks the connection.
pub(crate) async fn respond(core: Arc<Core>, connection: Connection, request: Request<Incoming>) -> Result<Response<Outgoing>, io::Error> {
    let started = Clock::real();
    let (parts, mut body) = request.into_parts();
    let ask = Ask::of(&parts);
    if ask.path == control::PREFIX || ask.path.starts_with(&format!("{}/", control::PREFIX)) {
        let reply = match read(&mut body, core.settings.limits.body).await {
            Ok(body) => control::answer(&core, &ask, &body),
            Err(reply) => reply,
        };
        return Ok(response(reply.into()));
    }
    let target = parts.uri.path_and_query().map_or_else(|| ask.path.clone(), ToString::to_string);
    let mut entry = Entry { at: core.stamp(), method: ask.method.clone(), target, ..Entry::default() };
    let outcome = match route(&core, &connection, &ask, &mut body, &mut entry).await {
        Ok(outcome) => {
            entry.status = Some(outcome.reply.status);
            Ok(response(outcome))
        }
        Err(broken) => Err(broken),
    };
    if core.settings.log {
        log(&entry, started.elapsed());
    }
    core.journal.push(entry);
    outcome
}

#[allow(clippy::print_stderr, reason = "the program's log")]
fn log(entry: &Entry, elapsed: Duration) {
    let Entry { at, method, target, status, operation, violations, fault, note, .. } = entry;
    let status = status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let operation = if operation.is_empty() { "(no operation)" } else { operation };
    let mut line = format!("{at} {method} {target} {status} {operation} {:.1} ms", elapsed.as_secs_f64() * 1000.0);
    for (label, text) in [("fault", fault), ("note", note)] {
        if let Some(text) = text {
            line.push_str(&format!(" [{label}: {text}]"));
        }
    }
    for violation in violations {
        line.push_str(&format!("\n    {violation}"));
    }
    // Control characters of a request shall not reach a terminal.
    let line: String = line.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    eprintln!("{line}");
}

async fn route(core: &Core, connection: &Connection, ask: &Ask, body: &mut Incoming, entry: &mut Entry) -> Result<Outcome, io::Error> {
    let found = core.rules.spec.operation_for(&ask.method, &ask.path).and_then(|found| Operation::find(&found.id));
    let is_file = ask.path.starts_with(cdn::PREFIX);
    entry.operation = if is_file { "cdn".to_owned() } else { found.map_or_else(String::new, |operation| operation.id.to_owned()) };
    let trouble = core.faults.strike(&entry.operation);
    if !trouble.names.is_empty() {
        entry.fault = Some(trouble.names.join(" "));
    }
    for action in &trouble.actions {
        match action {
            Action::Delay(time) => Clock::pause(*time).await,
            Action::Reset => return Err(connection.reset()),
            _ => {}
        }
    }
    let reply = match (found, is_file) {
        (_, true) => match status(core, None, &trouble, Shape::Xml) {
            Some(reply) => reply,
            None => file(core, ask),
        },
        (Some(operation), _) if operation.storage => stored(core, connection, ask, operation, &trouble, body, entry).await?,
        (None, _) if ask.path.starts_with(storage::PREFIX) => Reply::xml(405, "MethodNotAllowed", "The storage takes POST, PUT and DELETE"),
        (None, _) => {
            entry.note = Some("openapi.yaml has no such operation".to_owned());
            Reply::framework(404, format!("Cannot {} {}", ask.method, ask.path))
        }
        (Some(operation), _) => {
            let bytes = read(body, core.settings.limits.body).await;
            match (bytes, status(core, Some(operation), &trouble, Shape::Documented)) {
                (Err(reply), _) => reply,
                (Ok(_), Some(reply)) => reply,
                (Ok(bytes), None) => called(core, ask, operation, &bytes, entry),
            }
        }
    };
    finish(core, connection, reply, &trouble)
}

/// What a fault answers instead.
fn status(core: &Core, operation: Option<&'static Operation>, trouble: &Trouble, usual: Shape) -> Option<Reply> {
    let (code, shape) = trouble.actions.iter().find_map(|action| match action {
        Action::Status(code, shape) => Some((*code, if *shape == Shape::Documented { usual } else { *shape })),
        _ => None,
    })?;
    Some(match shape {
        Shape::Service => Reply::service(code, "SandboxError", "This error was asked for"),
        Shape::Framework => Reply::framework(code, "This error was asked for"),
        Shape::Cap => {
            let mut reply = Reply::monthly_cap(world::month(core.clock.now()).1);
            reply.status = code;
            reply
        }
        Shape::Text => Reply::text(code, "This error was asked for"),
        Shape::Html => Reply::html(code),
        Shape::Xml => Reply::xml(code, "SandboxError", "This error was asked for"),
        Shape::Empty => Reply::new(code, Payload::Empty),
        Shape::Documented => match code {
            401 => Reply::unauthorized(),
            403 if operation.is_some_and(|operation| operation.billed) => Reply::monthly_cap(world::month(core.clock.now()).1),
            404 => Reply::service(404, "NotFound", "Not found"),
            429 => Reply::rate_limited(Duration::from_secs(1)),
            503 => Reply::service(503, "ServiceUnavailable", "Try again later").with_header("retry-after", "1"),
            502 | 504 => Reply::html(code),
            _ => Reply::service(code, "SandboxError", "This error was asked for"),
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
            Action::Header(name, value) => {
                outcome.reply.headers.retain(|(known, _)| known != name);
                outcome.reply.headers.extend(value.iter().map(|value| (name.clone(), value.clone())));
            }
            Action::Stall(bytes) => (outcome.end, outcome.sent) = (End::Stall, Some(*bytes)),
            Action::Cut(bytes) => (outcome.end, outcome.sent) = (End::Break, Some(*bytes)),
            _ => {}
        }
    }
    Ok(outcome)
}

fn response(outcome: Outcome) -> Response<Outgoing> {
    let Outcome { reply, end, sent } = outcome;
    let bytes = reply.body.bytes();
    let part = sent.and_then(|sent| usize::try_from(sent).ok()).map_or_else(|| bytes.clone(), |sent| bytes.slice(..sent.min(bytes.len())));
    let mut response = Response::new(Outgoing::new(part, end));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = reply.body.content_type() {
        headers.insert("content-type", HeaderValue::from_static(content_type));
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if ![204, 304].contains(&reply.status) {
        headers.insert("content-length", HeaderValue::from(bytes.len()));
    }
    response
}

/// A whole body, if it is small enough and does not take for ever.
async fn read(body: &mut Incoming, limit: usize) -> Result<Bytes, Reply> {
    let mut bytes = BytesMut::new();
    loop {
        match tokio::time::timeout(BODY_TIME, body.frame()).await {
            Err(_) => return Err(Reply::framework(408, "The body took too long").with_header("connection", "close")),
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Err(error))) => return Err(Reply::framework(400, format!("The body could not be read: {error}"))),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                if bytes.len() + data.len() > limit {
                    return Err(Reply::framework(413, "request entity too large").with_header("connection", "close"));
                }
                bytes.extend_from_slice(data);
            }
        }
    }
}

/// An operation of the API.
fn called(core: &Core, ask: &Ask, operation: &'static Operation, body: &[u8], entry: &mut Entry) -> Reply {
    entry.body = serde_json::from_slice(body).ok();
    let now = core.clock.now();
    let Some(key) = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer ")) else {
        entry.note = Some("expected the header `Authorization: Bearer KEY`".to_owned());
        return Reply::unauthorized();
    };
    if !is_known(&core.settings.keys, key) {
        entry.note = Some("the API key is not known; it begins with `sk-`, unless the sandbox was given others".to_owned());
        return Reply::unauthorized();
    }
    core.first_key.get_or_init(|| key.to_owned());
    let reply = admitted(core, ask, operation, key, body, entry);
    let (used, limit) = (core.world().used(now), core.settings.limits.credits);
    let reset = world::month(now).1.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    reply
        .with_header("x-ratelimit-limit", limit.to_string())
        .with_header("x-ratelimit-remaining", limit.saturating_sub(used).to_string())
        .with_header("x-ratelimit-reset", reset.as_secs().to_string())
}

fn is_known(keys: &[String], key: &str) -> bool {
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
        return refusal(core, documented, &fatal).with_header(VIOLATION, printable(first));
    }
    let path = documented.match_path(&ask.path).unwrap_or_default();
    let call = Call {
        operation,
        path: &path,
        query: &ask.query,
        org: ask.header("x-opus-org-id"),
        body,
        now,
        base: &core.base,
        settings: &core.settings,
        storage: &core.storage,
    };
    let reply = api::answer(&mut core.world(), &call);
    entry.effect = reply.is_success();
    if entry.effect {
        core.agenda.notify_one();
    }
    if core.settings.check_replies {
        let response = exchange::Response {
            status: reply.status,
            headers: reply.body.content_type().map(|kind| ("content-type".to_owned(), kind.to_owned())).into_iter().collect(),
            body: exchange::Body(reply.body.bytes().to_vec()),
        };
        entry.violations.extend(spec.check_response(documented, &response).iter().map(told));
    }
    reply
}

/// Whether a departure from the spec is refused. Headers that are not documented never are: proxies and HTTP libraries add
/// them. A lenient sandbox also lets pass what the service would ignore.
fn is_fatal(core: &Core, operation: &Operation, violation: &Violation) -> bool {
    let is_unknown = violation.message.contains("is not documented");
    let is_header = violation.at.starts_with("/request/headers/");
    match violation.check {
        "F207" => false,
        "F206" if is_header && is_unknown => operation.storage && violation.at.ends_with("/authorization"),
        // The storage has been seen to take other types too.
        "F208" if operation.storage => false,
        _ => !(core.settings.lenient && is_unknown),
    }
}

fn describe(core: &Core, operation: &Operation, violation: &Violation) -> String {
    let place = core.rules.spec.locate(&violation.spec_at).map(|at| format!(" (openapi.yaml:{})", at.line)).unwrap_or_default();
    format!("{} {} {}: {}{place}", violation.check, operation.id, violation.at, violation.message)
}

/// 400 in whichever form the spec documents for the operation.
fn refusal(core: &Core, documented: &opusclip_conformance::spec::Operation, fatal: &[Violation]) -> Reply {
    let messages: Vec<Value> = fatal.iter().map(|violation| format!("{}: {}", violation.at, violation.message).into()).collect();
    let text = messages.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    let fits = |reply: &Reply| {
        let response = exchange::Response {
            status: reply.status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: exchange::Body(reply.body.bytes().to_vec()),
        };
        core.rules.spec.check_response(documented, &response).is_empty()
    };
    let framework = Reply::framework(400, messages);
    if fits(&framework) { framework } else { Reply::service(400, "InvalidParam", text) }
}

/// As a header value.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(1000).collect()
}

/// A file of a clip.
fn file(core: &Core, ask: &Ask) -> Reply {
    let now = core.clock.now();
    let file = cdn::Ask {
        method: &ask.method,
        path: &ask.path,
        query: &ask.query,
        range: ask.header("range"),
        if_range: ask.header("if-range"),
        if_none_match: ask.header("if-none-match"),
    };
    cdn::serve(&core.world(), now, |upload| core.storage.finished(upload).is_some(), &file)
}

/// A step of an upload.
async fn stored(
    core: &Core,
    connection: &Connection,
    ask: &Ask,
    operation: &'static Operation,
    trouble: &Trouble,
    body: &mut Incoming,
    entry: &mut Entry,
) -> Result<Reply, io::Error> {
    if let Some(reply) = status(core, Some(operation), trouble, Shape::Xml) {
        return Ok(reply);
    }
    let now = core.clock.now();
    // The signature of a link is opaque; the rest has to be as documented.
    let mut request = ask.request(&[]);
    request.query.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-goog-"));
    let spec = &core.rules.spec;
    let found = spec.operation(operation.id).map(|documented| spec.check_request(documented, &request)).unwrap_or_default();
    let fatal = found.iter().find(|violation| is_fatal(core, operation, violation)).map(|violation| describe(core, operation, violation));
    entry.violations = found.iter().map(|violation| describe(core, operation, violation)).collect();
    if let Some(fatal) = fatal {
        let text =
            if ask.header("authorization").is_some() { "The API key does not belong here" } else { "The request is not as documented" };
        return Ok(Reply::xml(400, "InvalidArgument", text).with_header(VIOLATION, printable(&fatal)));
    }
    let session = ask.query("upload_id").unwrap_or_default();
    let length = ask.header("content-length").and_then(|text| text.parse::<u64>().ok());
    let reply = match ask.method.as_str() {
        "POST" => {
            if read(body, 0).await.is_err() {
                Reply::xml(400, "InvalidArgument", "The start of a session has no body")
            } else {
                let session = format!("AAkI{}", core.world().letters(40));
                core.storage.start(&Start {
                    upload: ask.path.rsplit('/').next().unwrap_or_default(),
                    signature: ask.query("X-Goog-Signature"),
                    session: &session,
                    path: &ask.path,
                    base: &core.base,
                    life: core.settings.session_life,
                    now,
                })
            }
        }
        "DELETE" => core.storage.cancel(session, now),
        _ => {
            let range = Range::parse(ask.header("content-range"));
            match core.storage.put(session, range, length, now) {
                Err(reply) => reply,
                Ok(writer) => receive(connection, writer, trouble, body, entry).await?,
            }
        }
    };
    entry.effect = reply.is_success() || [308, 499].contains(&reply.status);
    Ok(reply)
}

/// Takes the bytes of an upload, and breaks where a fault says so.
async fn receive(
    connection: &Connection,
    mut writer: storage::Writer<'_>,
    trouble: &Trouble,
    body: &mut Incoming,
    entry: &mut Entry,
) -> Result<Reply, io::Error> {
    let mut rate = None;
    for action in &trouble.actions {
        match action {
            Action::Forget(bytes) => writer.forget(*bytes),
            Action::Slow(bytes) => rate = Some(*bytes),
            _ => {}
        }
    }
    loop {
        for action in &trouble.actions {
            match action {
                Action::ResetAt(bytes) if entry.received >= *bytes => {
                    writer.break_off();
                    return Err(connection.reset());
                }
                Action::StatusAt(bytes, code) if entry.received >= *bytes => {
                    writer.break_off();
                    return Ok(Reply::xml(*code, "SandboxError", "This error was asked for").with_header("connection", "close"));
                }
                Action::StallAt(bytes) if entry.received >= *bytes => Clock::pause(STALL_TIME).await,
                _ => {}
            }
        }
        match tokio::time::timeout(BODY_TIME, body.frame()).await {
            Err(_) => {
                writer.break_off();
                return Ok(Reply::xml(408, "RequestTimeout", "The body took too long").with_header("connection", "close"));
            }
            Ok(None) => return Ok(writer.end()),
            Ok(Some(Err(_))) => {
                writer.break_off();
                entry.note = Some(format!("the connection broke after {} bytes", entry.received));
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                let count = data.len() as u64;
                entry.received += count;
                if let Err(reply) = writer.write(data) {
                    return Ok(reply.with_header("connection", "close"));
                }
                if let Some(rate) = rate {
                    #[allow(clippy::cast_precision_loss, reason = "a pause need not be exact")]
                    Clock::pause(Duration::from_secs_f64(count as f64 / rate as f64)).await;
                }
            }
        }
    }
}
