//! The smallest exchange that the document allows, for who has to begin a fixture somewhere.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Spec;
use super::direction::Way;
use super::model::{Credential, FORM, Media, Operation, Parameter, Place, Style, essence, is_json};
use super::pointer::{percent_encode, resolve};
use crate::params::parameters;

/// A body under the key that a fixture has it by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DraftBody {
    pub(crate) content_type: String,
    /// `json`, `text` or `base64`.
    pub(crate) key: &'static str,
    pub(crate) value: Value,
    /// The name of its schema, and whether it is a list of such.
    pub(crate) named: Option<(String, bool)>,
}

/// What a caller gives and what is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DraftRequest {
    pub(crate) call: BTreeMap<String, Value>,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) require_headers: Vec<String>,
    pub(crate) body: Option<DraftBody>,
}

/// What comes back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DraftResponse {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<DraftBody>,
}

impl Operation {
    /// A status for each documented response, in the order of the document; a class stands for its first.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let number = |status: &str| match status.as_bytes() {
            [class @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => Some(u16::from(class - b'0') * 100),
            _ => status.parse().ok().filter(|status| (100..600).contains(status)),
        };
        let mut found: Vec<u16> = self.responses.iter().filter_map(|reply| number(&reply.status)).collect();
        if self.responses.iter().any(|reply| reply.status == "default") {
            let is_free = |status: &u16| self.reply(*status).is_some_and(|reply| reply.status == "default");
            let wanted = if found.iter().any(|status| (200..300).contains(status)) { [500, 200] } else { [200, 500] };
            found.extend(wanted.into_iter().find(is_free));
        }
        found
    }
}

impl Spec {
    /// The required parameters and the required body, with values that the document takes.
    pub(crate) fn draft_request(&self, operation: &Operation) -> DraftRequest {
        let mut draft = DraftRequest { path: operation.path.clone(), ..DraftRequest::default() };
        let known = parameters(self, operation);
        let mut cookies = Vec::new();
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            let value = parameter.schema.as_ref().and_then(|schema| self.sendable(schema, &parameter.name));
            let value = value.unwrap_or_else(|| Value::from(parameter.name.as_str()));
            // A caller gives a header by the name that the document writes.
            let same = |name: &str| {
                if parameter.place == Place::Header { name.eq_ignore_ascii_case(&parameter.name) } else { name == parameter.name }
            };
            let name = known.iter().map(|known| &known.name).find(|name| same(name)).unwrap_or(&parameter.name).clone();
            match parameter.place {
                Place::Query => query(parameter, &value, &mut draft.query),
                Place::Path => {
                    let sent = percent_encode(&text(parameter, &value));
                    draft.path = draft.path.replace(&format!("{{{}}}", parameter.name), &sent);
                }
                Place::Header => drop(draft.headers.insert(parameter.name.clone(), text(parameter, &value))),
                Place::Cookie => cookies.push(format!("{}={}", parameter.name, text(parameter, &value))),
            }
            draft.call.insert(name, value);
        }
        credentials(operation, &mut draft, &mut cookies);
        if !cookies.is_empty() {
            draft.headers.insert("cookie".to_owned(), cookies.join("; "));
        }
        if let Some(payload) = operation.body.as_ref().filter(|payload| payload.required) {
            draft.body = self.view(Way::Request).draft_body(&payload.media);
        }
        if let Some(body) = &draft.body {
            draft.call.insert("body".to_owned(), body.value.clone());
            if body.content_type != "application/json" {
                draft.headers.insert("content-type".to_owned(), body.content_type.clone());
            }
        }
        draft
    }

    /// The documented response for a status, with its required headers and a body where one is documented.
    pub(crate) fn draft_response(&self, operation: &Operation, status: u16) -> Option<DraftResponse> {
        let reply = operation.reply(status)?;
        let mut draft = DraftResponse::default();
        for header in reply.headers.iter().filter(|header| header.required) {
            let value = header.schema.as_ref().and_then(|schema| self.sendable(schema, &header.name));
            let value = value.unwrap_or_else(|| Value::from(header.name.as_str()));
            draft.headers.insert(header.name.clone(), text(header, &value));
        }
        let is_silent = operation.method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        draft.body = if is_silent { None } else { self.view(Way::Response).draft_body(&reply.media) };
        if let Some(body) = &draft.body {
            draft.headers.insert("content-type".to_owned(), body.content_type.clone());
        }
        Some(draft)
    }

    /// JSON where there is a choice, then a text, then whatever comes first.
    fn draft_body(&self, media: &[Media]) -> Option<DraftBody> {
        let rank = |media: &&Media| match essence(&media.name) {
            name if is_json(&name) => 0,
            name if name == "*/*" => 1,
            name if name.starts_with("text/") => 2,
            name if name == FORM => 3,
            _ => 4,
        };
        let media = media.iter().min_by_key(rank)?;
        let kind = essence(&media.name);
        let value = media.schema.as_ref().and_then(|schema| self.instance(schema, "text"));
        let named = media.schema.as_ref().and_then(|schema| self.schema_name(schema));
        let (content_type, key, value) = match kind.as_str() {
            "*/*" => ("application/json".to_owned(), "json", value.unwrap_or_else(|| Value::Object(Map::new()))),
            kind if is_json(kind) => (kind.to_owned(), "json", value.unwrap_or_else(|| Value::Object(Map::new()))),
            FORM => (kind.clone(), "text", Value::from(form(value.as_ref()))),
            "text/*" => ("text/plain".to_owned(), "text", Value::from(plain(value.as_ref()))),
            kind if kind.starts_with("text/") || kind.ends_with("xml") => (kind.to_owned(), "text", Value::from(plain(value.as_ref()))),
            kind if kind.starts_with("multipart/") => {
                let kind = if kind.ends_with('*') { "multipart/form-data" } else { kind };
                (format!("{kind}; boundary=draft"), "text", Value::from("--draft--\r\n"))
            }
            kind => (kind.replace("image/*", "image/png").replace('*', "octet-stream"), "base64", Value::from(STANDARD.encode("draft"))),
        };
        Some(DraftBody { content_type, key, value, named })
    }

    /// The name in the components that a schema, or the schema of a list's items, refers to.
    fn schema_name(&self, schema: &str) -> Option<(String, bool)> {
        let name = |pointer: &str| {
            let (pointer, _) = resolve(self.document(), pointer).ok()?;
            pointer.strip_prefix("/components/schemas/").filter(|name| !name.contains('/')).map(str::to_owned)
        };
        name(schema).map(|name| (name, false)).or_else(|| name(&format!("{schema}/items")).map(|name| (name, true)))
    }
}

