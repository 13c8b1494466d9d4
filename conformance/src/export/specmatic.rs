//! External examples of Specmatic: one JSON file for each pair of request and response.

use serde_json::{Map, Value, json};

use super::Exchange;
use crate::exchange::{Body, Headers};
use crate::params::parameters;
use crate::spec::Spec;

pub(super) fn files(spec: &Spec, exchanges: &[Exchange<'_>]) -> Vec<(String, String)> {
    let name = |exchange: &Exchange<'_>| format!("{}.json", exchange.case.fixture.id.replace('/', "__"));
    exchanges.iter().filter(|exchange| is_plain(exchange)).map(|exchange| (name(exchange), file(spec, exchange))).collect()
}

/// Specmatic decodes a path before it splits it, and refuses what RFC 3986 wants encoded.
fn is_plain(exchange: &Exchange<'_>) -> bool {
    exchange.request.path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte))
}

fn file(spec: &Spec, exchange: &Exchange<'_>) -> String {
    let Exchange { case, operation, request, response } = exchange;
    // Specmatic knows no headers that belong to the transport; no document lists them.
    let known = parameters(spec, operation);
    let is_known = |name: &str| {
        matches!(name, "authorization" | "content-type")
            || known.iter().any(|parameter| parameter.place == "header" && parameter.name.eq_ignore_ascii_case(name))
    };
    let headers: Headers = request.headers.iter().filter(|(name, _)| is_known(name)).cloned().collect();
    let mut sent = json!({ "method": request.method, "path": request.path });
    let mut got = json!({ "status": response.status });
    put(&mut sent, "query", map(&request.query));
    put(&mut sent, "headers", map(&headers));
    put(&mut sent, "body", body(&request.body));
    put(&mut got, "headers", map(&response.headers));
    put(&mut got, "body", body(&response.body));
    let example = json!({ "name": case.fixture.id, "http-request": sent, "http-response": got });
    format!("{example:#}\n")
}

fn put(message: &mut Value, key: &str, part: Option<Value>) {
    if let (Some(part), Value::Object(message)) = (part, message) {
        message.insert(key.to_owned(), part);
    }
}

/// A name that stands more than once has a list of values.
fn map(pairs: &Headers) -> Option<Value> {
    let mut map = Map::new();
    for (name, value) in pairs {
        match map.get_mut(name) {
            None => {
                map.insert(name.clone(), value.clone().into());
            }
            Some(Value::Array(list)) => list.push(value.clone().into()),
            Some(first) => *first = json!([first, value]),
        }
    }
    (!map.is_empty()).then_some(Value::Object(map))
}

fn body(body: &Body) -> Option<Value> {
    (!body.is_empty()).then(|| body.to_json().unwrap_or_else(|_| body.to_text().into()))
}
