//! Whether fixtures are in order by themselves and agree with the spec. No client is involved.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::agreement;
use crate::closed;
use crate::finding::Finding;
use crate::fixture::{ClientExpectation, ProvenanceKind};
use crate::json;
use crate::parallel;
use crate::secrets::{self, Allowed};
use crate::spec::{Operation, Spec, Violation};
use crate::suite::{Case, Suite};

/// Everything that is wrong with a suite: files that are no fixtures, fixtures that contradict themselves, their place or
/// the spec, and texts that look like secrets.
#[must_use]
pub fn lint(spec: &Spec, suite: &Suite) -> Vec<Finding> {
    let servers = spec.servers();
    let allowed = Allowed::for_servers(servers.iter().map(String::as_str));
    let mut findings = suite.broken.clone();
    findings.extend(duplicates(suite));
    let each = parallel::map(&suite.cases, 0, |case| {
        let mut found = lint_case(spec, case);
        found.extend(secrets(case, &allowed));
        found
    });
    findings.extend(each.into_iter().flatten());
    findings
}

/// Everything that is wrong with one fixture, without the search for secrets.
#[must_use]
pub fn lint_case(spec: &Spec, case: &Case) -> Vec<Finding> {
    let operation = spec.operation(&case.fixture.operation);
    let mut findings = Vec::new();
    findings.extend(identity(case));
    findings.extend(place(case, operation));
    findings.extend(bodies(case));
    findings.extend(provenance(case));
    findings.extend(expectation(case));
    findings.extend(response_headers(case));
    findings.extend(reasons(case));
    findings.extend(pointers(case));
    if let Some(operation) = operation {
        findings.extend(agreement::check(spec, operation, case));
        findings.extend(closed::check(spec, operation, case));
    }
    findings
}

/// What the lint says of a request, given where the response departs from the spec: for who changes nothing else.
pub(crate) fn lint_request(spec: &Spec, operation: &Operation, case: &Case, of_response: &[Violation]) -> Vec<Finding> {
    let mut findings = agreement::check(spec, operation, case);
    if findings.is_empty() {
        let found = closed::of_request(spec, operation, case);
        findings.extend(closed::judge(spec, case, found.iter().chain(of_response)));
    }
    findings
}

/// What the lint says of a response, given where the request departs from the spec: for who changes nothing else.
pub(crate) fn lint_response(spec: &Spec, operation: &Operation, case: &Case, of_request: &[Violation]) -> Vec<Finding> {
    let mut findings = expectation(case);
    findings.extend(response_headers(case));
    findings.extend(pointers(case));
    if findings.is_empty() {
        let found = closed::of_response(spec, operation, case);
        findings.extend(closed::judge(spec, case, of_request.iter().chain(&found)));
    }
    findings
}

fn duplicates(suite: &Suite) -> Vec<Finding> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let repeated = suite.cases.iter().filter_map(|case| {
        let earlier = *first.entry(&case.fixture.id).or_insert(&case.file);
        (earlier != case.file).then(|| case.finding("F202", "/id", format!("{earlier} has this id already")))
    });
    repeated.collect()
}

fn identity(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    if case.fixture.id != case.path_id {
        let message = format!("the file's path asks for the id `{}`, not `{}`", case.path_id, case.fixture.id);
        findings.push(case.finding("F202", "/id", message));
    }
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let parts: Vec<&str> = case.fixture.id.split('/').collect();
    if parts.len() != 3 || !parts.iter().all(|part| is_plain(part)) {
        let message = "an id is <tag>/<operationId>/<case>, of letters, digits, `-` and `_`";
        findings.push(case.finding("F202", "/id", message));
    }
    findings
}

fn place(case: &Case, operation: Option<&Operation>) -> Vec<Finding> {
    let name = &case.fixture.operation;
    let Some(operation) = operation else {
        let message = format!("the spec has no operation `{name}`");
        return vec![case.finding("F203", "/operation", message)];
    };
    let mut folders = case.path_id.split('/');
    let (tag, folder) = (folders.next().unwrap_or_default(), folders.next().unwrap_or_default());
    let expected = operation.tag.as_deref().map_or_else(|| "untagged".to_owned(), folder_name);
    let mut findings = Vec::new();
    if tag != expected {
        let message = format!("`{name}` belongs to the folder `{expected}` (its tag), not `{tag}`");
        findings.push(case.finding("F203", "/operation", message));
    }
    if folder != name {
        let message = format!("the folder `{folder}` is named after another operation than `{name}`");
        findings.push(case.finding("F203", "/operation", message));
    }
    findings
}

