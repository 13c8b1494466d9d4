//! What one case did, as stable data to keep as a snapshot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::compare::CaseResult;
use crate::exchange::{Body, Request};
use crate::finding::Finding;
use crate::json;
use crate::options::Options;
use crate::subject::Outcome;
use crate::suite::Case;

/// What the client sent, what it was answered and what it made of that, without ports, times or secrets.
///
/// Of the request's headers it holds those that the fixture names and, with a body, `content-type`; of `authorization` only
/// the scheme. Of the answer it holds what an outcome need not tell: status and headers, and a body that is not
/// compared with the decoded value.
#[must_use]
pub fn view(case: &Case, result: &CaseResult, options: &Options) -> Value {
    let request = result.request.as_ref().map(|request| of_request(case, request));
    let outcome = result.outcome.as_ref().map(of_outcome);
    let view = json!({ "request": request, "response": of_response(case), "outcome": outcome });
    json::map_strings(&view, &|text| options.redact(text))
}

/// Compares a view with the one that was kept, for who has no snapshot library: one finding for each place that differs.
#[must_use]
pub fn compare(case: &Case, kept: &Value, now: &Value) -> Vec<Finding> {
    let differences = json::differences(kept, now).into_iter();
    differences
        .map(|(at, difference)| {
            let message = match difference {
                json::Difference::Lost(value) => format!("the snapshot has {}, this run has nothing", json::short(value)),
                json::Difference::Invented(value) => format!("this run has {}, the snapshot nothing", json::short(value)),
                json::Difference::Changed(a, b) => {
                    format!("the snapshot has {}, this run {}", json::short(a), json::short(b))
                }
            };
            let mut finding = case.finding("C404", "", message);
            finding.pointer = at;
            finding
        })
        .collect()
}

fn of_request(case: &Case, request: &Request) -> Value {
    let named = case.fixture.request.as_ref().map(|request| request.named_headers()).unwrap_or_default();
    let shown = request.headers.iter().filter(|(name, _)| match name.as_str() {
        "authorization" => true,
        "content-type" if !request.body.is_empty() => true,
        name => named.contains(name),
    });
    let mut headers: Vec<(&str, &str)> = shown
        .map(|(name, value)| match name.as_str() {
            "authorization" => ("authorization", value.split_whitespace().next().unwrap_or_default()),
            name => (name, value.as_str()),
        })
        .collect();
    headers.sort_unstable();
    let headers: Map<String, Value> = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut query = request.query.clone();
    query.sort();
    let mut view = json!({ "method": request.method, "path": request.path, "query": query, "headers": headers });
    if let (Some(body), Value::Object(view)) = (of_body(&request.body), &mut view) {
        view.insert("body".into(), body);
    }
    view
}

/// What the fixture answers, as far as the comparison of values does not hold it.
pub(crate) fn of_response(case: &Case) -> Value {
    let Some(stated) = &case.fixture.response else { return Value::Null };
    let Some(response) = case.response() else { return json!({ "fault": stated.fault }) };
    let headers: Map<String, Value> = response.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    let mut view = json!({ "status": response.status, "headers": headers });
    let is_compared = case.fixture.expect.client.failure().is_none() && stated.json.is_some();
    if let (false, Some(body), Value::Object(view)) = (is_compared, of_body(&response.body), &mut view) {
        view.insert("body".into(), body);
    }
    view
}

fn of_body(body: &Body) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    let text = || std::str::from_utf8(&body.0).ok().map(Value::from);
    Some(body.to_json().ok().or_else(text).unwrap_or_else(|| json!({ "base64": STANDARD.encode(&body.0) })))
}

fn of_outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Decoded { type_name, value, details } if details.is_empty() => json!({ "ok": { "type": type_name, "value": value } }),
        Outcome::Decoded { type_name, value, details } => json!({ "ok": { "type": type_name, "value": value, "details": details } }),
        Outcome::Failed(failure) => json!({ "failure": {
            "class": failure.class,
            "status": failure.status,
            "code": failure.code,
            "message": failure.message,
            "details": failure.details,
            "display": failure.display,
        } }),
        Outcome::Unsupported => json!({ "unsupported": true }),
        Outcome::Broken { check, message } => json!({ "broken": { "check": check, "message": message } }),
    }
}
