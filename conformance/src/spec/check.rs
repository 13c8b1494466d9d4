//! Whether an exchange keeps to the document. Whatever is not documented is a violation.

use serde_json::Value;

use super::direction::Way;
use super::model::{Credential, FORM, Media, Operation, Parameter, Place, Reply, essence, is_json, media_for};
use super::parameter::Query;
use super::pointer::{existing, join};
use super::{Spec, Violation};
use crate::exchange::{Body, Headers, Request, Response, header};

/// Headers of a request that belong to the transport and that no document lists.
const REQUEST_TRANSPORT: [&str; 15] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "user-agent",
];

/// Headers of a response that belong to the transport and that no document lists.
const RESPONSE_TRANSPORT: [&str; 16] = [
    "age",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "server",
    "transfer-encoding",
    "vary",
    "via",
];

/// Where a body stands in an exchange, under the name that a fixture gives it.
fn body_at(side: &str, json: bool, body: &Body) -> String {
    let kind = if json {
        "json"
    } else if std::str::from_utf8(&body.0).is_ok() {
        "text"
    } else {
        "base64"
    };
    format!("/{side}/{kind}")
}

fn violation(check: &'static str, at: String, spec_at: &str, message: String) -> Violation {
    Violation { check, at, spec_at: spec_at.to_owned(), message }
}

fn names(media: &[Media]) -> String {
    let names: Vec<_> = media.iter().map(|media| format!("`{}`", media.name)).collect();
    names.join(", ")
}

/// The two sides of an exchange, and the checks that speak for them.
struct Side {
    name: &'static str,
    way: Way,
    content_type: &'static str,
    body: &'static str,
}

const REQUEST: Side = Side { name: "request", way: Way::Request, content_type: "F208", body: "F209" };

const RESPONSE: Side = Side { name: "response", way: Way::Response, content_type: "F303", body: "F302" };

