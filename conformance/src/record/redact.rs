//! From a raw exchange to what may be written down. Whatever the document does not show to be public is replaced.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::keep::Keep;
use super::placeholder::{Placeholders, is_date, is_date_time, is_numeric};
use crate::exchange::{Body, Request, Response};
use crate::json::join;
use crate::spec::{Member, Operation, Schemas, Spec, percent_encode};

/// From so many digits on a number may be somebody's id.
const ID_DIGITS: usize = 7;
/// Media types that say nothing of anybody.
const COMMON_MEDIA: [&str; 9] = [
    "*/*",
    "application/*",
    "application/json",
    "application/octet-stream",
    "application/problem+json",
    "application/x-www-form-urlencoded",
    "application/xml",
    "text/html",
    "text/plain",
];

/// Names of headers that say nothing of anybody.
const COMMON_HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "host",
    "server",
    "set-cookie",
    "transfer-encoding",
    "user-agent",
];

/// What was found while an exchange was redacted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Every raw text that was replaced or left out, with its place.
    pub(crate) raw: Vec<(String, String)>,
    /// Texts that were let stand as public or reviewed.
    pub(crate) public: BTreeSet<String>,
    /// What the document does not know, by place.
    pub(crate) drift: Vec<String>,
    /// The reviewed places that were met: pointer and reason.
    pub(crate) kept: BTreeMap<String, String>,
}

/// An exchange in which nothing is left but what is public, reviewed or a placeholder.
#[derive(Debug, Default)]
pub(crate) struct Redacted {
    /// With the placeholders in it; headers are those on the allow-list.
    pub(crate) request: Request,
    /// Credentials and other headers that were there and are not told.
    pub(crate) require_headers: BTreeSet<String>,
    /// With the placeholders in it; headers are those on the allow-list.
    pub(crate) response: Response,
    /// Path parameters, decoded.
    pub(crate) path_values: Vec<(String, String)>,
    pub(crate) notes: Notes,
}

/// Redacts the exchanges of one session, so that the same value has the same placeholder in all.
pub(crate) struct Redactor<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) keep: &'a Keep,
    pub(crate) placeholders: &'a mut Placeholders,
}

impl Redactor<'_> {
    /// The exchange without what is nobody's business.
    pub(crate) fn exchange(&mut self, operation: &Operation, request: &Request, response: &Response) -> Redacted {
        let mut walk = Walk { redactor: self, operation, notes: Notes::default() };
        let mut redacted = Redacted::default();
        walk.path(request, &mut redacted);
        walk.query(request, &mut redacted);
        walk.request_headers(request, &mut redacted);
        let kind = content_type(&request.headers);
        let schemas = walk.redactor.spec.request_schemas(operation, &kind);
        redacted.request.method.clone_from(&request.method);
        redacted.request.body = walk.body(&schemas, &kind, &request.body, "/request");
        walk.response_headers(response, &mut redacted);
        let kind = content_type(&response.headers);
        let schemas = walk.redactor.spec.response_schemas(operation, response.status, &kind);
        redacted.response.status = response.status;
        redacted.response.body = walk.body(&schemas, &kind, &response.body, "/response");
        redacted.notes = walk.notes;
        redacted
    }
}

/// The media type of a message in lower case, without parameters.
pub(crate) fn content_type(headers: &[(String, String)]) -> String {
    let value = headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value.as_str());
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a body of this media type is JSON.
pub(crate) fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.ends_with("+json") || kind == "text/json"
}

struct Walk<'a, 'b> {
    redactor: &'a mut Redactor<'b>,
    operation: &'a Operation,
    notes: Notes,
}

impl Walk<'_, '_> {
    fn path(&mut self, request: &Request, redacted: &mut Redacted) {
        let mut path = self.operation.path.clone();
        for (name, raw) in self.operation.match_path(&request.path).unwrap_or_default() {
            let schemas = self.redactor.spec.parameter_schemas(self.operation, "path", &name).unwrap_or_default();
            let value = self.parameter(&schemas, &raw, &join("/request/path", &name), &name, "path");
            path = path.replace(&format!("{{{name}}}"), &percent_encode(&value));
            redacted.path_values.push((name, value));
        }
        redacted.request.path = path;
    }

