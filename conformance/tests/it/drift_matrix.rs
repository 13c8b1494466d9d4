//! Every kind of schema turned into every other, in requests and in answers: what a comparison says of each step.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use opusclip_conformance::drift::{Change, Class, compare};
use opusclip_conformance::spec::Spec;
use serde_json::{Map, Value, json};

/// One schema of each kind, with a name for the table.
const SCHEMAS: [(&str, &str); 30] = [
    ("any", "{}"),
    ("string", "{type: string}"),
    ("short string", "{type: string, maxLength: 5}"),
    ("long string", "{type: string, minLength: 3, maxLength: 9}"),
    ("digits", "{type: string, pattern: '^[0-9]+$'}"),
    ("date", "{type: string, format: date}"),
    ("uuid", "{type: string, format: uuid}"),
    ("string or null", "{type: string, nullable: true}"),
    ("a, b", "{type: string, enum: [a, b]}"),
    ("a, b, c", "{type: string, enum: [a, b, c]}"),
    ("b, d", "{type: string, enum: [b, d]}"),
    ("boolean", "{type: boolean}"),
    ("integer", "{type: integer}"),
    ("int32", "{type: integer, format: int32}"),
    ("0 to 9", "{type: integer, minimum: 0, maximum: 9}"),
    ("0 to below 9", "{type: integer, minimum: 0, maximum: 9, exclusiveMaximum: true}"),
    ("tens", "{type: integer, multipleOf: 10}"),
    ("number", "{type: number}"),
    ("1, 2", "{type: integer, enum: [1, 2]}"),
    ("strings", "{type: array, items: {type: string}}"),
    ("different strings", "{type: array, items: {type: string}, uniqueItems: true}"),
    ("some integers", "{type: array, items: {type: integer}, minItems: 1, maxItems: 3}"),
    ("map of strings", "{type: object, additionalProperties: {type: string}}"),
    ("map of integers", "{type: object, additionalProperties: {type: integer}}"),
    ("open object", "{type: object, properties: {id: {type: string}, size: {type: integer}}, required: [id]}"),
    ("closed object", "{type: object, properties: {id: {type: string}, name: {type: string}}, additionalProperties: false}"),
    ("small object", "{type: object, properties: {size: {type: integer}}, required: [size], minProperties: 2, maxProperties: 4}"),
    ("reference", "{$ref: '#/components/schemas/Other'}"),
    ("string or integer", "{oneOf: [{type: string}, {type: integer}]}"),
    ("both", "{allOf: [{$ref: '#/components/schemas/Other'}, {type: object, properties: {extra: {type: string}}}]}"),
];

fn schema(index: usize) -> Value {
    let text = SCHEMAS[index].1;
    opusclip_conformance::spec::read_yaml("schema.yaml", text).unwrap().0
}

/// A document whose one field is of the schema that `pick` takes for each pair, on one side of one operation.
fn document(is_request: bool, required: bool, pick: impl Fn(usize, usize) -> usize) -> Spec {
    let mut properties = Map::new();
    for (from, to) in pairs() {
        properties.insert(format!("p_{from}_{to}"), schema(pick(from, to)));
    }
    let names: Vec<String> = properties.keys().cloned().collect();
    let mut thing = json!({"type": "object", "properties": properties});
    if required {
        thing["required"] = json!(names);
    }
    let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}});
    let mut operation = json!({"operationId": "put_thing", "responses": {"200": {"description": "Done."}}});
    if is_request {
        operation["requestBody"] = json!({"content": content, "required": true});
    } else {
        operation["responses"]["200"]["content"] = content;
    }
    let other = json!({"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "integer"}}, "required": ["id"]});
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "Things", "version": "1"},
        "paths": {"/things": {"post": operation}},
        "components": {"schemas": {"Thing": thing, "Other": other}},
    });
    Spec::parse("things.json", &document.to_string()).unwrap()
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..SCHEMAS.len()).flat_map(|from| (0..SCHEMAS.len()).map(move |to| (from, to)))
}

/// The pairs that a change speaks of.
fn pairs_of(change: &Change) -> BTreeSet<(usize, usize)> {
    let pair = |at: &str| {
        let (from, to) = at.split('/').find_map(|token| token.strip_prefix("p_"))?.split_once('_')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    };
    let pairs: BTreeSet<(usize, usize)> = change.uses.iter().filter_map(|place| pair(&place.at)).collect();
    assert!(!pairs.is_empty(), "of no pair: {change:?}");
    pairs
}

/// The text with one name for the fields of all pairs.
fn plain(text: &str) -> String {
    let numbers = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').len();
    let mut parts = text.split_inclusive(['p', 'P']).peekable();
    let mut plain = String::new();
    let mut cut = 0;
    while let Some(part) = parts.next() {
        plain.push_str(&part[cut..]);
        let is_name = part.ends_with("ThingP") || part.ends_with("`p");
        cut = parts.peek().filter(|_| is_name).map_or(0, |next| numbers(next));
    }
    plain
}

fn said(is_request: bool, required: bool) -> String {
    let old = document(is_request, required, |from, _| from);
    let new = document(is_request, required, |_, to| to);
    let drift = compare(&old, &new);
    let mut of: Vec<((usize, usize), &Change)> =
        drift.changes.iter().flat_map(|change| pairs_of(change).into_iter().map(move |pair| (pair, change))).collect();
    of.sort_by_key(|(pair, _)| *pair);
    let (mut text, mut last) = (String::new(), None);
    let mut until: BTreeSet<String> = BTreeSet::new();
    for ((from, to), change) in of {
        assert_ne!(from, to, "nothing changed: {change:?}");
        // Writing into a String cannot fail.
        if last != Some(from) {
            let _ = writeln!(text, "{}", SCHEMAS[from].0);
        }
        last = Some(from);
        let short = |said: &str| plain(said).replace("field `p` of `Thing`", "p");
        let (summary, effect) = (short(&change.summary), short(&change.binding.effect));
        let _ = writeln!(text, "  -> {}: {} {:?}: {summary}; {effect}", SCHEMAS[to].0, change.id, change.binding.compiles);
        until.insert(format!("{} {}: {}", change.id, change.class.name(), change.binding.until));
    }
    text + "\n" + &until.into_iter().collect::<Vec<_>>().join("\n")
}

#[test]
fn what_each_step_means_in_a_request() {
    insta::assert_snapshot!(said(true, true));
}

#[test]
fn what_each_step_means_in_an_answer() {
    insta::assert_snapshot!(said(false, false));
}

/// A client does not look at bounds, so that a wider answer breaks less than a narrower request; but never more.
#[test]
fn a_step_that_breaks_an_answer_breaks_a_request_on_its_way_back() {
    for required in [true, false] {
        let old_and_new = |is_request| (document(is_request, required, |from, _| from), document(is_request, required, |_, to| to));
        let broken = |changes: &[Change]| -> BTreeSet<(usize, usize)> {
            changes.iter().filter(|change| change.class == Class::Breaking).flat_map(pairs_of).collect()
        };
        let (old, new) = old_and_new(true);
        let requests = broken(&compare(&old, &new).changes);
        let (old, new) = old_and_new(false);
        let answers = broken(&compare(&new, &old).changes);
        let alone: Vec<String> =
            answers.difference(&requests).map(|(from, to)| format!("{} -> {}", SCHEMAS[*from].0, SCHEMAS[*to].0)).collect();
        assert_eq!(alone, [""; 0]);
        assert!(answers.len() > 400, "{}", answers.len());
    }
}
