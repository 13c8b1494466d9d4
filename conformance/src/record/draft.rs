//! A redacted exchange as the text of a fixture that passes the lint.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::redact::{Redacted, content_type, is_json};
use crate::exchange::Body;
use crate::lint::{folder_name, lint};
use crate::params::parameters;
use crate::spec::{Operation, Spec};
use crate::suite::Suite;

/// Checks whose findings a fixture can declare as departures of the service.
const DECLARABLE: [&str; 12] = ["F204", "F205", "F206", "F207", "F208", "F209", "F301", "F302", "F303", "F304", "F305", "F306"];

/// What a client decodes the answers of an operation into: the type, and the part of the body that it stands for.
pub(super) type Types = BTreeMap<String, (String, Option<String>)>;

/// What all fixtures of a session share.
pub(super) struct Origin<'a> {
    pub(super) spec: &'a Spec,
    pub(super) source: &'a str,
    pub(super) at: &'a str,
    pub(super) types: &'a Types,
}

/// A fixture that is ready to be written.
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) source: Value,
    /// Where the answer or the request departs from the document: check and pointer.
    pub(super) departures: Vec<String>,
}

/// The folder of an operation's fixtures, below that of all fixtures.
pub(super) fn folder(operation: &Operation) -> String {
    let tag = operation.tag.as_deref().map_or_else(|| "untagged".to_owned(), folder_name);
    format!("{tag}/{}", operation.id)
}

