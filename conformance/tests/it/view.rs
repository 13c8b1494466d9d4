//! What a snapshot holds of each kind of call, answer and outcome.

use opusclip_conformance::compare::CaseResult;
use opusclip_conformance::exchange::{Body, Request};
use opusclip_conformance::options::Options;
use opusclip_conformance::subject::{Failure, FailureClass, Outcome};
use opusclip_conformance::suite::{Case, Suite};
use opusclip_conformance::view::{compare, view};
use serde_json::{Map, Value, json};

use crate::toy::KEY;

fn case(response: &str, expect: &str) -> Case {
    let text = format!(
        "fixture: 1\nid: books/list_books/case\noperation: list_books\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
         request: {{method: GET, path: /books, headers: {{Accept: application/json}}, require_headers: [x-one], forbid_headers: [cookie]}}\n\
         response: {response}\nexpect: {expect}\n"
    );
    let mut suite = Suite::default();
    suite.add("case.yaml", "books/list_books/case", &text);
    assert!(suite.broken.is_empty(), "{:?}", suite.broken);
    suite.cases.remove(0)
}

fn seen(case: &Case, request: Option<Request>, outcome: Option<Outcome>) -> Value {
    let result = CaseResult { fixture: case.fixture.id.clone(), request, outcome, findings: Vec::new() };
    view(case, &result, &Options { secrets: vec![KEY.into()], ..Options::default() })
}

fn request(body: &[u8]) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: "POST".into(),
        path: "/books".into(),
        query: vec![("b".into(), "2".into()), ("a".into(), KEY.into()), ("b".into(), "1".into())],
        headers: vec![
            header("x-one", "1"),
            header("user-agent", "toy/1.0"),
            header("authorization", &format!("Bearer {KEY}")),
            header("accept", "application/json"),
            header("content-type", "text/plain"),
            header("cookie", "c"),
        ],
        body: Body(body.to_vec()),
    }
}

#[test]
fn a_request_shows_what_the_fixture_speaks_of() {
    let case = case("{status: 204}", "{client: ok, type: ()}");
    let views = [&b""[..], b"{\"b\": [1, 2.0]}", b"no json", b"\xff\xfe"].map(|body| seen(&case, Some(request(body)), None));
    let requests: Vec<&Value> = views.iter().map(|view| &view["request"]).collect();
    insta::assert_snapshot!(format!("{:#}", json!(requests)));
    assert_eq!(seen(&case, None, None), json!({"request": null, "response": {"status": 204, "headers": {}}, "outcome": null}));
}

#[test]
fn an_answer_shows_the_body_that_no_value_stands_for() {
    let json = "headers: {content-type: application/json}, json: {data: []}";
    let views: Vec<Value> = [
        (format!("{{status: 200, {json}}}"), "{client: ok, type: BookPage}"),
        (format!("{{status: 404, {json}}}"), "{client: api-error}"),
        (format!("{{status: 200, {json}}}"), "{client: decode-error}"),
        ("{status: 200, headers: {content-type: text/plain}, text: hello}".into(), "{client: ok, type: String}"),
        ("{status: 200, base64: //4=}".into(), "{client: ok, type: Bytes}"),
        ("{fault: reset}".into(), "{client: transport-error}"),
    ]
    .into_iter()
    .map(|(response, expect)| seen(&case(&response, expect), None, None)["response"].clone())
    .collect();
    insta::assert_snapshot!(format!("{:#}", json!(views)));
}

#[test]
fn each_outcome_has_a_form_of_its_own() {
    let case = case("{status: 204}", "{client: ok, type: ()}");
    let details: Map<String, Value> = [("etag".to_owned(), json!("e1"))].into_iter().collect();
    let decoded = |details: Map<String, Value>| Outcome::Decoded { type_name: "Book".into(), value: json!({"key": KEY}), details };
    let failure = Failure {
        class: FailureClass::ApiError,
        status: Some(404),
        code: Some("NO_BOOK".into()),
        message: Some("No such book".into()),
        details: details.clone(),
        display: format!("404 with {KEY}"),
        debug: "Error(404)".into(),
    };
    let broken = Outcome::Broken { check: "C421", message: "the program ended".into() };
    let bare = Failure { class: FailureClass::TransportError, ..Failure::default() };
    let outcomes = [decoded(Map::new()), decoded(details), Outcome::Failed(failure), Outcome::Failed(bare), Outcome::Unsupported, broken];
    let views = outcomes.map(|outcome| seen(&case, None, Some(outcome))["outcome"].clone());
    insta::assert_snapshot!(format!("{:#}", json!(views)));
}

#[test]
fn a_comparison_names_each_place_and_what_stands_there() {
    let case = case("{status: 204}", "{client: ok, type: ()}");
    let kept = json!({"request": null, "outcome": {"ok": {"value": [1, 2], "type": "Book"}}, "response": {"status": 200}});
    let now = json!({"request": {}, "outcome": {"ok": {"value": [1, 3, 4]}}, "response": {"status": 200.0}});
    let told: Vec<String> =
        compare(&case, &kept, &now).iter().map(|finding| format!("{} {} {}", finding.id, finding.pointer, finding.message)).collect();
    assert_eq!(
        told,
        [
            "C404 /request the snapshot has null, this run {}",
            "C404 /outcome/ok/value/1 the snapshot has 2, this run 3",
            "C404 /outcome/ok/value/2 this run has 4, the snapshot nothing",
            "C404 /outcome/ok/type the snapshot has \"Book\", this run has nothing",
        ]
    );
    assert!(compare(&case, &kept, &kept).is_empty());
}
