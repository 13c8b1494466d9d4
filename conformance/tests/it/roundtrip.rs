//! Decoding and encoding again, without a socket: what counts as the same and what does not.

use opusclip_conformance::compare::judge;
use opusclip_conformance::exchange::Request;
use opusclip_conformance::options::Options;
use opusclip_conformance::subject::{Failure, Outcome};
use opusclip_conformance::suite::Suite;
use serde_json::{Value, json};

use crate::toy::{KEY, spec};

/// The findings when a client makes `value` of `body`; `expect` is added to the expectation.
fn findings(body: &Value, expect: &str, value: Value) -> Vec<String> {
    let text = format!(
        "fixture: 1\nid: books/list_books/case\noperation: list_books\nsummary: s\n\
         provenance: {{kind: documented, source: p}}\n\
         request: {{method: GET, path: /books, require_headers: [authorization]}}\n\
         response: {{status: 200, headers: {{content-type: application/json}}, json: {body}}}\n\
         expect: {{client: ok, type: BookPage{expect}}}\n"
    );
    let mut suite = Suite::default();
    suite.add("case.yaml", "books/list_books/case", &text);
    assert!(suite.broken.is_empty(), "{:?}", suite.broken);
    let sent = Request {
        method: "GET".into(),
        path: "/books".into(),
        headers: vec![("authorization".into(), "Bearer sk-test".into())],
        ..Request::default()
    };
    let outcome = Outcome::Decoded { type_name: "BookPage".into(), value, details: serde_json::Map::new() };
    let found = judge(spec(), &suite.cases[0], &[sent], &outcome, &Options::default());
    found.iter().map(|finding| format!("{} {}", finding.id, finding.pointer)).collect()
}

fn page(book: Value) -> Value {
    json!({ "data": [book] })
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_same_value_is_silent() {
    for (body, value) in [
        (page(json!({"id": "b", "pages": 40.0})), page(json!({"id": "b", "pages": 40}))),
        (page(json!({"id": "b", "title": null})), page(json!({"id": "b"}))),
        (page(json!({"id": "b"})), page(json!({"id": "b", "title": null}))),
        (page(json!({"id": "b", "title": "t"})), page(json!({"title": "t", "id": "b"}))),
    ] {
        assert_eq!(findings(&body, "", value), NOTHING, "{body}");
    }
}

#[test]
fn each_leaf_that_differs_is_named() {
    let full = json!({"id": "b", "author": {"name": "Rilke"}, "pages": 40});
    for (body, value, expected) in [
        (full.clone(), json!({"id": "b"}), vec!["C405 /response/json/data/0/author/name", "C405 /response/json/data/0/pages"]),
        (
            full.clone(),
            json!({"id": "b", "author": {}, "pages": 41}),
            vec!["C405 /response/json/data/0/author/name", "C405 /response/json/data/0/pages"],
        ),
        (json!({"id": "b"}), json!({"id": "b", "pages": 0}), vec!["C405 /response/json/data/0/pages"]),
        (json!({"id": "b", "pages": 40}), json!({"id": "b", "pages": "40"}), vec!["C405 /response/json/data/0/pages"]),
        (json!({"id": "b", "pages": 40}), json!({"id": "b", "pages": null}), vec!["C405 /response/json/data/0/pages"]),
        (json!({"id": null}), json!({}), vec!["C405 /response/json/data/0/id"]),
    ] {
        assert_eq!(findings(&page(body.clone()), "", page(value)), expected, "{body}");
    }
    assert_eq!(findings(&json!({"data": [{"id": "a"}, null]}), "", page(json!({"id": "a"}))), ["C405 /response/json/data/1"]);
}

#[test]
fn declared_losses_are_silent_and_unused_ones_are_not() {
    let body = json!({"data": [{"id": "b", "author": {"name": "Rilke"}}], "total": 1});
    let lossy = ", lossy: [{at: /data/0/author, why: r}, {at: /total, why: r}]";
    assert_eq!(findings(&body, lossy, page(json!({"id": "b"}))), NOTHING);
    assert_eq!(findings(&body, lossy, body.clone()), ["F218 /expect/lossy/0", "F218 /expect/lossy/1"]);
    let other = ", lossy: [{at: /tot, why: r}]";
    let found = findings(&body, other, json!({"data": body["data"]}));
    assert_eq!(found, ["C405 /response/json/total", "F218 /expect/lossy/0"]);
}

#[test]
fn a_part_stands_for_the_value_and_the_rest_is_lost() {
    let body = json!({"data": [{"id": "b", "pages": 3}], "total": 1});
    let value = json!([{"id": "b"}]);
    let found = findings(&body, ", part: /data", value.clone());
    assert_eq!(found, ["C405 /response/json/total", "C405 /response/json/data/0/pages"]);
    let declared = ", part: /data, lossy: [{at: /total, why: r}, {at: /data/0/pages, why: r}]";
    assert_eq!(findings(&body, declared, value), NOTHING);
}

#[test]
fn messages_never_repeat_a_secret() {
    let mut suite = Suite::default();
    suite.add("case.yaml", "books/get_book/case", include_str!("../toy/fixtures/books/get_book/maximal.yaml"));
    let failure = Failure { display: format!("401 for Bearer {KEY}"), ..Failure::default() };
    let options = Options { secrets: vec![KEY.into()], ..Options::default() };
    let found = judge(spec(), &suite.cases[0], &[], &Outcome::Failed(failure), &options);
    let ids: Vec<&str> = found.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["C402", "C403", "C409"]);
    assert!(found.iter().all(|finding| !finding.message.contains(KEY)), "{found:?}");
    assert!(found[1].message.contains("Bearer <secret>"), "{found:?}");
}

#[test]
fn a_request_that_is_meant_to_depart_from_the_spec_is_not_held_against_the_client() {
    let text = include_str!("../toy/fixtures/books/get_book/missing.yaml");
    let text = text.replace("  path: /books/b9\n", "  path: /books/b9\n  query: [[trace, on]]\n");
    let declared = "expect:\n  client: api-error\n  violates: [{check: F205, at: /request/query/trace, why: it was seen}]\n";
    let sent = Request {
        method: "GET".into(),
        path: "/books/b9".into(),
        query: vec![("trace".into(), "on".into())],
        headers: vec![("authorization".into(), "Bearer sk-test".into())],
        ..Request::default()
    };
    let outcome = Outcome::Failed(Failure { status: Some(404), ..Failure::default() });
    let ids = |text: &str| -> Vec<&str> {
        let mut suite = Suite::default();
        suite.add("case.yaml", "books/get_book/missing", text);
        let found = judge(spec(), &suite.cases[0], std::slice::from_ref(&sent), &outcome, &Options::default());
        found.iter().map(|finding| finding.id).collect()
    };
    assert_eq!(ids(&text), ["C410"]);
    assert_eq!(ids(&text.replace("expect: {client: api-error}\n", declared)), NOTHING);
}