    fn query(&mut self, request: &Request, redacted: &mut Redacted) {
        for (name, raw) in &request.query {
            let base = name.split('[').next().unwrap_or_default();
            let spec = self.redactor.spec;
            let is_credential = spec.is_query_credential(self.operation, name);
            let schemas = spec.parameter_schemas(self.operation, "query", name);
            // `filter[genre]`: the name of the parameter is known, that of the member may not be.
            let deep = spec.parameter_schemas(self.operation, "query", base).filter(|_| base != name);
            let member = deep.as_ref().and_then(|deep| {
                let key = name.strip_prefix(base)?.strip_prefix('[')?.strip_suffix(']')?;
                match spec.member_of(deep, key) {
                    Member::Known(schemas) => Some(schemas),
                    _ => None,
                }
            });
            let at = join("/request/query", name);
            let (name, schemas) = match schemas.or(member) {
                Some(schemas) => (name.clone(), schemas),
                None if is_credential => (name.clone(), Schemas::default()),
                None if self.is_kept(&at) => (name.clone(), Schemas::default()),
                None => {
                    let replaced = self.replace(name, &at, |_| true);
                    self.notes.drift.push(format!("/request/query/{replaced}: an undocumented parameter"));
                    (replaced, Schemas::default())
                }
            };
            let at = join("/request/query", &name);
            let value = if is_credential { self.replace(raw, &at, |_| true) } else { self.parameter(&schemas, raw, &at, &name, "query") };
            redacted.request.query.push((name, value));
        }
    }

    fn request_headers(&mut self, request: &Request, redacted: &mut Redacted) {
        let credentials = self.redactor.spec.credential_headers(self.operation);
        for (name, raw) in &request.headers {
            let at = join("/request/headers", name);
            if credentials.contains(name) {
                self.forbid(&at, raw);
                redacted.require_headers.insert(name.clone());
                continue;
            }
            let schemas = self.redactor.spec.parameter_schemas(self.operation, "header", name);
            let value = match (name.as_str(), schemas) {
                ("content-type", _) if !request.body.is_empty() => Some(self.media(raw, None, &at)),
                ("accept", _) => Some(self.accept(raw, &at)),
                (_, Some(schemas)) => Some(self.parameter(&schemas, raw, &at, name, "header")),
                _ => None,
            };
            match value {
                Some(value) => redacted.request.headers.push((name.clone(), value)),
                None => self.forbid_header("/request/headers", name, raw),
            }
        }
    }

    fn response_headers(&mut self, response: &Response, redacted: &mut Redacted) {
        for (name, raw) in &response.headers {
            let at = join("/response/headers", name);
            let schemas = self.redactor.spec.header_schemas(self.operation, response.status, name);
            let value = match (name.as_str(), schemas) {
                ("content-type", _) => Some(self.media(raw, Some(response.status), &at)),
                ("retry-after", None) => Some(self.parameter(&Schemas::default(), raw, &at, name, "")),
                (_, Some(schemas)) => {
                    let value = self.text(&schemas, raw, &at);
                    // Headers are text, and numbers in them are no strings to their schema.
                    let number = raw.parse::<u64>().ok().filter(|number| *number < 10_u64.pow(ID_DIGITS as u32 - 1));
                    let is_number = number.is_some_and(|number| self.redactor.spec.takes(&schemas, &Value::from(number)));
                    Some(if is_number && !is_id_header(name) { self.public(raw) } else { value })
                }
                _ => None,
            };
            match value {
                // A header that comes twice counts once.
                Some(value) if !redacted.response.headers.iter().any(|(known, _)| known == name) => {
                    redacted.response.headers.push((name.clone(), value));
                }
                _ => self.forbid_header("/response/headers", name, raw),
            }
        }
    }

    /// A media type that the document or everybody knows, without parameters.
    fn media(&mut self, raw: &str, status: Option<u16>, at: &str) -> String {
        let kind = raw.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_known = COMMON_MEDIA.contains(&kind.as_str()) || self.redactor.spec.documents_media(self.operation, status, &kind);
        if is_known {
            let rest = raw.split_once(';').map_or("", |(_, rest)| rest.trim());
            if !rest.is_empty() && !rest.eq_ignore_ascii_case("charset=utf-8") {
                self.forbid(at, rest);
            }
            return self.public(&kind);
        }
        self.forbid(at, raw);
        self.notes.drift.push(format!("{at}: an undocumented media type"));
        if is_json(&kind) { "application/json".to_owned() } else { "application/octet-stream".to_owned() }
    }

