//! One fixture from the document: what is required, and nothing else.

use serde_json::{Map, Value, json};

use super::ScaffoldError;
use crate::finding::Finding;
use crate::lint::{folder_name, lint};
use crate::spec::{DraftBody, DraftRequest, DraftResponse, Operation, Spec};
use crate::suite::Suite;

/// From this likeness on a name is offered for one that does not exist.
const LIKE: f64 = 0.75;
/// What is so much less alike than the best one is not offered beside it.
const CLOSE: f64 = 0.05;

/// A fixture that nobody has looked at yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id, which is also its path below the folder of fixtures, without `.yaml`.
    pub id: String,
    /// The file.
    pub text: String,
    /// What the lint says against it, and a person has to put right: where the document asks for what cannot be made up.
    pub findings: Vec<Finding>,
}

/// Makes a fixture of an operation: the required parameters, a body that the schema takes, the documented answer.
///
/// ```
/// use opusclip_conformance::scaffold::draft;
/// use opusclip_conformance::spec::Spec;
///
/// let spec = Spec::parse("books.yaml", r#"
/// openapi: 3.0.3
/// info: {title: Books, version: "1"}
/// paths:
///   /books/{bookId}:
///     get:
///       operationId: get_book
///       tags: [books]
///       parameters: [{name: bookId, in: path, required: true, schema: {type: string}}]
///       responses: {"204": {description: It is there.}, "404": {description: It is not.}}
/// "#)?;
/// let fixture = draft(&spec, "get_book", Some(404), None)?;
/// assert_eq!(fixture.id, "books/get_book/404");
/// assert!(fixture.findings.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without a status it is the first success, without a name `minimal`, or the status where one is asked for.
///
/// # Errors
///
/// An operation or a status that the document does not have, or a name that cannot be a file's.
pub fn draft(spec: &Spec, operation: &str, status: Option<u16>, name: Option<&str>) -> Result<Draft, ScaffoldError> {
    let operation = find(spec, operation)?;
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_plain(&operation.id) {
        let message = format!("`{}` can have no fixtures: it needs an operationId of letters, digits, `-` and `_`", operation.id);
        return Err(ScaffoldError(message));
    }
    let statuses = operation.statuses();
    let success = statuses.iter().copied().find(|status| (200..300).contains(status));
    let chosen = match status {
        Some(status) => status,
        None => success.or_else(|| statuses.first().copied()).ok_or_else(|| no_status(operation, None))?,
    };
    let response = spec.draft_response(operation, chosen).ok_or_else(|| no_status(operation, Some(chosen)))?;
    let name = name.map_or_else(|| status.map_or_else(|| "minimal".to_owned(), |status| status.to_string()), str::to_owned);
    if !is_plain(&name) {
        return Err(ScaffoldError(format!("`{name}` is no name of a fixture: it has letters, digits, `-` and `_`")));
    }
    let tag = operation.tag.as_deref().map_or_else(|| "untagged".to_owned(), folder_name);
    let id = format!("{tag}/{}/{name}", operation.id);
    let fixture = fixture(spec, operation, &id, chosen, &spec.draft_request(operation), &response);
    let text = written(fixture).map_err(|error| ScaffoldError(format!("{id}: this cannot be written as YAML: {error}")))?;
    let mut suite = Suite::default();
    suite.add(&format!("{id}.yaml"), &id, &text);
    let findings = lint(spec, &suite);
    Ok(Draft { id, text, findings })
}

const HEAD: &str = "\
# A draft made from the document alone: it shows nothing that was ever seen. Put in real values, say where they come
# from under `provenance`, and let `expect.type` name the type of your client.
";

/// Block style, but for short lists: a pair of the query is easier to read on one line.
fn written(mut fixture: Value) -> Result<String, yaml_serde::Error> {
    let mut lists = Vec::new();
    for key in ["query", "require_headers"] {
        if let Some(list) = fixture.get_mut("request").and_then(|request| request.get_mut(key)) {
            let stand_in = format!("stand-in-for-{key}");
            // JSON is a part of YAML.
            lists.push((format!("  {key}: {stand_in}\n"), format!("  {key}: {list}\n")));
            *list = Value::String(stand_in);
        }
    }
    let text = yaml_serde::to_string(&fixture)?;
    let text = lists.into_iter().fold(text, |text, (stand_in, list)| text.replacen(&stand_in, &list, 1));
    Ok(format!("{HEAD}{text}"))
}