/// A tag as the name of a folder: lower case, with `-` for everything else than letters and digits.
pub(crate) fn folder_name(tag: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    tag.chars().map(keep).collect()
}

fn bodies(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for side in ["request", "response"] {
        let Some(object) = case.source.get(side) else { continue };
        let given: Vec<&str> = ["json", "text", "base64"].into_iter().filter(|key| object.get(key).is_some()).collect();
        if given.len() > 1 {
            let message = format!("a body is one of json, text and base64; here are {}", given.join(" and "));
            findings.push(case.finding("F210", &format!("/{side}/{}", given[1]), message));
        }
        let bytes = object.get("base64").and_then(serde_json::Value::as_str);
        if bytes.is_some_and(|bytes| STANDARD.decode(bytes).is_err()) {
            findings.push(case.finding("F210", &format!("/{side}/base64"), "this is not Base64"));
        }
    }
    findings
}

fn provenance(case: &Case) -> Vec<Finding> {
    let provenance = &case.fixture.provenance;
    let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let mut findings = Vec::new();
    let mut object = |at: &str, message: &str| findings.push(case.finding("F211", at, message));
    if provenance.source.trim().is_empty() {
        object("/provenance/source", "an empty source proves nothing");
    }
    match provenance.kind {
        ProvenanceKind::Synthetic if !is_given(&provenance.fact) => {
            object("/provenance", "a synthetic interaction needs the `fact` that it enacts");
        }
        ProvenanceKind::Recorded if !provenance.at.as_deref().is_some_and(is_utc_time) => {
            object("/provenance", "a recorded interaction needs `at`, as 2026-11-20T10:02:11Z");
        }
        ProvenanceKind::Documented | ProvenanceKind::Synthetic if provenance.at.is_some() => {
            object("/provenance/at", "`at` says when something was recorded, and this was not");
        }
        _ => {}
    }
    findings
}

/// Whether a text has the shape `2026-11-20T10:02:11Z`, with or without a fraction.
fn is_utc_time(text: &str) -> bool {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else { return false };
    let time = time.split_once('.').map_or(time, |(time, _)| time);
    let fits = |text: &str, pattern: &str| {
        text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(|(b, p)| if p == b'0' { b.is_ascii_digit() } else { b == p })
    };
    fits(date, "0000-00-00") && fits(time, "00:00:00")
}

fn expectation(case: &Case) -> Vec<Finding> {
    let (fixture, expect) = (&case.fixture, &case.fixture.expect);
    let status = fixture.response.as_ref().and_then(|response| response.status);
    let fault = fixture.response.as_ref().and_then(|response| response.fault);
    let mut findings = Vec::new();
    let mut object = |at: &str, message: &str| findings.push(case.finding("F212", at, message));
    if expect.client == ClientExpectation::Rejected {
        if fixture.request.is_some() || fixture.response.is_some() {
            object("/expect/client", "a call that the client rejects has neither request nor response");
        }
        return findings;
    }
    if fixture.request.is_none() {
        object("", "the request is missing; only a call that the client rejects has none");
    }
    match (&fixture.response, status, fault) {
        (None, ..) => object("", "the response is missing; only a call that the client rejects has none"),
        (Some(_), None, None) => object("/response", "a response needs a status or a fault"),
        (Some(_), Some(_), Some(_)) => object("/response/status", "where a fault takes the response's place there is no status"),
        (Some(_), Some(status), None) if !(200..=599).contains(&status) => {
            object("/response/status", "a final status lies between 200 and 599");
        }
        _ => {}
    }
    if fault.is_some() != (expect.client == ClientExpectation::TransportError) {
        object("/expect/client", "a fault and `transport-error` go together");
    }
    let is_tolerant = expect.violates.iter().any(|entry| entry.check == "F212" && entry.at == "/response/status");
    match (expect.client, status) {
        (ClientExpectation::Ok | ClientExpectation::DecodeError, Some(400..)) if !is_tolerant => {
            object("/response/status", "an error status is an `api-error` to the client");
        }
        // A redirect that the client does not follow is an error to its caller, so only success is none.
        (ClientExpectation::ApiError, Some(..300)) => {
            object("/response/status", "an `api-error` needs a status that is not success");
        }
        _ => {}
    }
    match (expect.client, &expect.type_name) {
        (ClientExpectation::Ok, None) => object("/expect", "`ok` needs the `type` that the client decodes into"),
        (ClientExpectation::Ok, Some(name)) if name.trim().is_empty() => object("/expect/type", "this names no type"),
        (ClientExpectation::Ok, Some(_)) | (_, None) => {}
        (_, Some(_)) => object("/expect/type", "a failure decodes into no type"),
    }
    if expect.client != ClientExpectation::Ok && !(expect.lossy.is_empty() && expect.part.is_none()) {
        object("/expect", "`lossy` and `part` speak of a decoded value, and a failure has none");
    }
    findings
}

