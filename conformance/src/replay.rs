//! Plays fixtures to a client over a real socket.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use wiremock::{Match, Mock, MockServer, Respond, ResponseTemplate};

use crate::compare::{CaseResult, judge};
use crate::exchange::{Body, Request, Response};
use crate::finding::Finding;
use crate::json;
use crate::options::Options;
use crate::servers::{Servers, without_marker};
use crate::spec::Spec;
use crate::subject::{Call, Outcome, Subject};
use crate::suite::{Case, Suite};

/// Headers of a stated response that the server sets itself.
pub(crate) const OWN_HEADERS: [&str; 3] = ["content-length", "transfer-encoding", "connection"];

/// A mock server that knows the responses of a suite.
///
/// Start one per process: a server per fixture and one HTTP client do not go together, as connections that the client keeps
/// end at ports that the next server is given. It runs on a thread of its own until it is dropped, so any runtime that has
/// timers, or several, may drive the calls.
///
/// ```no_run
/// # async fn example(subject: impl opusclip_conformance::subject::Subject) -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
///
/// use opusclip_conformance::options::Options;
/// use opusclip_conformance::replay::Replayer;
/// use opusclip_conformance::spec::Spec;
/// use opusclip_conformance::suite::Suite;
///
/// let spec = Spec::load(Path::new("openapi.yaml"))?;
/// let suite = Suite::load(Path::new("tests/fixtures"))?;
/// let options = Options { secrets: vec!["sk-test-key".into()], ..Options::default() };
/// let replayer = Replayer::start(&spec, &suite).await?;
/// for case in &suite.cases {
///     let result = replayer.run(&spec, case, &subject, &options).await;
///     assert!(result.is_pass(), "{:?}", result.findings);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Replayer {
    /// `None` only while it is dropped.
    server: Option<MockServer>,
    address: SocketAddr,
    state: Arc<State>,
    servers: Servers,
}

struct State {
    routes: BTreeMap<String, Route>,
    /// Requests that belong to no fixture.
    strays: Mutex<Vec<Request>>,
}

struct Route {
    answer: Answer,
    seen: Mutex<Vec<Request>>,
    /// Two runs of the same fixture at once could not tell their requests apart.
    turn: tokio::sync::Mutex<()>,
}

enum Answer {
    Response(ResponseTemplate),
    Reset,
    /// The fixture expects that nothing is sent.
    Nothing,
}

