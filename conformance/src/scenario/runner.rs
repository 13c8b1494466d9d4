//! Plays a scenario to a client and judges its attempts, its pauses and what came of them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::net::TcpSocket;

use super::clock::{Time, VirtualClock};
use super::format::{Expectation, Fault};
use super::suite::{ScenarioCase, Step};
use crate::compare::{LEAK, leaks, mismatches, name, told};
use crate::exchange::{Body, Request, Response};
use crate::finding::Finding;
use crate::fixture::ResponseSpec;
use crate::json::{self, Difference};
use crate::options::Options;
use crate::replay::{lock, neutral_outcome, neutral_request, told as panic_text};
use crate::server::{Handler, Reply, Server};
use crate::servers::{Servers, without_marker};
use crate::spec::Spec;
use crate::subject::Outcome;
use crate::suite::Suite;

/// What a client is asked to do in a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The operationId, where one operation is asked for.
    pub operation: Option<&'a str>,
    /// The name of something larger.
    pub workflow: Option<&'a str>,
    /// Parameters by their name in the spec and the request body under `body`, or what the workflow takes.
    pub input: &'a Value,
    /// Where the API lives: scheme, host and port, no trailing slash.
    pub base_url: &'a str,
    /// The time that the client must go by.
    pub clock: &'a VirtualClock,
    /// The time limit that the client is to give each attempt, in real time.
    pub attempt_timeout: Option<Duration>,
}

/// A client under test with everything that it does by itself: retries, pauses, polling.
pub trait Performer: Sync {
    /// Does what is asked and tells how it ended. Must not panic. It gives no pause to the clock before its first attempt.
    fn perform(&self, task: Task<'_>) -> impl Future<Output = Outcome> + Send;
}

/// How one scenario went.
#[derive(Clone, Debug)]
pub struct ScenarioResult {
    /// The scenario's id.
    pub id: String,
    /// How many attempts the client made.
    pub attempts: usize,
    /// The virtual time that it took.
    pub elapsed: Duration,
    /// What is wrong; empty for a scenario that passed.
    pub findings: Vec<Finding>,
}

impl ScenarioResult {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One attempt as it was made; without a request where nobody listened.
struct Attempt {
    request: Option<Request>,
    at: Duration,
    is_read: bool,
}

struct State {
    steps: Vec<Step>,
    base: String,
    servers: Servers,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    attempts: Vec<Attempt>,
    now: Duration,
    door: Door,
    /// Why the server could not be started.
    trouble: Option<io::Error>,
}

/// Bound without listening, the port refuses connections and nobody else can have it.
#[derive(Default)]
enum Door {
    #[default]
    Gone,
    Closed(TcpSocket),
    Open(#[allow(dead_code, reason = "it serves until it is dropped")] Server),
}

/// Plays one scenario. A client that panics or does not come back is a finding, so this always ends.
pub async fn run_scenario<P: Performer>(spec: &Spec, suite: &Suite, case: &ScenarioCase, subject: &P, options: &Options) -> ScenarioResult {
    let state = match State::new(spec, suite, case) {
        Ok(state) => Arc::new(state),
        Err(error) => return failed(case, &error),
    };
    state.open_if_due();
    let clock = VirtualClock(Arc::new(Arc::clone(&state)));
    let (operation, input) = case.asked(suite);
    let input = json::map_strings(&input, &|text| state.servers.turned(text, &state.base));
    let task = Task {
        operation: operation.as_deref(),
        workflow: case.scenario.task.workflow.as_deref(),
        input: &input,
        base_url: &state.base,
        clock: &clock,
        attempt_timeout: case.scenario.task.attempt_timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    let caught = AssertUnwindSafe(subject.perform(task)).catch_unwind();
    let ended = tokio::time::timeout(options.watchdog, caught).await;

    let (attempts, elapsed) = {
        let mut progress = lock(&state.progress);
        // The last attempt may have met a closed door too.
        progress.note_refused(&state.steps);
        progress.door = Door::Gone;
        if let Some(error) = progress.trouble.take() {
            return failed(case, &error);
        }
        (std::mem::take(&mut progress.attempts), progress.now)
    };
    let neutral = |text: &str| state.servers.neutral(text, &state.base);
    let attempts: Vec<Attempt> = attempts
        .into_iter()
        .map(|attempt| Attempt { request: attempt.request.map(|request| neutral_request(request, &neutral)), ..attempt })
        .collect();
    let mut findings = Vec::new();
    match ended {
        Ok(Ok(Outcome::Unsupported)) => {
            let (what, at) = match &case.scenario.task.workflow {
                Some(workflow) => (workflow.clone(), "/do/workflow"),
                None => (operation.clone().unwrap_or_default(), "/do"),
            };
            findings.push(case.finding("C411", at, format!("the client does not implement `{what}`")));
        }
        Ok(Ok(Outcome::Broken { check, message })) => findings.push(case.finding(check, "/do", neutral(&message))),
        Ok(Ok(outcome)) => {
            let outcome = neutral_outcome(outcome, &neutral);
            findings.extend(sequence(case, &state.steps, &attempts));
            findings.extend(outcomes(case, &outcome));
            findings.extend(leaks(&outcome, options).into_iter().map(|at| case.finding("C409", &at, LEAK)));
            if let Some(bounds) = case.scenario.expect.elapsed {
                let message = bounds.objection(elapsed.as_secs_f64());
                findings.extend(message.map(|wanted| {
                    case.finding("C503", "/expect/elapsed", format!("expected {wanted} in all, it took {} s", elapsed.as_secs_f64()))
                }));
            }
        }
        Ok(Err(panic)) => {
            findings.push(case.finding("C408", "/do", format!("the client panicked: {}", neutral(&panic_text(&*panic)))));
        }
        Err(_) => {
            let made = attempts.len();
            let limit = options.watchdog.as_millis();
            findings.push(case.finding("E910", "/do", format!("the client did not end within {limit} ms; it had made {made} attempt(s)")));
        }
    }
    for finding in &mut findings {
        finding.message = options.redact(&finding.message);
    }
    ScenarioResult { id: case.scenario.id.clone(), attempts: attempts.len(), elapsed, findings }
}

fn failed(case: &ScenarioCase, error: &io::Error) -> ScenarioResult {
    let finding = case.finding("E911", "", format!("the mock server could not start: {error}"));
    ScenarioResult { id: case.scenario.id.clone(), attempts: 0, elapsed: Duration::ZERO, findings: vec![finding] }
}

impl State {
    fn new(spec: &Spec, suite: &Suite, case: &ScenarioCase) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = socket.local_addr()?;
        let servers = Servers::new(spec, address);
        let base = format!("http://{address}");
        let progress = Progress { door: Door::Closed(socket), ..Progress::default() };
        Ok(Self { steps: case.steps(suite), base, servers, progress: Mutex::new(progress) })
    }

    /// Opens the door unless the next step is one that is refused.
    fn open_if_due(self: &Arc<Self>) {
        let mut progress = lock(&self.progress);
        let next = self.steps.get(progress.attempts.len());
        if next.is_some_and(|step| step.fault == Some(Fault::Refuse)) {
            return;
        }
        progress.door = match std::mem::take(&mut progress.door) {
            Door::Closed(socket) => match socket.listen(64) {
                Ok(listener) => Door::Open(Server::start(listener, Arc::new(Play(Arc::clone(self))))),
                Err(error) => {
                    progress.trouble = Some(error);
                    Door::Gone
                }
            },
            door => door,
        };
    }

    fn response(&self, spec: &ResponseSpec) -> Response {
        let turn = |text: &str| self.servers.turned(text, &self.base);
        let mut spec = spec.clone();
        spec.json = spec.json.map(|value| json::map_strings(&value, &turn));
        for value in spec.headers.values_mut() {
            *value = turn(value);
        }
        spec.fault = None;
        spec.to_response().unwrap_or_default()
    }
}

impl Progress {
    /// An attempt at a closed door leaves no trace but the pause after it, or the end.
    fn note_refused(&mut self, steps: &[Step]) {
        let is_refused = steps.get(self.attempts.len()).is_some_and(|step| step.fault == Some(Fault::Refuse));
        if is_refused && matches!(self.door, Door::Closed(_)) {
            self.attempts.push(Attempt { request: None, at: self.now, is_read: false });
        }
    }
}

impl Time for Arc<State> {
    fn now(&self) -> Duration {
        lock(&self.progress).now
    }