    fn accept(&mut self, raw: &str, at: &str) -> String {
        let kinds: Vec<String> =
            raw.split(',').map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).collect();
        if kinds.iter().all(|kind| COMMON_MEDIA.contains(&kind.as_str())) && kinds.len() == 1 && !raw.contains(';') {
            return self.public(raw);
        }
        self.forbid(at, raw);
        "*/*".to_owned()
    }

    /// A parameter, which is text on the wire and may be a number or a truth value to its schema.
    fn parameter(&mut self, schemas: &Schemas, raw: &str, at: &str, name: &str, place: &str) -> String {
        if !place.is_empty() && schemas.is_known() {
            let spec = self.redactor.spec;
            let typed = spec.typed(self.operation, place, name, raw);
            let is_public = match &typed {
                Value::Bool(_) => true,
                Value::Number(number) => {
                    let is_id = if place == "header" { is_id_header(name) } else { is_id_name(name) };
                    place != "path" && is_small(number) && !is_id
                }
                Value::Array(list) => !list.is_empty() && list.iter().all(|item| spec.prints(&spec.items(schemas), item)),
                other => spec.prints(schemas, other),
            };
            if is_public {
                return self.public(raw);
            }
            let fits = |text: &str| spec.takes(schemas, &spec.typed(self.operation, place, name, text));
            return self.replace_unless_kept(raw, at, fits);
        }
        self.replace_unless_kept(raw, at, |_| true)
    }

    fn body(&mut self, schemas: &Schemas, kind: &str, body: &Body, side: &str) -> Body {
        if body.is_empty() {
            return Body::default();
        }
        if is_json(kind)
            && let Ok(value) = body.to_json()
        {
            return Body::json(&self.value(schemas, value, &format!("{side}/json"), ""));
        }
        let Ok(text) = std::str::from_utf8(&body.0) else {
            let raw = STANDARD.encode(&body.0);
            let text = self.replace(&raw, &format!("{side}/base64"), |_| true);
            // Bytes that are no text stay bytes that are no text.
            return Body([b"\xff\xfe", text.as_bytes()].concat());
        };
        let at = format!("{side}/text");
        if kind == "application/x-www-form-urlencoded" {
            return Body(self.form(schemas, text, &at).into_bytes());
        }
        Body(self.text(schemas, text, &at).into_bytes())
    }

    fn form(&mut self, schemas: &Schemas, text: &str, at: &str) -> String {
        let pairs: Vec<(String, String)> = super::wire::pairs(text);
        let mut written = Vec::with_capacity(pairs.len());
        for (name, raw) in pairs {
            let (name, schemas) = match self.redactor.spec.member_of(schemas, &name) {
                Member::Known(schemas) => (name, schemas),
                Member::Entry(schemas) => (self.replace(&name, at, |_| true), schemas),
                Member::Unknown => {
                    let replaced = self.replace(&name, at, |_| true);
                    self.notes.drift.push(format!("{at}: an undocumented field {replaced}"));
                    (replaced, Schemas::default())
                }
            };
            let value = self.text(&schemas, &raw, &join(at, &name));
            written.push(format!("{}={}", percent_encode(&name), percent_encode(&value)));
        }
        written.join("&")
    }

    fn value(&mut self, schemas: &Schemas, value: Value, at: &str, name: &str) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value,
            Value::String(text) => Value::String(self.text(schemas, &text, at)),
            Value::Number(number) => self.number(schemas, number, at, name),
            Value::Array(list) => {
                let items = self.redactor.spec.items(schemas);
                let list = list.into_iter().enumerate();
                Value::Array(list.map(|(index, item)| self.value(&items, item, &format!("{at}/{index}"), name)).collect())
            }
            Value::Object(map) => {
                let mut written = Map::new();
                for (key, value) in map {
                    let below = join(at, &key);
                    let (shown, inner) = match self.redactor.spec.member_of(schemas, &key) {
                        Member::Known(inner) => (key, inner),
                        Member::Entry(inner) => (self.key(&key, &below), inner),
                        Member::Unknown => {
                            let shown = self.key(&key, &below);
                            if schemas.is_known() {
                                self.notes.drift.push(format!("{}: an undocumented key", join(at, &shown)));
                            }
                            (shown, Schemas::default())
                        }
                    };
                    let value = self.value(&inner, value, &join(at, &shown), &shown);
                    written.insert(shown, value);
                }
                Value::Object(written)
            }
        }
    }

    /// The name of a member that is data: it can give something away as any value can.
    fn key(&mut self, key: &str, at: &str) -> String {
        self.replace_unless_kept(key, at, |_| true)
    }

    fn text(&mut self, schemas: &Schemas, raw: &str, at: &str) -> String {
        let spec = self.redactor.spec;
        let is_public = spec.prints(schemas, &Value::from(raw))
            || (spec.has(schemas, "format", "date-time") && is_date_time(raw))
            || (spec.has(schemas, "format", "date") && is_date(raw));
        if is_public {
            return self.public(raw);
        }
        self.replace_unless_kept(raw, at, |text| spec.takes(schemas, &Value::from(text)))
    }

    fn number(&mut self, schemas: &Schemas, number: Number, at: &str, name: &str) -> Value {
        let spec = self.redactor.spec;
        let is_documented = spec.has(schemas, "type", "number") || spec.has(schemas, "type", "integer");
        let raw = number.to_string();
        if spec.prints(schemas, &Value::Number(number.clone())) || (is_documented && is_small(&number) && !is_id_name(name)) {
            self.notes.public.insert(raw);
            return Value::Number(number);
        }
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
        let fits = |text: &str| parse(text).is_some_and(|value| spec.takes(schemas, &value));
        let text = self.replace_unless_kept(&raw, at, fits);
        parse(&text).unwrap_or(Value::Null)
    }

    fn is_kept(&mut self, at: &str) -> bool {
        let Some(entry) = self.redactor.keep.covers(&self.operation.id, at) else { return false };
        self.notes.kept.insert(entry.at.clone(), entry.why.clone());
        true
    }

    fn public(&mut self, raw: &str) -> String {
        self.notes.public.insert(raw.to_owned());
        raw.to_owned()
    }

    fn replace_unless_kept(&mut self, raw: &str, at: &str, fits: impl Fn(&str) -> bool) -> String {
        if raw.is_empty() {
            return String::new();
        }
        if self.is_kept(at) { self.public(raw) } else { self.replace(raw, at, fits) }
    }

    fn replace(&mut self, raw: &str, at: &str, fits: impl Fn(&str) -> bool) -> String {
        let shown = self.redactor.placeholders.of(raw, fits);
        // The place may be named after a key that is itself replaced; then only what is above it is told.
        let place = if at.ends_with(raw) { at.rsplit_once('/').map_or("", |(above, _)| above) } else { at };
        self.forbid(place, raw);
        shown
    }

    /// A header that is left out. Its name may be somebody's, too, unless everybody uses it.
    fn forbid_header(&mut self, side: &str, name: &str, raw: &str) {
        self.forbid(side, raw);
        if !COMMON_HEADERS.contains(&name) {
            self.forbid(side, name);
        }
    }

    fn forbid(&mut self, at: &str, raw: &str) {
        self.notes.raw.push((at.to_owned(), raw.to_owned()));
    }
}

fn is_small(number: &Number) -> bool {
    number.to_string().bytes().filter(u8::is_ascii_digit).count() < ID_DIGITS
}

/// Whether a member of this name holds an id, however short.
fn is_id_name(name: &str) -> bool {
    let is_word =
        |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()));
    let lower = name.to_ascii_lowercase();
    let mut words = lower.rsplit(|c: char| !c.is_ascii_alphanumeric());
    words.next().is_some_and(|last| matches!(last, "id" | "ids")) || ["Id", "ID", "Ids", "IDs"].into_iter().any(is_word)
}

/// As [`is_id_name`] of a header, whose words are not told apart by capitals.
fn is_id_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with("id") || lower.ends_with("ids")
}

/// Whether a text says nothing by itself: a number too short for an id.
pub(super) fn is_short_number(text: &str) -> bool {
    is_numeric(text) && text.bytes().filter(u8::is_ascii_digit).count() < ID_DIGITS
}
