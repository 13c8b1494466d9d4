//! What the client did against what the fixture asks for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::closed;
use crate::exchange::Request;
use crate::finding::Finding;
use crate::fixture::RequestSpec;
use crate::json::{self, Difference};
use crate::options::Options;
use crate::roundtrip;
use crate::spec::Spec;
use crate::subject::{Failure, FailureClass, Outcome};
use crate::suite::Case;

/// How one case went.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The fixture's id.
    pub fixture: String,
    /// The first request that the client sent, as if it had gone to the real server.
    pub request: Option<Request>,
    /// What the client made of it; `None` where it panicked or was given up.
    pub outcome: Option<Outcome>,
    /// What is wrong; empty for a case that passed.
    pub findings: Vec<Finding>,
}

impl CaseResult {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Compares what was sent and what came of it with the fixture.
#[must_use]
pub fn judge(spec: &Spec, case: &Case, sent: &[Request], outcome: &Outcome, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    if *outcome == Outcome::Unsupported {
        let message = format!("the client does not implement `{}`", case.fixture.operation);
        return vec![case.finding("C411", "/operation", message)];
    }
    if let Outcome::Broken { check, message } = outcome {
        return vec![case.finding(check, "/call", options.redact(message))];
    }
    findings.extend(count(case, sent));
    if let Some(request) = sent.first() {
        findings.extend(judge_request(spec, case, request));
    }
    findings.extend(outcomes(spec, case, outcome));
    findings.extend(leaks(outcome, options).into_iter().map(|at| case.finding("C409", &at, LEAK)));
    for finding in &mut findings {
        finding.message = options.redact(&finding.message);
    }
    findings
}

/// Compares one request with the fixture's and with the spec.
#[must_use]
pub fn judge_request(spec: &Spec, case: &Case, request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(expected) = &case.fixture.request {
        findings.extend(mismatches(expected, request).into_iter().map(|(at, message)| case.finding("C401", &at, message)));
        if let Some(operation) = spec.operation(&case.fixture.operation) {
            let departures = closed::undeclared_by(spec, operation, case, request).into_iter();
            findings.extend(departures.map(|departure| {
                let message = format!("the client's request departs from the spec ({}): {}", departure.check, departure.message);
                case.finding("C410", &departure.at, message).with_spec_location(spec.locate(&departure.spec_at))
            }));
        }
    }
    findings
}

/// Whether exactly one request was sent, or none where the client has to refuse.
fn count(case: &Case, sent: &[Request]) -> Option<Finding> {
    let expected = usize::from(case.fixture.request.is_some());
    let found = sent.len();
    let lines: Vec<String> = sent.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    (found != expected).then(|| {
        let listed = if lines.is_empty() { "none".to_owned() } else { lines.join(", ") };
        case.finding("C402", "/request", format!("expected {expected} request(s), the client sent {found}: {listed}"))
    })
}

/// The typed mismatches between two requests, each with its pointer and what is wrong.
pub(crate) fn mismatches(expected: &RequestSpec, sent: &Request) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if expected.method != sent.method {
        found.push(("/request/method".to_owned(), format!("expected {}, the client sent {}", expected.method, sent.method)));
    }
    if expected.path != sent.path {
        let message = format!("expected `{}`, the client sent `{}`", expected.path, sent.path);
        found.push(("/request/path".to_owned(), message));
    }
    queries(expected, sent, &mut found);
    headers(expected, sent, &mut found);
    bodies(expected, sent, &mut found);
    found
}

fn by_name(pairs: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut grouped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        grouped.entry(name).or_default().push(value);
    }
    grouped.values_mut().for_each(|values| values.sort_unstable());
    grouped
}

fn queries(expected: &RequestSpec, sent: &Request, found: &mut Vec<(String, String)>) {
    let (wanted, given) = (by_name(&expected.query), by_name(&sent.query));
    for (name, values) in &wanted {
        let got = given.get(name);
        if got != Some(values) {
            let got = got.map_or_else(|| "nothing under that name".to_owned(), |got| format!("`{}`", got.join("`, `")));
            let message = format!("expected `{}`, the client sent {got}", values.join("`, `"));
            found.push((json::join("/request/query", name), message));
        }
    }
    for (name, values) in given.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        let message = format!("the client sent `{}`, the fixture has no such parameter", values.join("`, `"));
        found.push((json::join("/request/query", name), message));
    }
}

fn headers(expected: &RequestSpec, sent: &Request, found: &mut Vec<(String, String)>) {
    let values = |name: &str| -> Vec<&str> {
        let named = sent.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    };
    for (name, value) in &expected.headers {
        let got = values(name);
        if got != [value.as_str()] {
            let got = if got.is_empty() { "none".to_owned() } else { format!("`{}`", got.join("`, `")) };
            found.push((header_at(name), format!("expected `{value}`, the client sent {got}")));
        }
    }
    for name in expected.require_headers.iter().filter(|name| values(name).is_empty()) {
        found.push((header_at(name), "this header is required, the client did not send it".into()));
    }
    for name in expected.forbid_headers.iter().filter(|name| !values(name).is_empty()) {
        found.push((header_at(name), "this header is forbidden, the client sent it".into()));
    }
}

fn header_at(name: &str) -> String {
    json::join("/request/headers", &name.to_ascii_lowercase())
}