impl Spec {
    pub(super) fn request_violations(&self, operation: &Operation, request: &Request) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_path(operation, request, &mut found);
        let mut query = Query::new(&request.query);
        self.check_query(operation, &mut query, &mut found);
        self.check_headers(operation, request, &mut found);
        check_security(operation, request, &mut query, &mut found);
        for name in query.unclaimed() {
            found.push(violation(
                "F205",
                join("/request/query", name),
                &operation.pointer,
                format!("the query parameter `{name}` is not documented"),
            ));
        }
        self.check_request_body(operation, request, &mut found);
        found.sort();
        found
    }

    fn check_path(&self, operation: &Operation, request: &Request, found: &mut Vec<Violation>) {
        if request.method != operation.method {
            found.push(violation(
                "F203",
                "/request/method".to_owned(),
                &operation.pointer,
                format!("`{}` is a {}, the request is a {}", operation.id, operation.method, request.method),
            ));
        }
        let at = || "/request/path".to_owned();
        let Some(values) = operation.match_path(&request.path) else {
            found.push(violation("F203", at(), &operation.pointer, format!("the path does not match `{}`", operation.path)));
            return;
        };
        let reached = self.operation_for(&operation.method, &request.path);
        if let Some(other) = reached.filter(|other| other.pointer != operation.pointer) {
            found.push(violation("F203", at(), &other.pointer, format!("the path reaches `{}`, whose template is closer", other.id)));
        }
        for (name, text) in values {
            let known = operation.parameters_in(Place::Path).find(|parameter| parameter.name == name);
            let Some(parameter) = known else {
                let message = format!("the path parameter `{name}` is not documented");
                found.push(violation("F204", at(), &operation.pointer, message));
                continue;
            };
            // A client library folds these away, so that the request reaches another path.
            if text.is_empty() || text == "." || text == ".." {
                let message = format!("the path parameter `{name}` is \"{text}\", which names no segment");
                found.push(violation("F204", at(), &parameter.pointer, message));
                continue;
            }
            for (spec_at, message) in self.text_value(parameter, &text).faults {
                let message = format!("path parameter `{name}`: {message}");
                found.push(violation("F204", at(), &spec_at, message));
            }
        }
    }

    fn check_query(&self, operation: &Operation, query: &mut Query<'_>, found: &mut Vec<Violation>) {
        for parameter in self.query_parameters(operation, query) {
            let name = &parameter.name;
            let at = join("/request/query", name);
            match self.query_value(parameter, query) {
                Some(judged) => {
                    for (spec_at, message) in judged.faults {
                        let message = format!("query parameter `{name}`: {message}");
                        found.push(violation("F205", at.clone(), &spec_at, message));
                    }
                }
                None if parameter.required => {
                    let message = format!("the required query parameter `{name}` is missing");
                    found.push(violation("F205", at, &parameter.pointer, message));
                }
                None => {}
            }
        }
    }

    fn check_headers(&self, operation: &Operation, request: &Request, found: &mut Vec<Violation>) {
        let documented: Vec<&Parameter> = operation.parameters_in(Place::Header).collect();
        self.check_documented_headers("F206", "request", &documented, &request.headers, found);
        for parameter in operation.parameters_in(Place::Cookie) {
            let at = || "/request/headers/cookie".to_owned();
            let name = &parameter.name;
            match cookie(&request.headers, name) {
                Some(text) => {
                    for (spec_at, message) in self.text_value(parameter, &text).faults {
                        let message = format!("cookie `{name}`: {message}");
                        found.push(violation("F206", at(), &spec_at, message));
                    }
                }
                None if parameter.required => {
                    let message = format!("the required cookie `{name}` is missing");
                    found.push(violation("F206", at(), &parameter.pointer, message));
                }
                None => {}
            }
        }
        let credentials = operation.security.iter().flatten();
        let carried = credentials.filter_map(|credential| match credential {
            Credential::Header(name) => Some(name.as_str()),
            Credential::Bearer | Credential::Basic => Some("authorization"),
            Credential::Unknown(_) => Some("authorization"),
            Credential::Query(_) | Credential::Cookie(_) => None,
        });
        let mut known: Vec<&str> = carried.collect();
        known.extend(documented.iter().map(|parameter| parameter.name.as_str()));
        known.extend(REQUEST_TRANSPORT);
        undocumented_headers("F206", "request", &known, &request.headers, &operation.pointer, found);
    }

    fn check_documented_headers(
        &self,
        check: &'static str,
        side: &str,
        documented: &[&Parameter],
        headers: &Headers,
        found: &mut Vec<Violation>,
    ) {
        for parameter in documented {
            let name = &parameter.name;
            let at = join(&format!("/{side}/headers"), name);
            match header(headers, name) {
                Some(text) => {
                    for (spec_at, message) in self.text_value(parameter, text).faults {
                        let message = format!("header `{name}`: {message}");
                        found.push(violation(check, at.clone(), &spec_at, message));
                    }
                }
                None if parameter.required => {
                    let message = format!("the required header `{name}` is missing");
                    found.push(violation(check, at, &parameter.pointer, message));
                }
                None => {}
            }
        }
    }

    fn check_request_body(&self, operation: &Operation, request: &Request, found: &mut Vec<Violation>) {
        let empty = request.body.is_empty();
        match &operation.body {
            None if empty => {}
            None => found.push(violation(
                "F209",
                body_at("request", looks_like_json(&request.headers), &request.body),
                &operation.pointer,
                "a body is sent, and none is documented".to_owned(),
            )),
            Some(payload) if empty => {
                if payload.required {
                    let json = payload.media.iter().any(|media| is_json(&essence(&media.name)));
                    found.push(violation(
                        "F209",
                        body_at("request", json, &request.body),
                        &payload.pointer,
                        "the required body is missing".to_owned(),
                    ));
                }
            }
            Some(payload) => {
                let media = &payload.media;
                self.check_body(&REQUEST, media, &payload.pointer, &request.headers, &request.body, found);
            }
        }
    }

    pub(super) fn response_violations(&self, operation: &Operation, response: &Response) -> Vec<Violation> {
        let mut found = Vec::new();
        let Some(reply) = operation.reply(response.status) else {
            let documented: Vec<_> = operation.responses.iter().map(|reply| reply.status.as_str()).collect();
            found.push(violation(
                "F301",
                "/response/status".to_owned(),
                existing(self.document(), &join(&operation.pointer, "responses")),
                format!("the status {} is not documented; documented: {}", response.status, documented.join(", ")),
            ));
            return found;
        };
        self.check_response_headers(reply, response, &mut found);
        self.check_response_body(operation, reply, response, &mut found);
        found.sort();
        found
    }

    fn check_response_headers(&self, reply: &Reply, response: &Response, found: &mut Vec<Violation>) {
        let documented: Vec<&Parameter> = reply.headers.iter().collect();
        self.check_documented_headers("F306", "response", &documented, &response.headers, found);
        let mut known: Vec<&str> = RESPONSE_TRANSPORT.to_vec();
        known.extend(documented.iter().map(|header| header.name.as_str()));
        undocumented_headers("F306", "response", &known, &response.headers, &reply.pointer, found);
    }

    fn check_response_body(&self, operation: &Operation, reply: &Reply, response: &Response, found: &mut Vec<Violation>) {
        let silent = operation.method == "HEAD" || matches!(response.status, 204 | 304);
        match (reply.media.is_empty(), response.body.is_empty()) {
            (true, true) => {}
            (false, true) => {
                if !silent {
                    let json = reply.media.iter().any(|media| is_json(&essence(&media.name)));
                    found.push(violation(
                        "F304",
                        body_at("response", json, &response.body),
                        &reply.pointer,
                        format!("the body is empty, and {} is documented", names(&reply.media)),
                    ));
                }
            }
            (true, false) => found.push(violation(
                "F304",
                body_at("response", looks_like_json(&response.headers), &response.body),
                &reply.pointer,
                "there is a body, and none is documented".to_owned(),
            )),
            (false, false) => {
                let at = &reply.pointer;
                self.check_body(&RESPONSE, &reply.media, at, &response.headers, &response.body, found);
            }
        }
    }

    fn check_body(&self, side: &Side, media: &[Media], spec_at: &str, headers: &Headers, body: &Body, found: &mut Vec<Violation>) {
        let at = format!("/{}/headers/content-type", side.name);
        let Some(content_type) = header(headers, "content-type") else {
            let message = format!("a body without content-type; documented: {}", names(media));
            found.push(violation(side.content_type, at, spec_at, message));
            return;
        };
        let Some(media) = media_for(media, content_type) else {
            let message = format!("`{content_type}` is not documented; documented: {}", names(media));
            found.push(violation(side.content_type, at, spec_at, message));
            return;
        };
        let Some(schema) = &media.schema else {
            return;
        };
        let kind = essence(content_type);
        let value = match self.body_value(schema, &kind, body) {
            Ok(Some(value)) => value,
            Ok(None) => return,
            Err(message) => {
                let at = body_at(side.name, false, body);
                found.push(violation(side.body, at, &media.pointer, message));
                return;
            }
        };
        let base = body_at(side.name, is_json(&kind), body);
        // Only JSON has places inside; a form is one text.
        for fault in self.view(side.way).faults(schema, &value) {
            let (at, message) = if is_json(&kind) {
                (format!("{base}{}", fault.path), fault.message)
            } else if fault.path.is_empty() {
                (base.clone(), fault.message)
            } else {
                (base.clone(), format!("{} at {}", fault.message, fault.path))
            };
            let check = if fault.format { "F305" } else { side.body };
            found.push(violation(check, at, &fault.spec_at, message));
        }
    }

    /// A body as the value that its schema judges; `None` for a media type that is not taken apart.
    pub(super) fn body_value(&self, schema: &str, kind: &str, body: &Body) -> Result<Option<Value>, String> {
        if is_json(kind) {
            return match body.to_json() {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(format!("the body is not JSON: {error}")),
            };
        }
        let text = std::str::from_utf8(&body.0);
        if kind == FORM {
            return match text {
                Ok(text) => Ok(Some(self.form_value(schema, text))),
                Err(_) => Err("the form is not UTF-8".to_owned()),
            };
        }
        let facets = self.facets(schema, None);
        let is = |key: &str, wanted: &str| facets.iter().any(|facet| facet.value.get(key).and_then(Value::as_str) == Some(wanted));
        match text {
            Ok(text) if is("type", "string") && !is("format", "binary") => Ok(Some(Value::from(text))),
            _ => Ok(None),
        }
    }
}

