//! What the client did with a fixture when a person last looked, read back from its snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::exchange::{Body, Request};
use crate::subject::{Failure, Outcome};
use crate::suite::{Case, Suite};

/// The snapshots of a suite: for each fixture's id what [`view`](crate::view::view) gave.
pub type Snapshots = BTreeMap<String, Value>;

/// Reads the snapshots of a folder: for the fixture `a/b/c` the file `a__b__c.snap`, as insta writes it. A fixture without
/// one is left out.
///
/// # Errors
///
/// A snapshot that is there and is no JSON, or that cannot be read; the text names the file.
pub fn load_snapshots(folder: &Path, suite: &Suite) -> Result<Snapshots, String> {
    let mut found = Snapshots::new();
    for id in suite.ids() {
        let path = folder.join(format!("{}.snap", id.replace('/', "__")));
        if !path.exists() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        // What stands between the two `---` is insta's own.
        let json = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map_or(text.as_str(), |(_, json)| json);
        let value = serde_json::from_str(json).map_err(|error| format!("{}: the snapshot is no JSON: {error}", path.display()))?;
        found.insert(id.to_owned(), value);
    }
    Ok(found)
}

/// A snapshot as what it was made of.
pub(super) struct Baseline {
    pub(super) request: Option<Request>,
    pub(super) outcome: Outcome,
    /// What was answered, as the view shows it.
    pub(super) response: Option<Value>,
}

impl Baseline {
    pub(super) fn read(case: &Case, snapshot: &Value) -> Option<Self> {
        let outcome = snapshot.get("outcome")?;
        let request = snapshot.get("request").filter(|request| !request.is_null());
        Some(Self {
            request: request.and_then(|request| read_request(case, request)),
            response: snapshot.get("response").cloned(),
            outcome: read_outcome(outcome)?,
        })
    }
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn read_request(case: &Case, view: &Value) -> Option<Request> {
    let stated = case.fixture.request.as_ref()?;
    let headers = view.get("headers")?.as_object()?.iter().map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        // Of credentials a snapshot keeps the scheme only.
        let fixed = stated.headers.iter().find(|(key, _)| name == "authorization" && key.eq_ignore_ascii_case(name));
        let whole = fixed.map(|(_, fixed)| fixed.as_str()).filter(|fixed| fixed.starts_with(value));
        (name.clone(), whole.unwrap_or(value).to_owned())
    });
    let body = match view.get("body") {
        None => Body::default(),
        Some(body) if stated.json.is_some() => Body::json(body),
        Some(Value::String(text)) => Body(text.as_bytes().to_vec()),
        Some(body) => match body.get("base64").and_then(Value::as_str) {
            Some(text) => Body(STANDARD.decode(text).ok()?),
            None => Body::json(body),
        },
    };
    Some(Request {
        method: text_at(view, "method")?,
        path: text_at(view, "path")?,
        query: serde_json::from_value(view.get("query")?.clone()).ok()?,
        headers: headers.collect(),
        body,
    })
}

fn read_outcome(view: &Value) -> Option<Outcome> {
    let details = |value: &Value| value.get("details").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(ok) = view.get("ok") {
        let value = ok.get("value").cloned().unwrap_or_default();
        return Some(Outcome::Decoded { type_name: text_at(ok, "type")?, value, details: details(ok) });
    }
    let failure = view.get("failure")?;
    Some(Outcome::Failed(Failure {
        class: serde_json::from_value(failure.get("class")?.clone()).ok()?,
        status: failure.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()),
        code: text_at(failure, "code"),
        message: text_at(failure, "message"),
        details: details(failure),
        display: text_at(failure, "display").unwrap_or_default(),
        debug: String::new(),
    }))
}