fn bodies(expected: &RequestSpec, sent: &Request, found: &mut Vec<(String, String)>) {
    if let Some(wanted) = &expected.json {
        let Ok(got) = sent.body.to_json() else {
            let what = if sent.body.is_empty() { "none".to_owned() } else { json::shorten(&sent.body.to_text()) };
            found.push(("/request/json".into(), format!("expected a JSON body, the client sent {what}")));
            return;
        };
        found.extend(json::differences(wanted, &got).into_iter().map(|(at, difference)| {
            let message = match difference {
                Difference::Lost(value) => format!("expected {}, the client sent nothing", json::short(value)),
                Difference::Invented(value) => {
                    format!("the client sent {}, the fixture has nothing here", json::short(value))
                }
                Difference::Changed(a, b) => format!("expected {}, the client sent {}", json::short(a), json::short(b)),
            };
            (format!("/request/json{at}"), message)
        }));
        return;
    }
    let wanted = expected.body();
    if wanted != sent.body {
        let (key, show): (_, fn(&[u8]) -> String) = match (&expected.text, &expected.base64) {
            (None, Some(_)) => ("/base64", |bytes| json::shorten(&STANDARD.encode(bytes))),
            (Some(_), _) => ("/text", |bytes| json::shorten(&String::from_utf8_lossy(bytes))),
            (None, None) => ("", |bytes| json::shorten(&String::from_utf8_lossy(bytes))),
        };
        let show = |bytes: &[u8]| if bytes.is_empty() { "no body".to_owned() } else { format!("`{}`", show(bytes)) };
        let message = format!("expected {}, the client sent {}", show(&wanted.0), show(&sent.body.0));
        found.push((format!("/request{key}"), message));
    }
}

/// What came of it against what the fixture expects.
pub(crate) fn outcomes(spec: &Spec, case: &Case, outcome: &Outcome) -> Vec<Finding> {
    let expect = &case.fixture.expect;
    match (expect.client.failure(), outcome) {
        (None, Outcome::Decoded { type_name, value, .. }) => {
            let mut findings: Vec<Finding> = reached(case, type_name).into_iter().collect();
            findings.extend(roundtrip::check(spec, case, value));
            findings
        }
        (None, Outcome::Failed(failure)) => {
            let wanted = expect.type_name.as_deref().unwrap_or("a value");
            vec![case.finding("C403", "/expect/type", format!("expected `{wanted}`, {}", told(failure)))]
        }
        (Some(class), Outcome::Failed(failure)) => failures(case, class, failure),
        (Some(class), Outcome::Decoded { type_name, .. }) => {
            let message = format!("expected {}, the client decoded `{type_name}`", name(class));
            vec![case.finding("C407", "/expect/client", message)]
        }
        (_, Outcome::Unsupported | Outcome::Broken { .. }) => Vec::new(),
    }
}

pub(crate) fn told(failure: &Failure) -> String {
    format!("the client reported {}: {}", name(failure.class), json::shorten(&failure.display))
}

fn reached(case: &Case, found: &str) -> Option<Finding> {
    let expected = case.fixture.expect.type_name.as_deref()?;
    let plain = |name: &str| name.split_whitespace().collect::<String>();
    (plain(expected) != plain(found))
        .then(|| case.finding("C403", "/expect/type", format!("expected `{expected}`, the client decoded into `{found}`")))
}

fn failures(case: &Case, class: FailureClass, failure: &Failure) -> Vec<Finding> {
    let mut findings = Vec::new();
    if failure.class != class {
        let message = format!("expected {}, {}", name(class), told(failure));
        findings.push(case.finding("C407", "/expect/client", message));
    }
    let status = case.fixture.response.as_ref().and_then(|response| response.status);
    if class == FailureClass::ApiError && failure.status != status {
        let show = |status: Option<u16>| status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
        let message = format!("the response has {}, the client's error tells {}", show(status), show(failure.status));
        findings.push(case.finding("C407", "/response/status", message));
    }
    findings
}

/// The class as fixtures spell it.
pub(crate) fn name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::ApiError => "api-error",
        FailureClass::DecodeError => "decode-error",
        FailureClass::TransportError => "transport-error",
        FailureClass::Rejected => "rejected",
    }
}

/// What is said of a place that [`leaks`] finds.
pub(crate) const LEAK: &str = "a secret of the client stands here";

/// Looks for secrets in everything that the client says; the places where one stands.
pub(crate) fn leaks(outcome: &Outcome, options: &Options) -> Vec<String> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut below = |at: &str, value: &Value| {
        json::each_string(value, at, &mut |at, text| texts.push((at.to_owned(), text.to_owned())));
    };
    match outcome {
        Outcome::Decoded { value, details, .. } => {
            below("/outcome/value", value);
            below("/outcome/details", &Value::Object(details.clone()));
        }
        Outcome::Failed(failure) => {
            below("/outcome/details", &Value::Object(failure.details.clone()));
            let own = [("display", Some(&failure.display)), ("debug", Some(&failure.debug))];
            let others = [("code", failure.code.as_ref()), ("message", failure.message.as_ref())];
            let named = own.into_iter().chain(others);
            texts.extend(named.filter_map(|(key, text)| Some((format!("/outcome/{key}"), text?.clone()))));
        }
        Outcome::Unsupported | Outcome::Broken { .. } => {}
    }
    let secrets: Vec<&String> = options.secrets.iter().filter(|secret| !secret.is_empty()).collect();
    let leaking = texts.into_iter().filter(|(_, text)| secrets.iter().any(|secret| text.contains(secret.as_str())));
    leaking.map(|(at, _)| at).collect()
}