/// Adds the pairs of a query parameter.
pub(crate) fn query(parameter: &Parameter, value: &Value, pairs: &mut Vec<(String, String)>) {
    let name = &parameter.name;
    match (value, parameter.style, parameter.explode) {
        (Value::Object(object), Style::Deep, _) => {
            pairs.extend(object.iter().map(|(key, value)| (format!("{name}[{key}]"), scalar(value))));
        }
        (Value::Object(object), Style::Comma, true) => {
            pairs.extend(object.iter().map(|(key, value)| (key.clone(), scalar(value))));
        }
        (Value::Array(items), style, true) if style != Style::Json => {
            pairs.extend(items.iter().map(|value| (name.clone(), scalar(value))));
        }
        _ => {
            pairs.push((name.clone(), text(parameter, value)));
        }
    }
}

/// A parameter as one text.
pub(crate) fn text(parameter: &Parameter, value: &Value) -> String {
    let separator = match parameter.style {
        Style::Space => " ",
        Style::Pipe => "|",
        _ => ",",
    };
    match value {
        _ if parameter.style == Style::Json => value.to_string(),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(separator),
        Value::Object(object) if parameter.explode => {
            object.iter().map(|(key, value)| format!("{key}={}", scalar(value))).collect::<Vec<_>>().join(separator)
        }
        Value::Object(object) => object.iter().flat_map(|(key, value)| [key.clone(), scalar(value)]).collect::<Vec<_>>().join(separator),
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn plain(value: Option<&Value>) -> String {
    value.map_or_else(|| "text".to_owned(), scalar)
}

fn form(value: Option<&Value>) -> String {
    let pair = |name: &str, value: &Value| format!("{}={}", percent_encode(name), percent_encode(&scalar(value)));
    let object = value.and_then(Value::as_object);
    let pairs = object.into_iter().flatten().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| pair(name, item)).collect(),
        value => vec![pair(name, value)],
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The credentials of the first alternative that a request can carry.
fn credentials(operation: &Operation, draft: &mut DraftRequest, cookies: &mut Vec<String>) {
    let is_known = |requirement: &&Vec<Credential>| !requirement.iter().any(|one| matches!(one, Credential::Unknown(_)));
    for credential in operation.security.iter().find(is_known).into_iter().flatten() {
        match credential {
            Credential::Bearer | Credential::Basic => draft.require_headers.push("authorization".to_owned()),
            Credential::Header(name) => draft.require_headers.push(name.clone()),
            Credential::Query(name) => draft.query.push((name.clone(), "test-key".to_owned())),
            Credential::Cookie(name) => cookies.push(format!("{name}=test-key")),
            Credential::Unknown(_) => {}
        }
    }
}