fn find<'a>(spec: &'a Spec, id: &str) -> Result<&'a Operation, ScaffoldError> {
    spec.operation(id).ok_or_else(|| {
        let near = nearest(id, spec.operations().iter().map(|operation| operation.id.as_str()));
        let hint = match (near.is_empty(), spec.operations().is_empty()) {
            (_, true) => "it has none at all".to_owned(),
            (false, _) => format!("perhaps {}", near.join(", ")),
            (true, _) => {
                format!("it has {}", spec.operations().iter().map(|operation| operation.id.as_str()).collect::<Vec<_>>().join(", "))
            }
        };
        ScaffoldError(format!("the document has no operation `{id}`; {hint}"))
    })
}

/// At most three of the known names that one may have been meant to be, the closest first.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let wanted = plain(name);
    let mut near: Vec<(f64, &str)> = known
        .map(|name| {
            let is_part = wanted.len() >= 3 && plain(name).contains(&wanted);
            (if is_part { 1.0 } else { strsim::jaro_winkler(&wanted, &plain(name)) }, name)
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let best = near.first().map_or(1.0, |(likeness, _)| *likeness);
    near.into_iter().take_while(|(likeness, _)| best - likeness < CLOSE).take(3).map(|(_, name)| name).collect()
}

fn no_status(operation: &Operation, status: Option<u16>) -> ScaffoldError {
    let documented: Vec<String> = operation.statuses().iter().map(u16::to_string).collect();
    let documented = if documented.is_empty() { "none".to_owned() } else { documented.join(", ") };
    ScaffoldError(match status {
        Some(status) => format!("`{}` documents no status {status}; documented: {documented}", operation.id),
        None => format!("`{}` documents no response, so that there is nothing to show", operation.id),
    })
}

fn fixture(spec: &Spec, operation: &Operation, id: &str, status: u16, request: &DraftRequest, response: &DraftResponse) -> Value {
    let is_success = (200..300).contains(&status);
    let summary = spec.document().pointer(&operation.pointer).and_then(|value| value.get("summary")).and_then(Value::as_str);
    let summary = summary.map_or_else(|| operation.id.clone(), |summary| summary.split_whitespace().collect::<Vec<_>>().join(" "));
    let summary = summary.trim_end_matches('.').to_owned();
    let mut sent = Map::new();
    sent.insert("method".into(), json!(operation.method));
    sent.insert("path".into(), json!(request.path));
    if !request.query.is_empty() {
        sent.insert("query".into(), json!(request.query));
    }
    if !request.headers.is_empty() {
        sent.insert("headers".into(), json!(request.headers));
    }
    if !request.require_headers.is_empty() {
        sent.insert("require_headers".into(), json!(request.require_headers));
    }
    sent.extend(request.body.iter().map(|body| (body.key.to_owned(), body.value.clone())));
    let mut answered = Map::new();
    answered.insert("status".into(), json!(status));
    if !response.headers.is_empty() {
        answered.insert("headers".into(), json!(response.headers));
    }
    answered.extend(response.body.iter().map(|body| (body.key.to_owned(), body.value.clone())));
    let expect =
        if is_success { json!({ "client": "ok", "type": type_name(operation, response) }) } else { json!({ "client": "api-error" }) };
    let mut whole = Map::new();
    whole.insert("fixture".into(), json!(1));
    whole.insert("id".into(), json!(id));
    whole.insert("operation".into(), json!(operation.id));
    whole.insert("summary".into(), json!(format!("{summary}: the smallest exchange that ends with {status}")));
    let fact = format!("the document allows this exchange with status {status}");
    whole.insert("provenance".into(), json!({ "kind": "synthetic", "source": "the OpenAPI document", "fact": fact }));
    if !request.call.is_empty() {
        whole.insert("call".into(), json!(request.call));
    }
    whole.insert("request".into(), Value::Object(sent));
    whole.insert("response".into(), Value::Object(answered));
    whole.insert("expect".into(), expect);
    Value::Object(whole)
}

/// What a client may call the answer; only its author knows.
fn type_name(operation: &Operation, response: &DraftResponse) -> String {
    match response.body.as_ref() {
        None => "()".to_owned(),
        Some(DraftBody { named: Some((name, false)), .. }) => name.clone(),
        Some(DraftBody { named: Some((name, true)), .. }) => format!("Vec<{name}>"),
        Some(DraftBody { key: "base64", .. }) => "bytes".to_owned(),
        Some(DraftBody { key: "text", .. }) => "text".to_owned(),
        Some(_) => {
            let words = operation.id.split(['_', '-']).filter(|word| !word.is_empty());
            let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
            words.map(capital).collect::<String>() + "Response"
        }
    }
}
