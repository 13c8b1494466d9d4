//! HTTP Archive 1.2, as browsers write it and Redocly, Optic and others read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Exchange;
use crate::exchange::{Body, Headers, header};
use crate::spec::Spec;

/// A relative server, or none, has no host; this one is reserved for examples.
const HOST: &str = "https://api.example.com";

pub(super) fn document(spec: &Spec, exchanges: &[Exchange<'_>]) -> String {
    let servers = spec.servers();
    let main = servers.first().map_or("", String::as_str);
    let entries: Vec<Value> = exchanges.iter().map(|exchange| entry(main, exchange)).collect();
    let creator = json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
    let har = json!({ "log": { "version": "1.2", "creator": creator, "entries": entries } });
    format!("{har:#}\n")
}

fn entry(main: &str, exchange: &Exchange<'_>) -> Value {
    let Exchange { case, operation, request, response } = exchange;
    let server = operation.server.as_deref().unwrap_or(main);
    let server = if server.contains("://") { server.to_owned() } else { format!("{HOST}{server}") };
    let mut url = format!("{}{}", server.trim_end_matches('/'), request.path);
    if !request.query.is_empty() {
        let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
        url = format!("{url}?{pairs}");
    }
    let mut sent = json!({
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs(&request.headers),
        "queryString": pairs(&request.query),
        "headersSize": -1,
        "bodySize": request.body.0.len(),
    });
    if let (false, Value::Object(sent)) = (request.body.is_empty(), &mut sent) {
        let mut data = json!({ "mimeType": header(&request.headers, "content-type").unwrap_or_default() });
        put_text(&mut data, &request.body);
        sent.insert("postData".to_owned(), data);
    }
    let mut content = json!({
        "size": response.body.0.len(),
        "mimeType": header(&response.headers, "content-type").unwrap_or_default(),
    });
    if !response.body.is_empty() {
        put_text(&mut content, &response.body);
    }
    json!({
        "startedDateTime": "1970-01-01T00:00:00.000Z",
        "time": 0,
        "request": sent,
        "response": {
            "status": response.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": pairs(&response.headers),
            "content": content,
            "redirectURL": header(&response.headers, "location").unwrap_or_default(),
            "headersSize": -1,
            "bodySize": response.body.0.len(),
        },
        "cache": {},
        "timings": { "send": 0, "wait": 0, "receive": 0 },
        "comment": case.fixture.id,
    })
}

fn pairs(list: &Headers) -> Vec<Value> {
    list.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// Bytes that are no text stand in Base64. HAR 1.2 knows `encoding` of a response only; readers know it of both.
fn put_text(content: &mut Value, body: &Body) {
    let Value::Object(content) = content else { return };
    match std::str::from_utf8(&body.0) {
        Ok(text) => {
            content.insert("text".to_owned(), text.into());
        }
        Err(_) => {
            content.insert("text".to_owned(), STANDARD.encode(&body.0).into());
            content.insert("encoding".to_owned(), "base64".into());
        }
    }
}