impl Origin<'_> {
    /// The fixture with this id, or the place of what cannot be told in one.
    pub(super) fn draft(&self, operation: &Operation, redacted: &Redacted, id: &str) -> Result<Draft, String> {
        let mut source = self.source(operation, redacted, id);
        let mut violates = Vec::new();
        for finding in lint(self.spec, &suite_of(&source, id)?) {
            if DECLARABLE.contains(&finding.id) {
                let why = format!("recorded so: {}", finding.message);
                violates.push(json!({"check": finding.id, "at": finding.pointer, "why": why}));
            }
        }
        let tell = |entry: &Value| format!("{} {}", entry["check"].as_str().unwrap_or_default(), entry["at"].as_str().unwrap_or_default());
        let departures = violates.iter().map(tell).collect();
        if let Some(Value::Object(expect)) = source.get_mut("expect").filter(|_| !violates.is_empty()) {
            expect.insert("violates".into(), Value::Array(violates));
        }
        if let Some(finding) = lint(self.spec, &suite_of(&source, id)?).first() {
            return Err(format!("{} at {}", finding.id, finding.pointer));
        }
        Ok(Draft { text: write(&source)?, source, departures })
    }

    fn source(&self, operation: &Operation, redacted: &Redacted, id: &str) -> Value {
        let status = redacted.response.status;
        let mut provenance = json!({"kind": "recorded", "source": self.source, "at": self.at});
        let kept: Vec<Value> = redacted.notes.kept.iter().map(|(at, why)| json!({"at": at, "why": why})).collect();
        if !kept.is_empty() {
            provenance["kept"] = Value::Array(kept);
        }
        let mut request = json!({"method": redacted.request.method, "path": redacted.request.path});
        if !redacted.request.query.is_empty() {
            request["query"] = json!(redacted.request.query);
        }
        add_headers(&mut request, &redacted.request.headers);
        if !redacted.require_headers.is_empty() {
            request["require_headers"] = json!(redacted.require_headers);
        }
        add_body(&mut request, &content_type(&redacted.request.headers), &redacted.request.body);
        let mut response = json!({"status": status});
        add_headers(&mut response, &redacted.response.headers);
        add_body(&mut response, &content_type(&redacted.response.headers), &redacted.response.body);
        let mut source = json!({
            "fixture": 1,
            "id": id,
            "operation": operation.id,
            "summary": format!("Recorded: {} {} answers {status}", operation.method, operation.path),
            "provenance": provenance,
        });
        let call = self.call(operation, redacted, &request);
        if !call.is_empty() {
            source["call"] = Value::Object(call);
        }
        source["request"] = request;
        source["response"] = response;
        source["expect"] = self.expect(operation, redacted);
        source
    }

    /// What a caller gives: the documented parameters as values of their type, and the body.
    fn call(&self, operation: &Operation, redacted: &Redacted, request: &Value) -> Map<String, Value> {
        let mut call = Map::new();
        for (name, text) in &redacted.path_values {
            call.insert(name.clone(), self.spec.typed(operation, "path", name, text));
        }
        for parameter in parameters(self.spec, operation) {
            let name = &parameter.name;
            let pairs = match parameter.place.as_str() {
                "query" => &redacted.request.query,
                "header" => &redacted.request.headers,
                _ => continue,
            };
            let sent: Vec<&str> = pairs
                .iter()
                .filter(|(key, _)| if parameter.place == "header" { key.eq_ignore_ascii_case(name) } else { key == name })
                .map(|(_, text)| text.as_str())
                .collect();
            if sent.is_empty() || parameter.is_constant {
                continue;
            }
            let typed = |text: &str| self.spec.typed(operation, &parameter.place, name, text);
            let documented = operation.parameters.iter().find(|known| known.place.name() == parameter.place && known.name == *name);
            // In a header a list is one text, whatever `explode` says.
            let joins_lists = parameter.place == "header" || documented.is_some_and(|documented| !documented.explode);
            let value = match (sent.as_slice(), typed(sent[0])) {
                ([text], Value::Array(list)) if joins_lists || list.len() == 1 => {
                    if list.is_empty() {
                        Value::from(*text)
                    } else {
                        Value::Array(list)
                    }
                }
                ([text], Value::Array(_)) => json!([text]),
                ([_], value) => value,
                (all, _) => json!(all),
            };
            call.insert(name.clone(), value);
        }
        let body = ["json", "text", "base64"].into_iter().find_map(|key| request.get(key));
        call.extend(body.map(|body| ("body".to_owned(), body.clone())));
        call
    }

    fn expect(&self, operation: &Operation, redacted: &Redacted) -> Value {
        let status = redacted.response.status;
        if status >= 300 {
            return json!({"client": "api-error"});
        }
        if let Some((name, part)) = self.types.get(&operation.id) {
            let part = part.as_deref().filter(|part| redacted.response.body.to_json().is_ok_and(|body| body.pointer(part).is_some()));
            let mut expect = json!({"client": "ok", "type": name});
            if let Some(part) = part {
                expect["part"] = json!(part);
            }
            return expect;
        }
        let schemas = self.spec.response_schemas(operation, status, &content_type(&redacted.response.headers));
        let fallback = if redacted.response.body.is_empty() { "()" } else { "Value" };
        json!({"client": "ok", "type": self.spec.type_name(&schemas).unwrap_or_else(|| fallback.to_owned())})
    }
}

fn suite_of(source: &Value, id: &str) -> Result<Suite, String> {
    let mut suite = Suite::default();
    suite.add(&format!("{id}.yaml"), id, &write(source)?);
    Ok(suite)
}

fn write(source: &Value) -> Result<String, String> {
    yaml_serde::to_string(source).map_err(|_| "the fixture as YAML".to_owned())
}

fn add_headers(side: &mut Value, headers: &[(String, String)]) {
    let headers: BTreeMap<&String, &String> = headers.iter().map(|(name, value)| (name, value)).collect();
    if !headers.is_empty() {
        side["headers"] = json!(headers);
    }
}

fn add_body(side: &mut Value, kind: &str, body: &Body) {
    if body.is_empty() {
        return;
    }
    match (is_json(kind).then(|| body.to_json()), std::str::from_utf8(&body.0)) {
        (Some(Ok(value)), _) => side["json"] = value,
        (_, Ok(text)) => side["text"] = json!(text),
        (_, Err(_)) => side["base64"] = json!(STANDARD.encode(&body.0)),
    }
}