    fn pause(&self, duration: Duration) {
        {
            let mut progress = lock(&self.progress);
            progress.note_refused(&self.steps);
            progress.now += duration;
        }
        self.open_if_due();
    }
}

struct Play(Arc<State>);

impl Handler for Play {
    fn begin(&self, head: Request) -> (usize, bool) {
        let mut progress = lock(&self.0.progress);
        let number = progress.attempts.len();
        let is_read = self.0.steps.get(number).is_none_or(|step| step.fault != Some(Fault::Reset));
        let path = without_marker(&head.path);
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        let at = progress.now;
        progress.attempts.push(Attempt { request: Some(Request { path, ..head }), at, is_read });
        (number, is_read)
    }

    fn end(&self, number: usize, body: Body) -> Reply {
        if let Some(request) = lock(&self.0.progress).attempts.get_mut(number).and_then(|attempt| attempt.request.as_mut()) {
            request.body = body;
        }
        let Some(step) = self.0.steps.get(number) else {
            let body = Body(b"the scenario has no step for this request".to_vec());
            return Reply::Response(Response { status: 501, headers: Vec::new(), body });
        };
        match step.fault {
            None => Reply::Response(self.0.response(&step.response)),
            Some(Fault::CutReply) => Reply::Half(self.0.response(&step.response)),
            Some(Fault::Silence) => Reply::Silence,
            Some(Fault::Refuse | Fault::Reset | Fault::LoseReply) => Reply::Nothing,
        }
    }
}

/// The attempts against the steps: number, content, pauses.
fn sequence(case: &ScenarioCase, steps: &[Step], attempts: &[Attempt]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if steps.len() != attempts.len() {
        let line = |attempt: &Attempt| {
            attempt.request.as_ref().map_or("(refused)".into(), |request| format!("{} {}", request.method, request.path))
        };
        let lines: Vec<String> = attempts.iter().map(line).collect();
        let made = if lines.is_empty() { "none".to_owned() } else { lines.join(", ") };
        let at = steps.get(attempts.len()).map_or("/steps".to_owned(), |step| format!("/steps/{}", step.index));
        let message = format!("expected {} attempt(s), the client made {}: {made}", steps.len(), attempts.len());
        findings.push(case.finding("C502", &at, message));
    }
    let mut before = Duration::ZERO;
    for (number, (step, attempt)) in steps.iter().zip(attempts).enumerate() {
        let at = format!("/steps/{}", step.index);
        if let Some(request) = &attempt.request {
            let wrong = mismatches(&step.request, request).into_iter();
            // A body that the server did not read cannot be judged.
            let wrong = wrong.filter(|(place, _)| {
                attempt.is_read
                    || !["json", "text", "base64"].iter().any(|key| place.starts_with(&format!("/request/{key}"))) && place != "/request"
            });
            findings.extend(wrong.map(|(place, message)| {
                let finding = case.finding("C501", &at, format!("attempt {}: {place}: {message}", number + 1));
                finding.with_pointer(format!("{at}{place}"))
            }));
        }
        let pause = attempt.at.saturating_sub(before).as_secs_f64();
        before = attempt.at;
        let after = case.scenario.steps.get(step.index).and_then(|spec| spec.after);
        if let Some(wanted) = after.and_then(|after| after.objection(pause)) {
            let message = format!("attempt {}: expected a pause of {wanted}, the client paused {pause} s", number + 1);
            findings.push(case.finding("C503", &format!("{at}/after"), message));
        }
    }
    findings
}

fn outcomes(case: &ScenarioCase, outcome: &Outcome) -> Vec<Finding> {
    let Expectation { client, type_name, value, status, code, details, .. } = &case.scenario.expect;
    let mut found: Vec<(&'static str, String, String)> = Vec::new();
    let told_details = match outcome {
        Outcome::Decoded { type_name: reached, value: given, details } => {
            match client.failure() {
                Some(class) => {
                    found.push(("C504", "/expect/client".into(), format!("expected {}, the client decoded `{reached}`", name(class))))
                }
                None => {
                    let plain = |name: &str| name.split_whitespace().collect::<String>();
                    if let Some(wanted) = type_name.as_deref().filter(|wanted| plain(wanted) != plain(reached)) {
                        found.push(("C504", "/expect/type".into(), format!("expected `{wanted}`, the client gave `{reached}`")));
                    }
                    if let Some(wanted) = value {
                        let differences = json::differences(wanted, given).into_iter();
                        found.extend(differences.map(|(at, difference)| ("C505", format!("/expect/value{at}"), said(&difference))));
                    }
                }
            }
            details
        }
        Outcome::Failed(failure) => {
            match client.failure() {
                None => found.push(("C504", "/expect/client".into(), format!("expected success, {}", told(failure)))),
                Some(class) if class != failure.class => {
                    found.push(("C504", "/expect/client".into(), format!("expected {}, {}", name(class), told(failure))));
                }
                Some(_) => {}
            }
            if let Some(wanted) = status.filter(|wanted| failure.status != Some(*wanted)) {
                let got = failure.status.map_or("none".to_owned(), |status| status.to_string());
                found.push(("C504", "/expect/status".into(), format!("expected the status {wanted}, the client's error tells {got}")));
            }
            if let Some(wanted) = code.as_deref().filter(|wanted| failure.code.as_deref() != Some(wanted)) {
                let got = failure.code.as_deref().unwrap_or("none");
                found.push(("C504", "/expect/code".into(), format!("expected the code {wanted}, the client's error tells {got}")));
            }
            &failure.details
        }
        Outcome::Unsupported | Outcome::Broken { .. } => return Vec::new(),
    };
    for (key, wanted) in details {
        let at = json::join("/expect/details", key);
        match told_details.get(key) {
            None => found.push(("C505", at, format!("expected {}, the client tells nothing", json::short(wanted)))),
            Some(given) => {
                let differences = json::differences(wanted, given).into_iter();
                found.extend(differences.map(|(below, difference)| ("C505", format!("{at}{below}"), said(&difference))));
            }
        }
    }
    found.into_iter().map(|(id, at, message)| case.finding(id, &at, message)).collect()
}

fn said(difference: &Difference<'_>) -> String {
    match difference {
        Difference::Lost(value) => format!("expected {}, the client gives nothing", json::short(value)),
        Difference::Invented(value) => format!("the client gives {}, the scenario has nothing here", json::short(value)),
        Difference::Changed(wanted, given) => format!("expected {}, the client gives {}", json::short(wanted), json::short(given)),
    }
}