fn looks_like_json(headers: &Headers) -> bool {
    header(headers, "content-type").is_some_and(|kind| is_json(&essence(kind)))
}

fn undocumented_headers(check: &'static str, side: &str, known: &[&str], headers: &Headers, spec_at: &str, found: &mut Vec<Violation>) {
    for (name, _) in headers {
        if !known.contains(&name.as_str()) {
            found.push(violation(
                check,
                join(&format!("/{side}/headers"), name),
                spec_at,
                format!("the header `{name}` is not documented"),
            ));
        }
    }
}

pub(super) fn cookie(headers: &Headers, name: &str) -> Option<String> {
    let pairs = header(headers, "cookie")?.split(';');
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn check_security(operation: &Operation, request: &Request, query: &mut Query<'_>, found: &mut Vec<Violation>) {
    let mut carries = |credential: &Credential| match credential {
        Credential::Bearer => scheme_of(&request.headers) == Some("bearer".to_owned()),
        Credential::Basic => scheme_of(&request.headers) == Some("basic".to_owned()),
        Credential::Header(name) => header(&request.headers, name).is_some_and(|v| !v.is_empty()),
        Credential::Query(name) => query.claim(name).iter().any(|value| !value.is_empty()),
        Credential::Cookie(name) => cookie(&request.headers, name).is_some(),
        Credential::Unknown(_) => false,
    };
    let mut satisfied = operation.security.is_empty();
    for requirement in &operation.security {
        // Every credential is asked for, so that none is left over as undocumented.
        let carried: Vec<bool> = requirement.iter().map(&mut carries).collect();
        satisfied |= carried.into_iter().all(|carried| carried);
    }
    if satisfied {
        return;
    }
    let wanted: Vec<String> = operation
        .security
        .iter()
        .map(|requirement| {
            let parts: Vec<_> = requirement.iter().map(credential_name).collect();
            parts.join(" and ")
        })
        .collect();
    let first = operation.security.iter().flatten().next();
    let at = match first {
        Some(Credential::Header(name)) => join("/request/headers", name),
        Some(Credential::Query(name)) => join("/request/query", name),
        Some(Credential::Cookie(_)) => "/request/headers/cookie".to_owned(),
        _ => "/request/headers/authorization".to_owned(),
    };
    let message = format!("the request does not carry {}", wanted.join(", or "));
    found.push(violation("F207", at, &operation.pointer, message));
}

/// The scheme of the authorization header in lower case, if a credential follows it.
fn scheme_of(headers: &Headers) -> Option<String> {
    let (scheme, credential) = header(headers, "authorization")?.split_once(' ')?;
    (!credential.trim().is_empty()).then(|| scheme.to_ascii_lowercase())
}

fn credential_name(credential: &Credential) -> String {
    match credential {
        Credential::Bearer => "a bearer token in `authorization`".to_owned(),
        Credential::Basic => "basic credentials in `authorization`".to_owned(),
        Credential::Header(name) => format!("a key in the header `{name}`"),
        Credential::Query(name) => format!("a key in the query parameter `{name}`"),
        Credential::Cookie(name) => format!("a key in the cookie `{name}`"),
        Credential::Unknown(name) => format!("the credential of `{name}`, which cannot be checked"),
    }
}