impl Replayer {
    /// Starts the server with the responses of all fixtures.
    ///
    /// # Errors
    ///
    /// The error of the system where no port of the loopback interface can be had.
    pub async fn start(spec: &Spec, suite: &Suite) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let routes = suite.cases.iter().map(|case| (case.fixture.id.clone(), Route::of(case))).collect();
        let state = Arc::new(State { routes, strays: Mutex::default() });
        let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
        let (resets, all) = (Arc::clone(&state), Arc::clone(&state));
        Mock::given(Resets(resets)).respond_with_err(|_: &wiremock::Request| closed()).with_priority(1).mount(&server).await;
        Mock::given(wiremock::matchers::any()).respond_with(Responses(all)).with_priority(2).mount(&server).await;
        let servers = Servers::new(spec, *server.address());
        Ok(Self { address: *server.address(), server: Some(server), state, servers })
    }

    /// Makes the call of one fixture and judges what the client sent and what came of it.
    ///
    /// A client that panics or does not come back is a finding, so this always ends. Needs a runtime with timers.
    pub async fn run<S: Subject>(&self, spec: &Spec, case: &Case, subject: &S, options: &Options) -> CaseResult {
        let id = case.fixture.id.clone();
        let Some(route) = self.state.routes.get(&id) else {
            let finding = case.finding("E911", "", "this fixture is unknown to the mock server; start it with its suite");
            return CaseResult { fixture: id, request: None, outcome: None, findings: vec![finding] };
        };
        let _turn = route.turn.lock().await;
        lock(&route.seen).clear();
        let base = format!("http://{}/f/{id}", self.address);
        let input = self.input(case, &base);
        let call = Call { operation: &case.fixture.operation, input: &input, base_url: &base };
        let caught = AssertUnwindSafe(subject.call(call)).catch_unwind();
        let ended = tokio::time::timeout(options.watchdog, caught).await;

        let neutral = |text: &str| self.servers.neutral(text, &base);
        let sent: Vec<Request> =
            std::mem::take(&mut *lock(&route.seen)).into_iter().map(|request| neutral_request(request, &neutral)).collect();
        let (outcome, findings) = match ended {
            Ok(Ok(outcome)) => {
                let outcome = neutral_outcome(outcome, &neutral);
                let findings = judge(spec, case, &sent, &outcome, options);
                (Some(outcome), findings)
            }
            Ok(Err(panic)) => {
                let message = format!("the client panicked: {}", options.redact(&neutral(&told(&*panic))));
                (None, vec![case.finding("C408", "/call", message)])
            }
            Err(_) => (None, vec![overdue(case, sent.len(), options.watchdog)]),
        };
        CaseResult { fixture: id, request: sent.into_iter().next(), outcome, findings }
    }

    /// Findings about requests that reached the server and belong to no fixture; asked once, at the end of a run.
    #[must_use]
    pub fn strays(&self) -> Vec<Finding> {
        let strays = std::mem::take(&mut *lock(&self.state.strays));
        let mut lines: Vec<String> = strays.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        lines.sort();
        let message = |line| format!("a request left the URL that the client was given: {line}");
        lines.into_iter().map(|line| Finding::new("C402", message(line)).with_pointer("/request")).collect()
    }

    /// The call's input, with every URL of the API turned to the mock server.
    fn input(&self, case: &Case, base: &str) -> Value {
        let turn = |text: &str| self.servers.turned(text, base);
        let object = case.fixture.call.iter().map(|(key, value)| (key.clone(), json::map_strings(value, &turn)));
        Value::Object(object.collect())
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        // The mock server blocks on a lock of tokio's when it is dropped. Inside a task whose budget is used up that lock is
        // never had, and the drop spins for ever; a thread of its own has no budget.
        let server = self.server.take();
        let ending = std::thread::Builder::new().spawn(move || drop(server));
        // A panic in there would be wiremock's; there is nothing to do about it while dropping.
        let _ = ending.map(std::thread::JoinHandle::join);
    }
}

impl Route {
    fn of(case: &Case) -> Self {
        let answer = match (&case.fixture.response, case.response()) {
            (_, Some(response)) => template(&response).map_or(Answer::Nothing, Answer::Response),
            (Some(_), None) => Answer::Reset,
            (None, None) => Answer::Nothing,
        };
        Self { answer, seen: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

/// The response in the server's terms; `None` for one that HTTP cannot carry, which the lint reports.
fn template(response: &Response) -> Option<ResponseTemplate> {
    if !(200..=599).contains(&response.status) {
        return None;
    }
    let mut template = ResponseTemplate::new(response.status).set_body_bytes(response.body.0.clone());
    for (name, value) in response.headers.iter().filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str())) {
        let name = wiremock::http::HeaderName::try_from(name.as_str()).ok()?;
        let value = wiremock::http::HeaderValue::try_from(value.as_str()).ok()?;
        template = template.append_header(name, value);
    }
    Some(template)
}

impl State {
    /// The fixture that a path on the server belongs to, and the path behind its prefix.
    fn route<'a>(&self, path: &'a str) -> Option<(&Route, &'a str)> {
        let rest = path.strip_prefix("/f/")?;
        let ends = rest.match_indices('/').map(|(at, _)| at).chain([rest.len()]);
        let splits = ends.filter_map(|at| rest.split_at_checked(at));
        splits.filter_map(|(id, path)| Some((self.routes.get(id)?, path))).next_back()
    }
}