fn response_headers(case: &Case) -> Vec<Finding> {
    let Some(response) = &case.fixture.response else { return Vec::new() };
    let body = response.body();
    let value = |name: &str| response.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let mut findings = Vec::new();
    if !body.is_empty() && value("content-type").is_none() {
        findings.push(case.finding("F213", "/response", "a response with a body names its content-type"));
    }
    if value("content-length").is_some_and(|length| length.parse() != Ok(body.0.len())) {
        let message = format!("the body is {} bytes long; leave content-length to the server", body.0.len());
        findings.push(case.finding("F213", "/response/headers/content-length", message));
    }
    let names = response.headers.keys().enumerate();
    for (_, name) in names.filter(|(_, name)| !is_header_name(name)) {
        let at = json::join("/response/headers", name);
        findings.push(case.finding("F213", &at, format!("`{name}` cannot be the name of a header")));
    }
    for (name, value) in &response.headers {
        if value.chars().any(|c| c.is_control() || !c.is_ascii()) {
            let at = json::join("/response/headers", name);
            findings.push(case.finding("F213", &at, "a header's value is printable ASCII"));
        }
    }
    findings
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn reasons(case: &Case) -> Vec<Finding> {
    let expect = &case.fixture.expect;
    let lossy = expect.lossy.iter().enumerate().map(|(index, entry)| (format!("/expect/lossy/{index}/why"), &entry.why));
    let violates = expect.violates.iter().enumerate();
    let violates = violates.map(|(index, entry)| (format!("/expect/violates/{index}/why"), &entry.why));
    let summary = std::iter::once(("/summary".to_owned(), &case.fixture.summary));
    let empty = summary.chain(lossy).chain(violates).filter(|(_, text)| text.trim().is_empty());
    empty.map(|(at, _)| case.finding("F215", &at, "this needs a reason in words")).collect()
}

fn pointers(case: &Case) -> Vec<Finding> {
    let expect = &case.fixture.expect;
    let body = case.fixture.response.as_ref().and_then(|response| response.json.as_ref());
    let is_pointer = |at: &str| at.is_empty() || at.starts_with('/');
    let in_body = |at: &str| match body {
        Some(body) => is_pointer(at) && body.pointer(at).is_some(),
        None => at.is_empty(),
    };
    let mut findings = Vec::new();
    for (index, entry) in expect.lossy.iter().enumerate() {
        // What a client invents is not in the body; the object that it puts it into is.
        let parent = entry.at.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !is_pointer(&entry.at) || !(in_body(&entry.at) || in_body(parent)) {
            let message = format!("`{}` leads nowhere in the response body", entry.at);
            findings.push(case.finding("F216", &format!("/expect/lossy/{index}/at"), message));
        }
    }
    if let Some(part) = expect.part.as_deref().filter(|part| !in_body(part)) {
        findings.push(case.finding("F216", "/expect/part", format!("`{part}` leads nowhere in the response body")));
    }
    for (index, entry) in expect.violates.iter().enumerate() {
        let at = format!("/expect/violates/{index}/at");
        if !(entry.at.starts_with("/request") || entry.at.starts_with("/response")) {
            let message = format!("`{}` begins neither with /request nor with /response", entry.at);
            findings.push(case.finding("F216", &at, message));
        }
    }
    findings
}

fn secrets(case: &Case, allowed: &Allowed) -> Vec<Finding> {
    let mut findings = Vec::new();
    json::each_string(&case.source, "", &mut |at, text| {
        let decoded = at.ends_with("/base64").then(|| STANDARD.decode(text).ok()).flatten();
        let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if let Some(what) = secrets::scan(decoded.as_deref().unwrap_or(text), allowed) {
            findings.push(case.finding("R601", at, format!("this looks like {what}")));
        }
    });
    findings
}
