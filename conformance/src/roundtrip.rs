//! Decoding and encoding again: nothing lost, nothing invented, nothing changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::exchange::{Response, header};
use crate::finding::Finding;
use crate::json::{self, Difference, is_within};
use crate::spec::{Operation, Spec};
use crate::suite::Case;

/// Compares the value that the client decoded with the body that it came from.
pub(crate) fn check(spec: &Spec, case: &Case, value: &Value) -> Vec<Finding> {
    let Some(response) = case.response() else { return Vec::new() };
    let Some(body) = as_json(case, &response) else {
        let message = "the body says that it is JSON and is not, yet the client decoded it";
        return vec![case.finding("C405", "/response", message)];
    };
    let part = case.fixture.expect.part.as_deref().unwrap_or_default();
    let mut losses = Vec::new();
    outside(&body, part, &mut losses);
    // A part that leads nowhere is the finding F216; the whole body stands in for it.
    let decoded = body.pointer(part).map_or((&body, ""), |inner| (inner, part));
    let within = json::differences(decoded.0, value).into_iter();
    losses.extend(within.map(|(at, difference)| (format!("{}{at}", decoded.1), difference)));

    let operation = spec.operation(&case.fixture.operation);
    let context = Context { spec, operation, response: &response, body: &body };
    let lossy = &case.fixture.expect.lossy;
    let mut used = vec![false; lossy.len()];
    let (mut findings, mut changed) = (Vec::new(), Vec::new());
    for (at, message) in losses.into_iter().flat_map(|(at, difference)| context.describe(&at, &difference)) {
        let covering = lossy.iter().zip(&mut used).filter(|(entry, _)| is_within(&at, &entry.at));
        let covered = covering.map(|(_, used)| *used = true).count();
        if covered == 0 {
            findings.push(case.finding("C405", &format!("/response/json{at}"), message));
            changed.push(at);
        }
    }
    // Where the client changes what stands above an exception, it only seems unneeded: the client is to blame first.
    let judged = |at: &str| !changed.iter().any(|above| is_within(at, above));
    for (index, (entry, _)) in lossy.iter().zip(used).enumerate().filter(|(_, (entry, used))| !used && judged(&entry.at)) {
        let message = format!("nothing is lost at `{}`; take this entry out", entry.at);
        findings.push(case.finding("F218", &format!("/expect/lossy/{index}"), message));
    }
    findings
}

/// The body as the JSON that a decoded value has to equal: JSON as it is, text and bytes as a string, no body as null.
fn as_json(case: &Case, response: &Response) -> Option<Value> {
    let spec = case.fixture.response.as_ref()?;
    if let Some(json) = &spec.json {
        return Some(json.clone());
    }
    if response.body.is_empty() {
        return Some(Value::Null);
    }
    let media_type = header(&response.headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    if media_type.contains("json") {
        return response.body.to_json().ok();
    }
    let text = String::from_utf8(response.body.0.clone());
    Some(Value::String(text.unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))))
}

/// Everything beside the way to `part`.
fn outside<'a>(body: &'a Value, part: &str, losses: &mut Vec<(String, Difference<'a>)>) {
    let (mut place, mut at) = (body, String::new());
    for token in json::tokens(part) {
        let siblings: Vec<(String, &Value)> = match place {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        let beside = siblings.iter().filter(|(key, _)| *key != token);
        losses.extend(beside.map(|(key, value)| (json::join(&at, key), Difference::Lost(value))));
        let Some((key, next)) = siblings.into_iter().find(|(key, _)| *key == token) else { return };
        at = json::join(&at, &key);
        place = next;
    }
}

struct Context<'a> {
    spec: &'a Spec,
    operation: Option<&'a Operation>,
    response: &'a Response,
    body: &'a Value,
}

impl Context<'_> {
    /// One message for each leaf of a difference; none where null and absent mean the same.
    fn describe(&self, at: &str, difference: &Difference<'_>) -> Vec<(String, String)> {
        match difference {
            Difference::Lost(Value::Null) | Difference::Invented(Value::Null) if self.may_be_absent(at) => Vec::new(),
            Difference::Lost(value) => {
                let lost = each_leaf(value, at).into_iter();
                lost.map(|(at, leaf)| (at, format!("{} is lost", json::short(leaf)))).collect()
            }
            Difference::Invented(value) => {
                let new = each_leaf(value, at).into_iter();
                new.map(|(at, leaf)| (at, format!("{} is invented by the client", json::short(leaf)))).collect()
            }
            Difference::Changed(from, to) => {
                vec![(at.to_owned(), format!("{} comes back as {}", json::short(from), json::short(to)))]
            }
        }
    }

    /// Whether the spec lets the key at `at` be left out. An element of a list never is.
    fn may_be_absent(&self, at: &str) -> bool {
        let Some((parent, _)) = at.rsplit_once('/') else { return false };
        let is_key = self.body.pointer(parent).is_some_and(Value::is_object);
        is_key && self.operation.is_some_and(|operation| self.spec.may_be_absent(operation, self.response, at))
    }
}

/// The leaves below a value; a null beside others says nothing, so it is left out where there are others.
fn each_leaf<'a>(value: &'a Value, at: &str) -> Vec<(String, &'a Value)> {
    let all = json::leaves(value, at);
    let telling: Vec<_> = all.iter().filter(|(_, leaf)| !leaf.is_null()).cloned().collect();
    if telling.is_empty() { all } else { telling }
}