/// Matches what a fixture answers with a reset; it sees every request first, so it also writes all of them down.
struct Resets(Arc<State>);

impl Match for Resets {
    fn matches(&self, request: &wiremock::Request) -> bool {
        let path = request.url.path();
        let found = self.0.route(path);
        let path = found.as_ref().map_or(path, |(_, path)| without_marker(path));
        let seen = Request {
            method: request.method.to_string(),
            path: if path.is_empty() { "/".into() } else { path.into() },
            query: request.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            headers: headers(request),
            body: Body(request.body.clone()),
        };
        let list = found.as_ref().map_or(&self.0.strays, |(route, _)| &route.seen);
        lock(list).push(seen);
        found.is_some_and(|(route, _)| matches!(route.answer, Answer::Reset))
    }
}

struct Responses(Arc<State>);

impl Respond for Responses {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        match self.0.route(request.url.path()).map(|(route, _)| &route.answer) {
            Some(Answer::Response(template)) => template.clone(),
            _ => ResponseTemplate::new(501).set_body_string("no fixture answers this request"),
        }
    }
}

/// The headers without `host`, which names the mock server.
fn headers(request: &wiremock::Request) -> Vec<(String, String)> {
    let named = request.headers.iter().filter(|(name, _)| name.as_str() != "host");
    let text = |value: &wiremock::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    named.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the fixture resets the connection")
}

/// Locks; what a panicking holder left behind is still a list.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    json::shorten(&text.unwrap_or_else(|| "without a message".into()))
}

fn overdue(case: &Case, sent: usize, watchdog: Duration) -> Finding {
    let message = format!("the call did not end within {} ms; {sent} request(s) had arrived", watchdog.as_millis());
    case.finding("E910", "/call", message)
}

pub(crate) fn neutral_request(request: Request, neutral: &impl Fn(&str) -> String) -> Request {
    let pairs = |list: Vec<(String, String)>| list.into_iter().map(|(name, value)| (name, neutral(&value))).collect::<Vec<_>>();
    let body = match String::from_utf8(request.body.0) {
        Ok(text) => Body(neutral(&text).into_bytes()),
        Err(error) => Body(error.into_bytes()),
    };
    Request { query: pairs(request.query), headers: pairs(request.headers), body, ..request }
}

pub(crate) fn neutral_outcome(outcome: Outcome, neutral: &impl Fn(&str) -> String) -> Outcome {
    match outcome {
        Outcome::Decoded { type_name, value, mut details } => {
            for value in details.values_mut() {
                *value = json::map_strings(value, neutral);
            }
            Outcome::Decoded { type_name, value: json::map_strings(&value, neutral), details }
        }
        Outcome::Failed(mut failure) => {
            failure.display = neutral(&failure.display);
            failure.debug = neutral(&failure.debug);
            failure.code = failure.code.map(|text| neutral(&text));
            failure.message = failure.message.map(|text| neutral(&text));
            for value in failure.details.values_mut() {
                *value = json::map_strings(value, neutral);
            }
            Outcome::Failed(failure)
        }
        Outcome::Broken { check, message } => Outcome::Broken { check, message: neutral(&message) },
        Outcome::Unsupported => Outcome::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_neutral_wherever_it_is_sent() {
        let neutral = |text: &str| text.replace("http://127.0.0.1:1", "<base>");
        let with = |text: &str| Request {
            method: "POST".into(),
            path: "/a".into(),
            query: vec![("q".into(), format!("{text}/q"))],
            headers: vec![("h".into(), format!("{text}/h"))],
            body: Body(format!("{{\"b\": \"{text}/b\"}}").into_bytes()),
        };
        assert_eq!(neutral_request(with("http://127.0.0.1:1"), &neutral), with("<base>"));
        let bytes = Request { body: Body(vec![0xff, 0xfe]), ..Request::default() };
        assert_eq!(neutral_request(bytes.clone(), &neutral), bytes);
    }
}
